/**
 * Giving out any free addresses (upstream: AutoAssign in lib/ipam/ipam.go). A decision is made from what is known;
 * one transaction writes it, or shows why it is void, and then it is made anew.
 */
import type { CallOptions, KeyValue, TxnStep } from '../datastore/index.ts';
import type { IpVersion } from '../ip/index.ts';
import { findApplied } from './attempts.ts';
import { addressAt, allocate, ordinalsOfHandle } from './block.ts';
import {
  type Core,
  type Handle,
  handleStep,
  maxAttempts,
  maxSteps,
  type Stored,
  tooManyConflicts,
} from './core.ts';
import { type FamilyFacts, gatherFacts } from './facts.ts';
import {
  addressesOfPick,
  type Pick,
  type Picks,
  pickAddresses,
  pickWarm,
  type Survey,
  stepsOfPick,
  updateSurvey,
} from './pick.ts';
import type { BlockView, Plan } from './queue.ts';
import { initialConfig } from './source.ts';
import type { AssignedAddress, AutoAssignRequest, AutoAssignResult } from './types.ts';

/** What a call for addresses knows as it goes along, of one family. */
interface Progress {
  readonly requested: number;
  readonly addresses: AssignedAddress[];
  readonly survey: Survey;
  last: Picks | undefined;
}

/** See `Ipam.autoAssign`. */
export async function autoAssign(
  core: Core,
  request: AutoAssignRequest,
  options: CallOptions = {},
): Promise<AutoAssignResult> {
  const versions = ([4, 6] as const).filter((version) => countOf(request, version) > 0);
  const facts = await gatherFacts(core, request, versions, options);
  return core.queue.grouped({
    plan: (view) => planWarm(core, view, request, facts),
    alone: (lost) => assignFamilies(core, request, facts, options, lost && [(lost as AssignPlan).picks]),
  });
}

/** The assignment from blocks that are known and the host's: what can share a transaction with others'. */
function planWarm(
  core: Core,
  view: BlockView,
  request: AutoAssignRequest,
  families: readonly FamilyFacts[],
): AssignPlan | undefined {
  if (core.knownHandle(request.handle) || families.some((facts) => !facts.configStored)) return undefined;
  const picks: Pick[] = [];
  for (const facts of families) {
    const chosen = pickWarm(core, view, facts, countOf(request, facts.version));
    if (!chosen) return undefined;
    picks.push(...chosen);
  }
  const addresses = picks.flatMap(addressesOfPick);
  const extra = request.extra ? request.extra(addresses, undefined) : [];
  if (extra === undefined) return undefined;
  const holder = holderOf(request);
  const steps = stepsOf(request, picks, families, undefined);
  const ofFamily = (version: IpVersion) => ({
    requested: countOf(request, version),
    addresses: addresses.filter((address) => address.version === version),
    messages: [],
    failure: undefined,
    explanation: undefined,
  });
  return {
    blocks: picks.map((pick) => allocate(pick.block, pick.ordinals, holder)),
    steps: [...steps.filter((step) => step.key.type !== 'block'), ...extra],
    result: { v4: ofFamily(4), v6: ofFamily(6), reused: false, refused: false },
    picks,
  };
}

interface AssignPlan extends Plan<AutoAssignResult> {
  readonly picks: readonly Pick[];
}

function holderOf(request: AutoAssignRequest) {
  return { handle: request.handle, secondary: request.attributes ?? {} };
}

async function assignFamilies(
  core: Core,
  request: AutoAssignRequest,
  first: readonly FamilyFacts[],
  options: CallOptions,
  lost: readonly (readonly Pick[])[] = [],
): Promise<AutoAssignResult> {
  let families = first;
  const progress: Record<IpVersion, Progress> = { 4: newProgress(request, 4), 6: newProgress(request, 6) };
  const missing = (version: IpVersion) => progress[version].requested - progress[version].addresses.length;
  const add = (addresses: readonly AssignedAddress[]) => {
    for (const address of addresses) progress[address.version].addresses.push(address);
  };
  const finish = (
    state: { readonly reused?: boolean; readonly refused?: boolean } = {},
  ): AutoAssignResult => ({
    v4: familyResult(progress[4]),
    v6: familyResult(progress[6]),
    reused: state.reused ?? false,
    refused: state.refused ?? false,
  });
  /** Attempts whose reply was lost: they may still come true. */
  const ghosts: (readonly Pick[])[] = [...lost];
  let extraCurrent: readonly (KeyValue | undefined)[] | undefined;

  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const handle = core.knownHandle(request.handle);
    const untouched = progress[4].addresses.length + progress[6].addresses.length === 0;
    if (handle && request.existing === 'reuse' && untouched) {
      const held = await heldAddresses(core, request.handle, handle, options);
      if (held.length > 0) {
        add(held);
        return finish({ reused: true });
      }
    }
    const picks: Pick[] = [];
    let short = false;
    for (const facts of families) {
      if (missing(facts.version) <= 0) continue;
      const state = progress[facts.version];
      // A pick takes up to three steps and a check of its pool; a large request goes on in further transactions.
      const room = Math.floor((maxSteps - 20) / 4 / families.length);
      state.last = await pickAddresses(core, facts, missing(facts.version), room, state.survey, options);
      picks.push(...state.last.picks);
      short ||= state.last.short;
      // Upstream, too, leaves the second family alone when the first fails outright.
      if (state.last.failure !== undefined) break;
    }
    const addresses = picks.flatMap(addressesOfPick);
    const all = addresses.length === request.v4 + request.v6;
    if (picks.length === 0 || (request.allOrNothing && !all)) return finish();
    const extra = request.extra ? request.extra(addresses, extraCurrent) : [];
    if (extra === undefined) return finish({ refused: true });
    const steps = stepsOf(request, picks, families, handle);
    const outcome = await core.commit([...steps, ...extra], options);
    if (outcome.ok) {
      add(addresses);
      if (short || families.every(({ version }) => missing(version) <= 0)) return finish();
      families = families.map((facts) => ({ ...facts, configStored: true }));
      continue;
    }
    if (outcome.unknown) ghosts.push(picks);
    const came = await findApplied(core, ghosts, request.handle, options);
    if (came) {
      add(came.flatMap(addressesOfPick));
      return finish();
    }
    extraCurrent = extra.length > 0 ? outcome.current.slice(steps.length) : undefined;
    for (const { survey } of Object.values(progress)) updateSurvey(core, survey, picks);
    if (isRefuted(steps, outcome.current)) {
      core.source.refresh?.();
      families = await gatherFacts(
        core,
        request,
        families.map(({ version }) => version),
        options,
      );
    }
  }
  throw tooManyConflicts();
}

/** The addresses under a handle, as the blocks that it names show them. */
export async function heldAddresses(
  core: Core,
  id: string,
  handle: Stored<Handle>,
  options: CallOptions,
): Promise<AssignedAddress[]> {
  const blocks = await Promise.all(
    [...handle.value.blocks.keys()].map((text) => core.block(text, options, true)),
  );
  return blocks.flatMap((stored) =>
    stored
      ? ordinalsOfHandle(stored.value, id).map((ordinal) => ({
          address: addressAt(stored.value, ordinal),
          version: stored.value.cidr.version,
          block: stored.value.text,
          prefix: stored.value.cidr.prefix,
          sequence: stored.value.allocationSequence.get(ordinal) ?? 0n,
        }))
      : [],
  );
}

function stepsOf(
  request: AutoAssignRequest,
  picks: readonly Pick[],
  families: readonly FamilyFacts[],
  handle: Stored<Handle> | undefined,
): TxnStep[] {
  const holder = holderOf(request);
  const owner = { host: request.host, virtual: request.virtual ?? false };
  const counts = new Map(handle?.value.blocks ?? []);
  const pools = new Map<string, string>();
  const steps: TxnStep[] = [];
  for (const pick of picks) {
    steps.push(...stepsOfPick(pick, owner, holder));
    counts.set(pick.block.text, (counts.get(pick.block.text) ?? 0) + pick.ordinals.length);
    pools.set(pick.pool.name, pick.pool.revision);
  }
  steps.push(handleStep(request.handle, counts, handle)!);
  if (!families[0]!.configStored) {
    steps.push({ op: 'create', key: { type: 'ipam-config' }, value: initialConfig });
  }
  for (const [name, revision] of pools) {
    steps.push({ op: 'check', key: { type: 'resource', kind: 'IPPool', name }, revision });
  }
  return steps;
}

/** Whether a pool or the configuration was not as the source said. */
function isRefuted(steps: readonly TxnStep[], current: readonly (KeyValue | undefined)[]): boolean {
  return steps.some((step, i) => {
    if (step.op === 'check') return current[i]?.revision !== step.revision;
    return step.key.type === 'ipam-config' && current[i] !== undefined;
  });
}

function newProgress(request: AutoAssignRequest, version: IpVersion): Progress {
  return {
    requested: countOf(request, version),
    addresses: [],
    survey: { blocks: new Map(), complete: false },
    last: undefined,
  };
}

function familyResult(progress: Progress) {
  const short = progress.addresses.length < progress.requested;
  return {
    requested: progress.requested,
    addresses: progress.addresses,
    messages: short ? (progress.last?.messages ?? []) : [],
    failure: short ? progress.last?.failure : undefined,
    explanation: short ? progress.last?.explanation : undefined,
  };
}

function countOf(request: AutoAssignRequest, version: IpVersion): number {
  return version === 4 ? request.v4 : request.v6;
}
