/** Taking addresses back (upstream: ReleaseIPs and ReleaseByHandle in lib/ipam/ipam.go). */
import type { CallOptions, KeyValue, TxnStep } from '../datastore/index.ts';
import { parseAddress } from '../ip/index.ts';
import { releaseBlock } from './affinity.ts';
import {
  addressAt,
  attributeAt,
  type Block,
  type BlockAttribute,
  isEmpty,
  nextWrite,
  ordinalOf,
  ordinalsOfHandle,
  ownerHost,
  release,
} from './block.ts';
import { blockOfAddress } from './candidates.ts';
import {
  blockStep,
  type Core,
  type Handle,
  handleStep,
  maxAttempts,
  type Stored,
  tooManyConflicts,
} from './core.ts';
import { poolForBlock } from './facts.ts';
import { poolOf, selectsNode } from './pools.ts';
import type { BlockView, Plan } from './queue.ts';
import type {
  AssignedAddress,
  ExtraSteps,
  ReleaseByHandleResult,
  ReleaseRequest,
  ReleaseResult,
} from './types.ts';

/** Blocks and handles per transaction: etcd takes 128 operations. */
const chunk = 50;

/** See `Ipam.releaseByHandle`. */
export function releaseByHandle(
  core: Core,
  id: string,
  options: CallOptions & { readonly extra?: ExtraSteps } = {},
): Promise<ReleaseByHandleResult> {
  return core.queue.grouped({
    plan: (view) => planKnown(core, view, id, options),
    alone: () => releaseAlone(core, id, options),
  });
}

/** The release of a handle whose blocks are known: what can share a transaction with others'. */
function planKnown(
  core: Core,
  view: BlockView,
  id: string,
  options: { readonly extra?: ExtraSteps },
): Plan<ReleaseByHandleResult> | undefined {
  const handle = core.knownHandle(id);
  if (!handle || handle.value.blocks.size > 2) return undefined;
  const blocks: Block[] = [];
  const gone: AssignedAddress[] = [];
  for (const text of handle.value.blocks.keys()) {
    const before = view(text)?.value;
    const ordinals = before ? ordinalsOfHandle(before, id) : [];
    if (!before || ordinals.length === 0) return undefined;
    const block = release(before, ordinals);
    // An emptied block may have to go; that needs more than the view.
    if (isEmpty(block)) return undefined;
    blocks.push(block);
    for (const ordinal of ordinals) gone.push(addressOf(before, ordinal));
  }
  const extra = options.extra ? options.extra(gone, undefined) : [];
  if (extra === undefined) return undefined;
  return {
    blocks,
    steps: [{ op: 'delete', key: { type: 'handle', id }, revision: handle.revision }, ...extra],
    result: { found: true, released: gone.map(({ address }) => address), refused: false },
  };
}

async function releaseAlone(
  core: Core,
  id: string,
  options: CallOptions & { readonly extra?: ExtraSteps },
): Promise<ReleaseByHandleResult> {
  const released: string[] = [];
  const emptied: Block[] = [];
  let found = false;
  let extraCurrent: readonly (KeyValue | undefined)[] | undefined;
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    // What this process wrote last is tried first; a failed compare brings what is true now.
    const fresh = attempt > 0;
    const handle = await core.handle(id, options, fresh && core.knownHandle(id) === undefined);
    if (!handle && !found && options.extra === undefined) return { found, released, refused: false };
    const texts = [...(handle?.value.blocks.keys() ?? [])].slice(0, chunk);
    const blocks = await Promise.all(texts.map((text) => blockWith(core, text, id, options)));
    const steps: TxnStep[] = [];
    const gone: AssignedAddress[] = [];
    const after: Block[] = [];
    for (const stored of blocks) {
      if (!stored) continue;
      const ordinals = ordinalsOfHandle(stored.value, id);
      if (ordinals.length === 0) continue;
      const block = release(stored.value, ordinals);
      after.push(block);
      steps.push(afterRelease(block, stored.revision));
      for (const ordinal of ordinals) gone.push(addressOf(stored.value, ordinal));
    }
    const rest = new Map([...(handle?.value.blocks ?? [])].filter(([text]) => !texts.includes(text)));
    const step = handleStep(id, rest, handle);
    if (step) steps.push(step);
    const extra = options.extra ? options.extra(gone, extraCurrent) : [];
    if (extra === undefined) return { found, released, refused: true };
    if (steps.length + extra.length === 0) return { found, released, refused: false };
    const outcome = await core.commit([...steps, ...extra], options);
    if (!outcome.ok) {
      extraCurrent = extra.length > 0 ? outcome.current.slice(steps.length) : undefined;
      continue;
    }
    found ||= handle !== undefined;
    released.push(...gone.map(({ address }) => address));
    emptied.push(...after.filter(isEmpty));
    if (rest.size > 0) continue;
    for (const block of emptied) await dropDeselected(core, block, options);
    return { found, released, refused: false };
  }
  throw tooManyConflicts();
}

/**
 * A block that the handle names. When the one remembered holds nothing of it, another client has written meanwhile: to
 * delete the handle by what is remembered would leave its addresses behind for ever.
 */
async function blockWith(
  core: Core,
  text: string,
  id: string,
  options: CallOptions,
): Promise<Stored<Block> | undefined> {
  const known = await core.block(text, options);
  if (known && ordinalsOfHandle(known.value, id).length > 0) return known;
  return core.block(text, options, true);
}

/** See `Ipam.releaseIps`. */
export async function releaseIps(
  core: Core,
  requests: readonly ReleaseRequest[],
  options: CallOptions = {},
): Promise<ReleaseResult> {
  const { byBlock, nowhere } = await groupByBlock(core, requests, options);
  const released: string[] = [];
  const unallocated: string[] = [...nowhere];
  const mismatches: { block: string; address: string; message: string }[] = [];
  for (const [text, wanted] of byBlock) {
    const outcome = await core.queue.exclusive(() => releaseFromBlock(core, text, wanted, options));
    released.push(...outcome.released);
    unallocated.push(...outcome.unallocated);
    if (outcome.mismatch !== undefined) mismatches.push({ block: text, ...outcome.mismatch });
  }
  return { released, unallocated, mismatches };
}

async function groupByBlock(core: Core, requests: readonly ReleaseRequest[], options: CallOptions) {
  const pools = await core.source.pools(options);
  const byBlock = new Map<string, Map<string, ReleaseRequest>>();
  const nowhere: string[] = [];
  let all: ReadonlyMap<string, Stored<Block>> | undefined;
  for (const request of requests) {
    const address = parseAddress(request.address);
    const pool = poolOf(pools, address);
    let text = pool && blockOfAddress(pool, address).text;
    if (text === undefined) {
      // The pool is gone; its blocks live on while they hold addresses.
      all ??= await core.allBlocks(undefined, options);
      text = [...all].find(([, { value }]) => ordinalOf(value, address) !== undefined)?.[0];
    }
    if (text === undefined) {
      nowhere.push(request.address);
      continue;
    }
    const wanted = byBlock.get(text) ?? new Map<string, ReleaseRequest>();
    // The same address twice counts once.
    byBlock.set(text, wanted.set(request.address, request));
  }
  return { byBlock, nowhere };
}

async function releaseFromBlock(
  core: Core,
  text: string,
  wanted: ReadonlyMap<string, ReleaseRequest>,
  options: CallOptions,
): Promise<{ released: string[]; unallocated: string[]; mismatch?: { address: string; message: string } }> {
  const released: string[] = [];
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const stored = await core.block(text, options, attempt === 0);
    const unallocated: string[] = [];
    const byHandle = new Map<string | undefined, number[]>();
    for (const request of wanted.values()) {
      if (released.includes(request.address)) continue;
      const ordinal = stored && ordinalOf(stored.value, parseAddress(request.address));
      const holder = ordinal === undefined ? undefined : attributeAt(stored!.value, ordinal);
      const mismatch =
        ordinal === undefined ? undefined : mismatchOf(stored!.value, ordinal, holder, request);
      if (mismatch !== undefined) {
        return { released, unallocated, mismatch: { address: request.address, message: mismatch } };
      }
      if (ordinal === undefined || !holder) {
        unallocated.push(request.address);
        continue;
      }
      byHandle.set(holder.handle, [...(byHandle.get(holder.handle) ?? []), ordinal]);
    }
    if (!stored || byHandle.size === 0) return { released, unallocated };
    const part = [...byHandle].slice(0, chunk);
    const ordinals = part.flatMap(([, held]) => held);
    const block = release(stored.value, ordinals, true);
    const steps: TxnStep[] = [afterRelease(block, stored.revision)];
    const handles = await readHandles(
      core,
      part.flatMap(([id]) => (id === undefined ? [] : [id])),
      options,
    );
    for (const [id, handle] of handles) {
      const counts = new Map(handle.value.blocks).set(text, ordinalsOfHandle(block, id).length);
      const step = handleStep(id, counts, handle);
      if (step) steps.push(step);
    }
    if (!(await core.commit(steps, options)).ok) continue;
    released.push(...ordinals.map((ordinal) => addressAt(stored.value, ordinal)));
    if (part.length < byHandle.size) continue;
    if (isEmpty(block)) await dropDeselected(core, block, options);
    return { released, unallocated };
  }
  throw tooManyConflicts();
}

async function readHandles(core: Core, ids: readonly string[], options: CallOptions) {
  const handles = new Map<string, Stored<Handle>>();
  const read = await Promise.all(ids.map((id) => core.handle(id, options, true)));
  ids.forEach((id, i) => {
    const handle = read[i];
    if (handle) handles.set(id, handle);
  });
  return handles;
}

function mismatchOf(
  block: Block,
  ordinal: number,
  holder: BlockAttribute | undefined,
  request: ReleaseRequest,
): string | undefined {
  const sequence = block.allocationSequence.get(ordinal) ?? 0n;
  if (request.sequence !== undefined && request.sequence !== sequence) {
    return `the given sequence number (${request.sequence}) does not match (${sequence}) when attempting to release IP`;
  }
  if (holder && request.handle !== undefined && request.handle !== holder.handle) {
    return `the given handle (${request.handle}) does not match (${holder.handle ?? ''}) when attempting to release IP`;
  }
  return undefined;
}

/** A block without owner goes with its last address. */
function afterRelease(block: Block, revision: string): TxnStep {
  return block.affinity === undefined && isEmpty(block)
    ? { op: 'delete', key: { type: 'block', cidr: block.text }, revision }
    : blockStep(nextWrite(block), revision);
}

/** Gives up the emptied block of a node that its pool no longer selects. */
async function dropDeselected(core: Core, block: Block, options: CallOptions): Promise<void> {
  const host = ownerHost(block);
  if (host === undefined) return;
  const pool = poolForBlock(await core.source.pools(options), block.text);
  if (!pool || pool.nodeSelector === '' || pool.nodeSelector === 'all()') return;
  const labels = await core.source.nodeLabels(host, options);
  if (labels === undefined || selectsNode(pool, labels)) return;
  await releaseBlock(core, host, block.text, { ...options, mustBeEmpty: true });
}

function addressOf(block: Block, ordinal: number): AssignedAddress {
  return {
    address: addressAt(block, ordinal),
    version: block.cidr.version,
    block: block.text,
    prefix: block.cidr.prefix,
    sequence: block.allocationSequence.get(ordinal) ?? 0n,
  };
}
