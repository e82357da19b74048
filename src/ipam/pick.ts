/** Choosing blocks and ordinals: first the host's own blocks, then a new one, then (unless strict) others' blocks. */
import type { CallOptions, TxnStep } from '../datastore/index.ts';
import { cidrCovers, type IpVersion } from '../ip/index.ts';
import { releaseBlock } from './affinity.ts';
import { addressAt, allocate, type Block, freeOrdinals, isEmpty, nextWrite, ownerHost } from './block.ts';
import { candidateBlocks } from './candidates.ts';
import { type Affinity, affinityKey, affinityValue, blockStep, type Core, type Stored } from './core.ts';
import { type FamilyFacts, isReserved, makeBlock, poolForBlock } from './facts.ts';
import { formatPools, selectsNode } from './pools.ts';
import { describeShortage } from './shortage.ts';
import type { AssignedAddress, Attributes, Pool } from './types.ts';

/** Ordinals to take from a block, and what else has to be written so that it is the host's. */
export interface Pick {
  readonly pool: Pool;
  /** The block before the allocation. */
  readonly block: Block;
  /** `undefined`: the block is made. */
  readonly revision: string | undefined;
  /** The affinity key: as it should be, to be made, or to be set right at this revision. */
  readonly affinity: 'good' | 'create' | { readonly revision: string };
  readonly ordinals: readonly number[];
}

/** What one call has learnt about the pools' blocks: by failed claims, or the full list. */
export interface Survey {
  readonly blocks: Map<string, Stored<Block>>;
  complete: boolean;
}

/** Picks for one family; `short` when more cannot be had, with upstream's words for it. */
export interface Picks {
  readonly picks: readonly Pick[];
  readonly short: boolean;
  readonly messages: readonly string[];
  readonly failure: string | undefined;
  /** See `describeShortage`. */
  readonly explanation: string | undefined;
}

type Place = Omit<Pick, 'ordinals'>;

/** Claims tried blindly before all blocks are listed. */
const blindTries = 3;
/** Milliseconds after which an empty block of another host may be taken over. */
const reclaimAge = 60_000;

/** Decides where `count` addresses come from, with at most `room` blocks. */
export async function pickAddresses(
  core: Core,
  facts: FamilyFacts,
  count: number,
  room: number,
  survey: Survey,
  options: CallOptions,
): Promise<Picks> {
  const picks: Pick[] = [];
  let missing = count;
  const full = () => missing === 0 || picks.length >= room;
  const take = (place: Place) => {
    const ordinals = freeOrdinals(place.block, missing, isReserved(facts));
    if (ordinals.length === 0) return;
    picks.push({ ...place, ordinals });
    missing -= ordinals.length;
  };
  const finish = (messages: readonly string[] = [], failure?: string): Picks => {
    const short = messages.length > 0 || failure !== undefined;
    return { picks, short, messages, failure, explanation: short ? explain() : undefined };
  };
  const explain = () => {
    const own = [...mine].map((text) => core.knownBlock(text)?.value).filter((block) => block !== undefined);
    const blocks = survey.complete ? [...survey.blocks.values()].map(({ value }) => value) : own;
    return describeShortage(facts, blocks, survey.complete);
  };

  const mine = new Set<string>();
  for (const fresh of [false, true]) {
    if (full()) return finish();
    for (const place of await ownPlaces(core, facts, mine, fresh, full, options)) if (!full()) take(place);
  }
  while (!full()) {
    if (mine.size >= facts.maxBlocks) {
      const limit = `Need to allocate an IPAM block but could not - limit of ${facts.maxBlocks} blocks reached for this node`;
      return finish([limit], 'cannot allocate new block due to per host block limit');
    }
    if (!facts.config.autoAllocateBlocks) return finish([], 'failed to find or claim a block');
    const place = await findPlace(core, facts, mine, survey, options);
    if (!place) break;
    mine.add(place.block.text);
    take(place);
  }
  if (full()) return finish();
  if (facts.config.strictAffinity) return finish(['No more free affine blocks and strict affinity enabled']);
  for (const pool of facts.pools) {
    for (const { text } of candidateBlocks(pool, facts.host, core.start)) {
      const stored = survey.blocks.get(text);
      if (stored && !mine.has(text)) {
        take({ pool, block: stored.value, revision: stored.revision, affinity: 'good' });
      }
      if (full()) return finish();
    }
  }
  return finish([`No IPs available in pools: ${formatPools(facts.pools)}`]);
}

/** Picks from blocks of the host that are known and good, without I/O; `undefined` when those do not suffice. */
export function pickWarm(
  core: Core,
  view: (text: string) => Stored<Block> | undefined,
  facts: FamilyFacts,
  count: number,
): readonly Pick[] | undefined {
  const picks: Pick[] = [];
  let missing = count;
  for (const affinity of core.knownAffinities(facts.host, facts.virtual, facts.version) ?? []) {
    if (missing === 0) break;
    const pool = poolForBlock(facts.pools, affinity.block);
    const stored = view(affinity.block);
    if (!pool || affinity.state !== 'confirmed' || stored?.value.affinity !== facts.owner) continue;
    const ordinals = freeOrdinals(stored.value, missing, isReserved(facts));
    if (ordinals.length === 0) continue;
    picks.push({ pool, block: stored.value, revision: stored.revision, affinity: 'good', ordinals });
    missing -= ordinals.length;
  }
  return missing === 0 ? picks : undefined;
}

/** The host's blocks in the chosen pools; `mine` collects them, and a second, fresh look gives only new ones. */
async function ownPlaces(
  core: Core,
  facts: FamilyFacts,
  mine: Set<string>,
  fresh: boolean,
  full: () => boolean,
  options: CallOptions,
): Promise<readonly Place[]> {
  const places: Place[] = [];
  for (const affinity of await core.affinities(facts.host, facts.virtual, facts.version, options, fresh)) {
    if (mine.has(affinity.block) || full()) continue;
    const pool = poolForBlock(facts.pools, affinity.block);
    if (!pool) {
      if (fresh) await dropDeselected(core, facts, affinity, options);
      continue;
    }
    const place = await ownPlace(core, facts, affinity, pool, options);
    if (!place) continue;
    mine.add(affinity.block);
    places.push(place);
    // Enough for this call in most cases; what is missing makes the caller look at the rest.
    if (freeOrdinals(place.block, 1, isReserved(facts)).length > 0 && !fresh) break;
  }
  return places;
}

/** The block behind an affinity and what has to be repaired; `undefined` when it is another's: the key is removed. */
async function ownPlace(
  core: Core,
  facts: FamilyFacts,
  affinity: Affinity,
  pool: Pool,
  options: CallOptions,
): Promise<Place | undefined> {
  const { revision } = affinity;
  let stored = await core.block(affinity.block, options);
  if (stored && stored.value.affinity !== facts.owner)
    stored = await core.block(affinity.block, options, true);
  if (!stored) {
    // The claimer died before it made the block, or the block was deleted behind the key.
    const block = makeBlock(core, facts.owner, affinity.block);
    return { pool, block, revision: undefined, affinity: { revision } };
  }
  if (stored.value.affinity !== facts.owner) {
    const key = affinityKey(facts.host, facts.virtual, affinity.block);
    await core.commit([{ op: 'delete', key, revision }], options);
    return undefined;
  }
  const good = affinity.state === 'confirmed' ? 'good' : { revision };
  return { pool, block: stored.value, revision: stored.revision, affinity: good };
}

/** Gives up an empty block of a pool that no longer selects the node. Failing is no harm: the next call tries again. */
async function dropDeselected(
  core: Core,
  facts: FamilyFacts,
  affinity: Affinity,
  options: CallOptions,
): Promise<void> {
  const pool = poolForBlock(facts.allPools, affinity.block);
  if (!pool || facts.poolsRequested || facts.nodeLabels === undefined) return;
  if (selectsNode(pool, facts.nodeLabels)) return;
  await releaseBlock(core, facts.host, affinity.block, { ...options, mustBeEmpty: true });
}

/** A block that nobody has, or one that can be taken over; `undefined` when there is none. */
async function findPlace(
  core: Core,
  facts: FamilyFacts,
  mine: ReadonlySet<string>,
  survey: Survey,
  options: CallOptions,
): Promise<Place | undefined> {
  if (survey.blocks.size >= blindTries) await completeSurvey(core, facts.version, survey, options);
  let found = search(core, facts, mine, survey);
  if (!found.place && !survey.complete) {
    await completeSurvey(core, facts.version, survey, options);
    found = search(core, facts, mine, survey);
  }
  if (found.place) return found.place;
  for (const { pool, block } of found.empty) {
    const age =
      block.claimTime === undefined ? reclaimAge : core.now().getTime() - Date.parse(block.claimTime);
    if (age < reclaimAge) continue;
    const outcome = await releaseBlock(core, ownerHost(block)!, block.text, {
      ...options,
      mustBeEmpty: true,
      sequence: block.sequence,
    });
    if (outcome !== 'released') continue;
    survey.blocks.delete(block.text);
    return { pool, block: makeBlock(core, facts.owner, block.text), revision: undefined, affinity: 'create' };
  }
  return undefined;
}

/** The first block of the walk that is free as far as the survey knows, else the empty ones of other hosts. */
function search(
  core: Core,
  facts: FamilyFacts,
  mine: ReadonlySet<string>,
  survey: Survey,
): { readonly place?: Place; readonly empty: readonly { readonly pool: Pool; readonly block: Block }[] } {
  const empty: { readonly pool: Pool; readonly block: Block }[] = [];
  for (const pool of facts.pools) {
    for (const { cidr, text } of candidateBlocks(pool, facts.host, core.start)) {
      if (mine.has(text) || facts.reservations.some((reserved) => cidrCovers(reserved, cidr))) continue;
      const stored = survey.blocks.get(text);
      if (!stored) {
        const block = makeBlock(core, facts.owner, text);
        return { place: { pool, block, revision: undefined, affinity: 'create' }, empty };
      }
      const block = stored.value;
      if (block.affinity === facts.owner && freeOrdinals(block, 1, isReserved(facts)).length > 0) {
        return { place: { pool, block, revision: stored.revision, affinity: 'create' }, empty };
      }
      if (isEmpty(block) && block.affinity !== facts.owner && ownerHost(block) !== undefined) {
        empty.push({ pool, block });
      }
    }
  }
  return { empty };
}

async function completeSurvey(
  core: Core,
  version: IpVersion,
  survey: Survey,
  options: CallOptions,
): Promise<void> {
  if (survey.complete) return;
  survey.blocks.clear();
  for (const [text, stored] of await core.allBlocks(version, options)) survey.blocks.set(text, stored);
  survey.complete = true;
}

/** The steps that carry out a pick. */
export function stepsOfPick(
  pick: Pick,
  owner: { readonly host: string; readonly virtual: boolean },
  holder: { readonly handle: string | undefined; readonly secondary: Attributes },
): readonly TxnStep[] {
  const block =
    pick.ordinals.length === 0 ? pick.block : nextWrite(allocate(pick.block, pick.ordinals, holder));
  const steps: TxnStep[] = [blockStep(block, pick.revision)];
  if (pick.affinity !== 'good') {
    const key = affinityKey(owner.host, owner.virtual, pick.block.text);
    const value = affinityValue('confirmed');
    steps.push(
      pick.affinity === 'create'
        ? { op: 'create', key, value }
        : { op: 'update', key, value, revision: pick.affinity.revision },
    );
  }
  return steps;
}

/** The addresses of a pick. */
export function addressesOfPick(pick: Pick): AssignedAddress[] {
  return pick.ordinals.map((ordinal) => ({
    address: addressAt(pick.block, ordinal),
    version: pick.block.cidr.version,
    block: pick.block.text,
    prefix: pick.block.cidr.prefix,
    sequence: pick.block.sequence,
  }));
}

/** Puts what a failed transaction showed of the picked blocks into the survey. */
export function updateSurvey(core: Core, survey: Survey, picks: readonly Pick[]): void {
  for (const { block, revision } of picks) {
    const stored = core.knownBlock(block.text);
    if (stored && (revision === undefined || survey.blocks.has(block.text)))
      survey.blocks.set(block.text, stored);
    if (!stored) survey.blocks.delete(block.text);
  }
}
