/** Claiming and giving up blocks (upstream: lib/ipam/ipam_block_reader_writer.go), each in one transaction. */
import type { CallOptions, TxnStep } from '../datastore/index.ts';
import { CalicoError } from '../errors.ts';
import { cidrCovers, parseCidr } from '../ip/index.ts';
import { isEmpty, nextWrite, withoutAffinity } from './block.ts';
import { candidateBlocks } from './candidates.ts';
import {
  type Affinity,
  affinityKey,
  affinityValue,
  blockStep,
  type Core,
  maxAttempts,
  parseAffinity,
  tooManyConflicts,
} from './core.ts';
import { makeBlock, ownerText } from './facts.ts';
import { poolOf } from './pools.ts';
import type { Pool, ReleaseAffinityResult } from './types.ts';

/** How a block is given up. */
export interface ReleaseOptions extends CallOptions {
  /** Only if nothing is allocated in it. */
  readonly mustBeEmpty?: boolean;
  /** Only if the block is as it was at this sequence number. */
  readonly sequence?: bigint;
  readonly virtual?: boolean;
}

/**
 * Gives up a block: an empty one is deleted, another loses its owner and lives on for its addresses. Half-done claims
 * and releases of any client end here as well.
 */
export async function releaseBlock(
  core: Core,
  host: string,
  text: string,
  options: ReleaseOptions = {},
): Promise<ReleaseAffinityResult> {
  const virtual = options.virtual ?? false;
  const owner = ownerText(host, virtual);
  const key = affinityKey(host, virtual, text);
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const [affinity, stored] = await Promise.all([
      core.datastore.get(key, options),
      core.block(text, options, true),
    ]);
    const block = stored?.value;
    const steps: TxnStep[] = [];
    if (affinity) steps.push({ op: 'delete', key, revision: affinity.revision });
    const foreign = block?.affinity !== undefined && block.affinity !== owner;
    if (block && stored && !foreign) {
      if (options.sequence !== undefined && options.sequence !== block.sequence) return 'changed';
      if (options.mustBeEmpty && !isEmpty(block)) return 'not-empty';
      if (isEmpty(block))
        steps.push({ op: 'delete', key: { type: 'block', cidr: text }, revision: stored.revision });
      else if (block.affinity === owner)
        steps.push(blockStep(nextWrite(withoutAffinity(block)), stored.revision));
    }
    if (steps.length === 0) return foreign ? 'not-ours' : 'absent';
    if ((await core.commit(steps, options)).ok) return foreign ? 'not-ours' : 'released';
  }
  throw tooManyConflicts();
}

/** Makes a block the host's; `false` when it is another's. */
export async function claimBlock(
  core: Core,
  host: string,
  text: string,
  options: CallOptions = {},
): Promise<boolean> {
  const owner = ownerText(host, false);
  const key = affinityKey(host, false, text);
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const [affinityKv, stored] = await Promise.all([
      core.datastore.get(key, options),
      core.block(text, options, true),
    ]);
    const affinity = affinityKv && parseAffinity(affinityKv);
    const steps: TxnStep[] = [];
    if (stored && stored.value.affinity !== owner) {
      if (!affinity) return false;
      steps.push({ op: 'delete', key, revision: affinity.revision });
      if ((await core.commit(steps, options)).ok) return false;
      continue;
    }
    if (!stored) steps.push(blockStep(makeBlock(core, owner, text), undefined));
    const value = affinityValue('confirmed');
    if (!affinity) steps.push({ op: 'create', key, value });
    else if (affinity.state !== 'confirmed')
      steps.push({ op: 'update', key, value, revision: affinity.revision });
    if (steps.length === 0 || (await core.commit(steps, options)).ok) return true;
  }
  throw tooManyConflicts();
}

/** See `Ipam.claimAffinity`. */
export async function claimAffinity(core: Core, cidr: string, host: string, options: CallOptions = {}) {
  const claimed: string[] = [];
  const failed: string[] = [];
  for (const text of blocksOf(await core.source.pools(options), cidr)) {
    const won = await core.queue.exclusive(() => claimBlock(core, host, text, options));
    (won ? claimed : failed).push(text);
  }
  return { claimed, failed };
}

/** See `Ipam.releaseAffinity`. */
export async function releaseAffinity(core: Core, cidr: string, host: string, options: ReleaseOptions = {}) {
  const outcomes = new Map<string, ReleaseAffinityResult>();
  for (const text of blocksOf(await core.source.pools(options), cidr)) {
    outcomes.set(text, await core.queue.exclusive(() => releaseBlock(core, host, text, options)));
  }
  return outcomes;
}

/** See `Ipam.releaseHostAffinities`. */
export async function releaseHostAffinities(core: Core, host: string, options: ReleaseOptions = {}) {
  const [v4, v6] = await Promise.all(
    ([4, 6] as const).map((version) =>
      core.affinities(host, options.virtual ?? false, version, options, true),
    ),
  );
  return releaseAll(core, [...v4!, ...v6!], options);
}

/** See `Ipam.releasePoolAffinities`. */
export async function releasePoolAffinities(core: Core, poolCidr: string, options: CallOptions = {}) {
  const pool = parseCidr(poolCidr);
  const { items } = await core.datastore.list({ type: 'affinity' }, options);
  const virtual = await core.datastore.list({ type: 'raw', prefix: '/calico/ipam/v2/virtual/' }, options);
  const affinities = [...items, ...virtual.items]
    .map(parseAffinity)
    .filter((affinity) => affinity !== undefined && cidrCovers(pool, parseCidr(affinity.block)));
  return releaseAll(core, affinities as readonly Affinity[], options);
}

async function releaseAll(core: Core, affinities: readonly Affinity[], options: ReleaseOptions) {
  const outcomes = new Map<string, ReleaseAffinityResult>();
  for (const { host, virtual, block } of affinities) {
    outcomes.set(
      block,
      await core.queue.exclusive(() => releaseBlock(core, host, block, { ...options, virtual })),
    );
  }
  return outcomes;
}

/** See `Ipam.removeHost`. */
export async function removeHost(core: Core, host: string, options: CallOptions = {}): Promise<void> {
  await releaseHostAffinities(core, host, options);
  await core.datastore.delete({ type: 'raw', path: `/calico/ipam/v2/host/${host}` }, options);
}

function blocksOf(pools: readonly Pool[], text: string): string[] {
  const cidr = parseCidr(text);
  const pool = poolOf(pools, cidr);
  if (!pool)
    throw new CalicoError('INPUT', `The requested CIDR (${text}) is not within any configured pools.`);
  if (cidr.prefix > pool.blockSize) {
    throw new CalicoError('INPUT', `The requested CIDR (${text}) is smaller than the minimum.`);
  }
  return [...candidateBlocks({ ...pool, cidr }, '')].map((candidate) => candidate.text);
}
