/** What a decision about addresses rests on: pools, reservations, configuration, and who asks. */
import type { CallOptions } from '../datastore/index.ts';
import { CalicoError } from '../errors.ts';
import { type Address, type Cidr, cidrContains, type IpVersion, parseAddress } from '../ip/index.ts';
import { type Block, newBlock } from './block.ts';
import type { Core } from './core.ts';
import { choosePools, poolOf } from './pools.ts';
import { defaultConfig } from './source.ts';
import type { AutoAssignRequest, IpamConfig, Pool } from './types.ts';

/** Blocks of a host when nothing else limits them. */
const defaultMaxBlocks = 20;

/** The facts for one family. */
export interface FamilyFacts {
  readonly version: IpVersion;
  /** Pools that may serve, in order. */
  readonly pools: readonly Pool[];
  readonly allPools: readonly Pool[];
  readonly poolsRequested: boolean;
  readonly reservations: readonly Cidr[];
  readonly config: IpamConfig;
  readonly configStored: boolean;
  readonly maxBlocks: number;
  readonly host: string;
  readonly nodeLabels: Readonly<Record<string, string>> | undefined;
  readonly virtual: boolean;
  /** The block's `affinity` when it is the host's. */
  readonly owner: string;
}

/** What of a request decides about pools and blocks. */
export type BlockRequest = Pick<
  AutoAssignRequest,
  'host' | 'use' | 'v4Pools' | 'v6Pools' | 'namespaceLabels' | 'maxBlocks' | 'virtual'
>;

/** Looks everything up at once. @throws CalicoError NOT_FOUND without the node, INPUT without a pool */
export async function gatherFacts(
  core: Core,
  request: BlockRequest,
  versions: readonly IpVersion[],
  options: CallOptions,
): Promise<readonly FamilyFacts[]> {
  const { source } = core;
  const virtual = request.virtual ?? false;
  const [allPools, reservations, nodeLabels, stored] = await Promise.all([
    source.pools(options),
    source.reservations(options),
    virtual ? undefined : source.nodeLabels(request.host, options),
    source.config(options),
  ]);
  if (!virtual && nodeLabels === undefined) {
    throw new CalicoError('NOT_FOUND', `resource does not exist: Node(${request.host}) with error: <nil>`, {
      cure: 'Check that calico-node runs on this host and that the node name in the CNI configuration is right.',
    });
  }
  const config = stored ?? defaultConfig;
  const limits = [config.maxBlocksPerHost, request.maxBlocks ?? 0].filter((limit) => limit > 0);
  return versions.map((version) => {
    const requested = (version === 4 ? request.v4Pools : request.v6Pools) ?? [];
    return {
      version,
      pools: choosePools(allPools, {
        version,
        requested,
        host: request.host,
        nodeLabels,
        namespaceLabels: request.namespaceLabels ?? {},
        use: request.use,
      }),
      allPools,
      poolsRequested: requested.length > 0,
      reservations,
      config,
      configStored: stored !== undefined,
      maxBlocks: limits.length > 0 ? Math.min(...limits) : defaultMaxBlocks,
      host: request.host,
      nodeLabels,
      virtual,
      owner: ownerText(request.host, virtual),
    };
  });
}

/** A block's `affinity` for an owner. */
export function ownerText(host: string, virtual: boolean): string {
  return `${virtual ? 'virtual' : 'host'}:${host}`;
}

/** Whether an address may not be given out automatically. */
export function isReserved(facts: FamilyFacts): (address: Address) => boolean {
  return (address) => facts.reservations.some((cidr) => cidrContains(cidr, address));
}

/** A new block of the owner, claimed now. */
export function makeBlock(core: Core, owner: string, text: string): Block {
  return newBlock(blockCidr(text), text, {
    affinity: owner,
    claimTime: core
      .now()
      .toISOString()
      .replace(/\.\d+Z$/, 'Z'),
    sequence: core.newSequence(),
  });
}

/** The pool that a block lies in. */
export function poolForBlock(pools: readonly Pool[], block: string): Pool | undefined {
  return poolOf(pools, blockCidr(block));
}

/** The CIDR of a block's text, which is canonical. */
export function blockCidr(text: string): Cidr {
  const slash = text.lastIndexOf('/');
  return { ...parseAddress(text.slice(0, slash)), prefix: Number(text.slice(slash + 1)) };
}
