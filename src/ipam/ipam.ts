/** The allocator, put together. */
import type { CallOptions, Datastore } from '../datastore/index.ts';
import type { IpVersion } from '../ip/index.ts';
import { parseAddress } from '../ip/index.ts';
import {
  claimAffinity,
  releaseAffinity,
  releaseBlock,
  releaseHostAffinities,
  releasePoolAffinities,
  removeHost,
} from './affinity.ts';
import { allocationAt } from './allocation.ts';
import { autoAssign } from './assign.ts';
import { assignIp } from './assign-ip.ts';
import { attributeAt, ordinalOf, ordinalsOfHandle } from './block.ts';
import { blockOfAddress } from './candidates.ts';
import { getConfig, setConfig } from './config.ts';
import { Core } from './core.ts';
import { ensureBlocks } from './ensure-blocks.ts';
import { poolOf } from './pools.ts';
import { releaseByHandle, releaseIps } from './release.ts';
import type { Allocation, Ipam, IpamSource } from './types.ts';

/**
 * An allocator on a datastore. One per process is meant: its calls wait for each other instead of conflicting, and it
 * remembers blocks and handles, so that an address from a warm block costs one transaction.
 */
export function createIpam(
  datastore: Datastore,
  options: {
    readonly source?: IpamSource;
    readonly now?: () => Date;
    /** Where in a pool a host begins to look for a block, by default from a hash of its name. */
    readonly start?: (host: string, blocks: bigint) => number;
  } = {},
): Ipam {
  const core = new Core(datastore, options.source, options.now ?? (() => new Date()), options.start);
  return {
    autoAssign: (request, call) => autoAssign(core, request, call),
    assignIp: (request, call) => assignIp(core, request, call),
    releaseIps: (requests, call) => releaseIps(core, requests, call),
    releaseByHandle: (handle, call) => releaseByHandle(core, handle, call),
    addressesByHandle: (handle, call) => addressesByHandle(core, handle, call),
    allocationOf: (address, call) => allocationOf(core, address, call),
    claimAffinity: (cidr, host, call) => claimAffinity(core, cidr, host, call),
    releaseAffinity: (cidr, host, call) => releaseAffinity(core, cidr, host, call),
    releaseBlock: (block, host, call) => core.queue.exclusive(() => releaseBlock(core, host, block, call)),
    releaseHostAffinities: (host, call) => releaseHostAffinities(core, host, call),
    releasePoolAffinities: (cidr, call) => releasePoolAffinities(core, cidr, call),
    removeHost: (host, call) => removeHost(core, host, call),
    ensureBlock: (host, request, call) => {
      const versions: IpVersion[] = [
        ...(request.v4 ? [4 as const] : []),
        ...(request.v6 ? [6 as const] : []),
      ];
      return ensureBlocks(core, { ...request, host }, versions, call);
    },
    getConfig: (call) => getConfig(core, call),
    setConfig: (change, call) => setConfig(core, change, call),
  };
}

async function addressesByHandle(
  core: Core,
  id: string,
  options: CallOptions = {},
): Promise<readonly Allocation[] | undefined> {
  const handle = await core.handle(id, options, true);
  if (!handle) return undefined;
  const blocks = await Promise.all(
    [...handle.value.blocks.keys()].map((text) => core.block(text, options, true)),
  );
  return blocks.flatMap((stored) =>
    stored ? ordinalsOfHandle(stored.value, id).map((ordinal) => allocationAt(stored.value, ordinal)) : [],
  );
}

async function allocationOf(
  core: Core,
  text: string,
  options: CallOptions = {},
): Promise<Allocation | undefined> {
  const address = parseAddress(text);
  const pool = poolOf(await core.source.pools(options), address);
  const stored = pool && (await core.block(blockOfAddress(pool, address).text, options, true));
  const ordinal = stored && ordinalOf(stored.value, address);
  if (ordinal === undefined || attributeAt(stored!.value, ordinal) === undefined) return undefined;
  return allocationAt(stored!.value, ordinal);
}
