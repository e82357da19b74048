/**
 * The addresses of this node's tunnel devices: taken from the pools that encapsulate, written on the Node.
 * Upstream: node/pkg/allocateip.
 */
import type { Datastore } from '../datastore/index.ts';
import { cidrContains, formatCidr, type IpVersion, tryParseAddress } from '../ip/index.ts';
import type { Ipam, Pool } from '../ipam/index.ts';
import type { Resource } from '../resources/resource.ts';
import { matchesLabels, parseSelector } from '../selector/index.ts';
import { upsert } from './upsert.ts';

/** A kind of tunnel, its IPAM handle and attribute, and where its address stands on the Node. */
interface TunnelType {
  readonly name: 'ipip' | 'vxlan' | 'vxlan-v6';
  readonly version: IpVersion;
  readonly attribute: string;
  readonly handle: (node: string) => string;
  readonly wants: (pool: Pool) => boolean;
  readonly read: (node: Resource) => string | undefined;
  readonly write: (node: Resource, address: string | undefined) => Resource;
}

const tunnelTypes: readonly TunnelType[] = [
  {
    name: 'ipip',
    version: 4,
    attribute: 'ipipTunnelAddress',
    handle: (node) => `ipip-tunnel-addr-${node}`,
    wants: (pool) => pool.ipip,
    read: (node) => text(record(node.spec['bgp'])['ipv4IPIPTunnelAddr']),
    write: (node, address) => {
      const bgp = { ...record(node.spec['bgp']) };
      setOrDelete(bgp, 'ipv4IPIPTunnelAddr', address);
      return withSpec(node, 'bgp', Object.keys(bgp).length === 0 ? undefined : bgp);
    },
  },
  {
    name: 'vxlan',
    version: 4,
    attribute: 'vxlanTunnelAddress',
    handle: (node) => `vxlan-tunnel-addr-${node}`,
    wants: (pool) => pool.vxlan,
    read: (node) => text(node.spec['ipv4VXLANTunnelAddr']),
    write: (node, address) => withSpec(node, 'ipv4VXLANTunnelAddr', address),
  },
  {
    name: 'vxlan-v6',
    version: 6,
    attribute: 'vxlanV6TunnelAddress',
    handle: (node) => `vxlan-v6-tunnel-addr-${node}`,
    wants: (pool) => pool.vxlan,
    read: (node) => text(node.spec['ipv6VXLANTunnelAddr']),
    write: (node, address) => withSpec(node, 'ipv6VXLANTunnelAddr', address),
  },
];

/** What the allocation needs. */
export interface TunnelContext {
  readonly nodeName: string;
  readonly store: Datastore;
  readonly ipam: Ipam;
  readonly pools: readonly Pool[];
  readonly log: (message: string) => void;
}

/** Pools that may give this node a tunnel address of a type. Pure. */
export function tunnelPools(
  pools: readonly Pool[],
  type: 'ipip' | 'vxlan' | 'vxlan-v6',
  labels: Readonly<Record<string, string>>,
): readonly Pool[] {
  const { version, wants } = tunnelTypes.find((one) => one.name === type)!;
  return pools.filter(
    (pool) =>
      !pool.disabled &&
      pool.cidr.version === version &&
      wants(pool) &&
      (pool.allowedUses.length === 0 || pool.allowedUses.includes('Tunnel')) &&
      matchesLabels(parseSelector(pool.nodeSelector), labels),
  );
}

/** Makes every tunnel address right: keeps a good one, replaces a wrong one, gives back one that is not needed. */
export async function ensureTunnelAddresses(context: TunnelContext): Promise<void> {
  for (const type of tunnelTypes) await ensureOne(type, context);
}

async function ensureOne(type: TunnelType, context: TunnelContext): Promise<void> {
  const { nodeName, store, ipam, log } = context;
  const key = { type: 'resource', kind: 'Node', name: nodeName } as const;
  const node = (await store.get(key))?.value;
  if (!node) return;
  const current = type.read(node);
  const pools = tunnelPools(context.pools, type.name, node.metadata.labels ?? {});
  const handle = type.handle(nodeName);
  if (pools.length === 0) {
    if (current === undefined) return;
    await upsert(store, key, (stored) =>
      stored && type.read(stored) !== undefined ? type.write(stored, undefined) : undefined,
    );
    await ipam.releaseByHandle(handle);
    log(`gave back the ${type.name} tunnel address ${current}: no pool asks for it`);
    return;
  }
  if (current !== undefined && (await isOurs(current, type, nodeName, pools, ipam))) return;
  const kept = current !== undefined && (await reclaim(current, type, handle, nodeName, pools, ipam));
  if (kept) return;
  await ipam.releaseByHandle(handle);
  const cidrs = pools.map((pool) => formatCidr(pool.cidr));
  const result = await ipam.autoAssign({
    v4: type.version === 4 ? 1 : 0,
    v6: type.version === 6 ? 1 : 0,
    handle,
    attributes: { node: nodeName, type: type.attribute },
    host: nodeName,
    use: 'Tunnel',
    ...(type.version === 4 ? { v4Pools: cidrs } : { v6Pools: cidrs }),
  });
  const address = (type.version === 4 ? result.v4 : result.v6).addresses[0]?.address;
  if (address === undefined) {
    log(`no ${type.name} tunnel address is free in ${cidrs.join(', ')}`);
    return;
  }
  try {
    await upsert(store, key, (stored) => stored && type.write(stored, address));
  } catch (error) {
    await ipam.releaseByHandle(handle);
    throw error;
  }
  log(`${type.name} tunnel address ${address}`);
}

/** Whether IPAM knows the address as this node's and a pool still gives it. */
async function isOurs(
  current: string,
  type: TunnelType,
  nodeName: string,
  pools: readonly Pool[],
  ipam: Ipam,
): Promise<boolean> {
  const address = tryParseAddress(current);
  if (!address || !pools.some((pool) => cidrContains(pool.cidr, address))) return false;
  const allocation = await ipam.allocationOf(current);
  return allocation?.attributes['type'] === type.attribute && allocation.attributes['node'] === nodeName;
}

/** An address of old data, allocated by nobody: it is taken again where it is. */
async function reclaim(
  current: string,
  type: TunnelType,
  handle: string,
  nodeName: string,
  pools: readonly Pool[],
  ipam: Ipam,
): Promise<boolean> {
  const address = tryParseAddress(current);
  if (!address || !pools.some((pool) => cidrContains(pool.cidr, address))) return false;
  const allocation = await ipam.allocationOf(current);
  if (allocation) return false;
  const result = await ipam.assignIp({
    address: current,
    handle,
    attributes: { node: nodeName, type: type.attribute },
    host: nodeName,
    use: 'Tunnel',
  });
  return result.ok;
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function withSpec(node: Resource, field: string, value: unknown): Resource {
  const spec = { ...node.spec };
  setOrDelete(spec, field, value);
  return { ...node, spec };
}

function setOrDelete(target: Record<string, unknown>, field: string, value: unknown): void {
  if (value === undefined) delete target[field];
  else target[field] = value;
}
