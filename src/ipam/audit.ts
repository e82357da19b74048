/**
 * What IPAM's data says against what nodes and workloads use (upstream: `calicoctl ipam check`). Pure but for
 * {@link readIpamState}, which lists everything.
 */
import type { CallOptions, Datastore, Json, KeyValue } from '../datastore/index.ts';
import { formatAddress, tryParseInterfaceAddress } from '../ip/index.ts';
import type { Resource } from '../resources/resource.ts';
import { allocationAt } from './allocation.ts';
import { type Block, ordinalsOfHandle, ownerHost, parseBlock } from './block.ts';
import { type Affinity, type Handle, parseAffinity, parseHandle } from './core.ts';
import { parsePool, poolOf } from './pools.ts';
import type { Allocation, Pool } from './types.ts';

/** A handle with the revision at which it may be deleted. */
export interface StoredHandle extends Handle {
  readonly id: string;
  readonly revision: string;
}

/** A block with its revision. */
export interface StoredBlock {
  readonly block: Block;
  readonly revision: string;
}

/** Everything that bears on addresses, each list in path order. */
export interface IpamState {
  readonly blocks: readonly StoredBlock[];
  readonly affinities: readonly Affinity[];
  readonly handles: readonly StoredHandle[];
  readonly pools: readonly Pool[];
  readonly nodes: readonly Resource[];
  readonly endpoints: readonly Resource[];
  /** Addresses in use by something else (services of type LoadBalancer), with a name for it. */
  readonly others: readonly { readonly address: string; readonly name: string }[];
  /** Values that cannot be read, by path. */
  readonly broken: readonly { readonly path: string; readonly reason: string }[];
}

/** Who uses an address. */
export interface AddressOwner {
  readonly kind: 'node' | 'workload' | 'other';
  /** As upstream names it: `Node(n1)`, `Workload(ns/name)`. */
  readonly name: string;
  readonly resource: Resource | undefined;
}

/** An allocation with what is known of its use. */
export interface AuditedAllocation extends Allocation {
  readonly owners: readonly AddressOwner[];
  /** Node of its attributes, else of its block. */
  readonly node: string | undefined;
  /** It lies in a block of another host than its node. */
  readonly borrowed: boolean;
  readonly inPool: boolean;
}

/** An address in use. */
export interface UsedAddress {
  readonly address: string;
  readonly owners: readonly AddressOwner[];
  readonly inPool: boolean;
  readonly allocated: boolean;
}

/** The findings. */
export interface Audit {
  readonly allocations: readonly AuditedAllocation[];
  readonly used: readonly UsedAddress[];
  /** Allocated, but nobody uses it. */
  readonly leaked: readonly AuditedAllocation[];
  /** Used, but outside all enabled pools. */
  readonly outsidePools: readonly UsedAddress[];
  /** Used and in a pool, but not allocated: IPAM may give it to another. */
  readonly unallocated: readonly UsedAddress[];
  readonly multipleOwners: readonly UsedAddress[];
  /** Handles none of whose blocks holds an address of theirs. */
  readonly emptyHandles: readonly StoredHandle[];
  /** Handles in blocks without a handle of their own. */
  readonly missingHandles: readonly string[];
  /** Allocations per node, most first. */
  readonly perNode: readonly { readonly node: string; readonly count: number }[];
  /** As upstream counts. */
  readonly problems: number;
}

/** Lists everything that {@link audit} needs. */
export async function readIpamState(datastore: Datastore, options?: CallOptions): Promise<IpamState> {
  const resources = (kind: string) => datastore.list({ type: 'resource', kind }, options);
  const [blocks, affinities, virtual, handles, pools, nodes, endpoints] = await Promise.all([
    datastore.list({ type: 'block' }, options),
    datastore.list({ type: 'affinity' }, options),
    datastore.list({ type: 'raw', prefix: '/calico/ipam/v2/virtual/' }, options),
    datastore.list({ type: 'handle' }, options),
    resources('IPPool'),
    resources('Node'),
    resources('WorkloadEndpoint'),
  ]);
  const broken = [...blocks.broken, ...affinities.broken, ...handles.broken, ...endpoints.broken];
  return {
    blocks: blocks.items.flatMap((kv) => {
      try {
        return [{ block: parseBlock(kv.value as Json), revision: kv.revision }];
      } catch (error) {
        broken.push({ path: kv.key.type === 'block' ? kv.key.cidr : '', reason: String(error) });
        return [];
      }
    }),
    affinities: [...affinities.items, ...virtual.items].map(parseAffinity).filter((one) => one !== undefined),
    handles: handles.items.flatMap((kv) =>
      kv.key.type === 'handle'
        ? [{ id: kv.key.id, revision: kv.revision, ...parseHandle(kv.value as Json) }]
        : [],
    ),
    pools: pools.items.map(parsePool).filter((pool) => pool !== undefined),
    nodes: nodes.items.map(resourceOf),
    endpoints: endpoints.items.map(resourceOf),
    others: [],
    broken,
  };
}

/** Compares what is allocated with what is used. */
export function audit(state: IpamState): Audit {
  const owners = ownersOf(state);
  const enabled = state.pools.filter((pool) => !pool.disabled);
  const allocations = allocationsOf(state, owners, enabled);
  const allocated = new Set(allocations.map(({ address }) => address));
  const used = [...owners].map(([address, list]) => ({
    address,
    owners: list,
    inPool: isInPool(enabled, address),
    allocated: allocated.has(address),
  }));
  const leaked = allocations.filter((allocation) => allocation.owners.length === 0);
  const outsidePools = used.filter((address) => !address.inPool);
  const unallocated = used.filter((address) => address.inPool && !address.allocated);
  const held = new Set(allocations.flatMap(({ handle }) => (handle === undefined ? [] : [handle])));
  const ids = new Set(state.handles.map(({ id }) => id));
  const emptyHandles = state.handles.filter(({ id }) => !held.has(id));
  const missingHandles = [...held].filter((id) => !ids.has(id));
  const counts = new Map<string, number>();
  for (const { node } of allocations) if (node !== undefined) counts.set(node, (counts.get(node) ?? 0) + 1);
  return {
    allocations,
    used,
    leaked,
    outsidePools,
    unallocated,
    multipleOwners: used.filter((address) => address.owners.length > 1),
    emptyHandles,
    missingHandles,
    perNode: [...counts]
      .map(([node, count]) => ({ node, count }))
      .sort((a, b) => b.count - a.count || (a.node < b.node ? -1 : 1)),
    problems:
      leaked.length + outsidePools.length + unallocated.length + emptyHandles.length + missingHandles.length,
  };
}

/** Addresses in use, by whom, in canonical text. */
export function ownersOf(state: IpamState): ReadonlyMap<string, readonly AddressOwner[]> {
  const owners = new Map<string, AddressOwner[]>();
  const add = (text: unknown, owner: AddressOwner) => {
    const parsed = typeof text === 'string' ? tryParseInterfaceAddress(text) : undefined;
    if (!parsed) return;
    const address = formatAddress(parsed.address);
    owners.set(address, [...(owners.get(address) ?? []), owner]);
  };
  for (const node of state.nodes) {
    const owner: AddressOwner = { kind: 'node', name: `Node(${node.metadata.name})`, resource: node };
    for (const address of tunnelAddresses(node)) add(address, owner);
  }
  for (const endpoint of state.endpoints) {
    const { namespace, name } = endpoint.metadata;
    const owner: AddressOwner = {
      kind: 'workload',
      name: `Workload(${namespace}/${name})`,
      resource: endpoint,
    };
    const networks = endpoint.spec['ipNetworks'];
    for (const network of Array.isArray(networks) ? networks : []) add(network, owner);
  }
  for (const { address, name } of state.others) add(address, { kind: 'other', name, resource: undefined });
  return owners;
}

/** The addresses of a node's tunnel devices. */
export function tunnelAddresses(node: Resource): readonly string[] {
  const { spec } = node;
  const member = (name: string, inner: string) =>
    (spec[name] as Readonly<Record<string, unknown>> | undefined)?.[inner];
  return [
    member('bgp', 'ipv4IPIPTunnelAddr'),
    spec['ipv4VXLANTunnelAddr'],
    spec['ipv6VXLANTunnelAddr'],
    member('wireguard', 'interfaceIPv4Address'),
    member('wireguard', 'interfaceIPv6Address'),
  ].filter((address): address is string => typeof address === 'string' && address !== '');
}

function allocationsOf(
  state: IpamState,
  owners: ReadonlyMap<string, readonly AddressOwner[]>,
  pools: readonly Pool[],
): AuditedAllocation[] {
  return state.blocks.flatMap(({ block }) => {
    const owner = ownerHost(block);
    return block.allocations.flatMap((index, ordinal) => {
      if (index === null) return [];
      const allocation = allocationAt(block, ordinal);
      const node = allocation.attributes['node'];
      return [
        {
          ...allocation,
          owners: owners.get(allocation.address) ?? [],
          node: node ?? owner,
          borrowed: node !== undefined && node !== owner,
          inPool: isInPool(pools, allocation.address),
        },
      ];
    });
  });
}

/** Whether the handle is right about the block: the number of its addresses there. */
export function handleCount(block: Block, id: string): number {
  return ordinalsOfHandle(block, id).length;
}

function isInPool(pools: readonly Pool[], text: string): boolean {
  const parsed = tryParseInterfaceAddress(text);
  return parsed !== undefined && poolOf(pools, parsed.address) !== undefined;
}

function resourceOf(kv: KeyValue): Resource {
  const resource = kv.value as unknown as Resource;
  if (kv.key.type !== 'resource') return resource;
  const { namespace } = kv.key;
  return namespace === undefined
    ? resource
    : { ...resource, metadata: { ...resource.metadata, namespace, name: kv.key.name } };
}
