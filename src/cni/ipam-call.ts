/** The IPAM part of a call: which addresses, from which pools, under which handle. Upstream: cni-plugin/pkg/ipamplugin. */
import type { Datastore } from '../datastore/index.ts';
import { formatCidr, tryParseCidr } from '../ip/index.ts';
import type { AssignedAddress, AutoAssignResult, ExtraSteps, FamilyResult, Ipam } from '../ipam/index.ts';
import { hasKind } from '../resources/index.ts';
import type { NetConf } from './config.ts';
import { CniError, cniCode } from './protocol/cni-error.ts';
import type { CniResult } from './protocol/result.ts';
import { handleOf, type Workload } from './workload.ts';

/** What is asked of IPAM. */
export interface AddressRequest {
  readonly conf: NetConf;
  readonly workload: Workload;
  readonly now: Date;
  readonly v4Pools: readonly string[];
  readonly v6Pools: readonly string[];
  readonly assignV4: boolean;
  readonly assignV6: boolean;
  readonly namespaceLabels?: Readonly<Record<string, string>>;
  readonly extra?: ExtraSteps;
  /** What to do with a handle that has addresses: see `AutoAssignRequest`. */
  readonly existing: 'add' | 'reuse';
}

/** Attributes of an allocation; the timestamp is Go's text of a time. */
export function attributesOf(workload: Workload, now: Date): Readonly<Record<string, string>> {
  const [date, time] = now.toISOString().split('T') as [string, string];
  return {
    node: workload.node,
    ...(workload.orchestrator === 'k8s' ? { namespace: workload.namespace, pod: workload.pod } : {}),
    timestamp: `${date} ${time.replace('Z', '')} +0000 UTC`,
  };
}

/** Any free addresses. @throws CniError with upstream's words when there are fewer than asked for */
export async function requestAddresses(ipam: Ipam, request: AddressRequest): Promise<AutoAssignResult> {
  const { conf, workload } = request;
  const result = await ipam.autoAssign({
    v4: request.assignV4 ? 1 : 0,
    v6: request.assignV6 ? 1 : 0,
    handle: handleOf(conf.name, workload.containerId),
    attributes: attributesOf(workload, request.now),
    host: workload.node,
    v4Pools: request.v4Pools,
    v6Pools: request.v6Pools,
    use: 'Workload',
    ...(request.namespaceLabels ? { namespaceLabels: request.namespaceLabels } : {}),
    existing: request.existing,
    allOrNothing: true,
    ...(request.extra ? { extra: request.extra } : {}),
  });
  if (result.refused) return result;
  for (const [version, family] of [
    [4, result.v4],
    [6, result.v6],
  ] as const) {
    const problem = shortfall(version, family);
    if (problem !== undefined) throw new CniError(cniCode.other, problem, family.explanation);
  }
  return result;
}

function shortfall(version: 4 | 6, family: FamilyResult): string | undefined {
  if (family.failure !== undefined) return family.failure;
  if (family.addresses.length >= family.requested) return undefined;
  const count = `Assigned ${family.addresses.length} out of ${family.requested} requested IPv${version} addresses`;
  return `failed to request IPv${version} addresses: ${[count, ...family.messages].join('; ')}`;
}

/** One named address. @throws CniError */
export async function requestAddress(
  ipam: Ipam,
  address: string,
  request: Pick<AddressRequest, 'conf' | 'workload' | 'now' | 'extra'>,
): Promise<AssignedAddress | undefined> {
  const { conf, workload } = request;
  const result = await ipam.assignIp({
    address,
    handle: handleOf(conf.name, workload.containerId),
    attributes: attributesOf(workload, request.now),
    host: workload.node,
    ...(request.extra ? { extra: request.extra } : {}),
  });
  if (result.ok) return result.assigned;
  if (result.reason === 'refused') return undefined;
  throw new CniError(cniCode.other, result.message);
}

/** Requested pools, by CIDR or name, as CIDRs. @throws CniError with upstream's words */
export async function poolCidrs(
  datastore: Datastore,
  names: readonly string[],
  version: 4 | 6,
): Promise<readonly string[]> {
  if (names.length === 0) return [];
  const needed = names.some((name) => !name.includes('/') || tryParseCidr(name) === undefined);
  const known = new Map<string, string>();
  if (needed) {
    const { items } = await datastore.list({ type: 'resource', kind: 'IPPool' });
    for (const { value } of items) {
      const pool = value as Parameters<typeof hasKind>[0];
      if (hasKind(pool, 'IPPool')) known.set(pool.metadata.name, pool.spec.cidr);
    }
  }
  return names.map((name) => {
    const cidr = tryParseCidr(known.get(name) ?? (name.includes('/') ? name : ''));
    if (!cidr)
      throw new CniError(cniCode.other, `error parsing pool "${name}": invalid CIDR address: ${name}`);
    const text = formatCidr(cidr);
    if (cidr.version !== version) {
      throw new CniError(
        cniCode.other,
        `"${text.slice(0, text.indexOf('/'))}" isn't a IPv${version} address`,
      );
    }
    return text;
  });
}

/** The result of calico-ipam for automatic addresses: with the mask of their blocks, and a route each. */
export function blockResult(addresses: readonly AssignedAddress[]): CniResult {
  return resultWith(addresses.map(({ address, prefix }) => `${address}/${prefix}`));
}

/** The result of calico-ipam for a named address: there is no block to tell of. */
export function singleResult(address: string): CniResult {
  return resultWith([`${address}/${address.includes(':') ? 128 : 32}`]);
}

function resultWith(cidrs: readonly string[]): CniResult {
  return {
    interfaces: [],
    ips: cidrs.map((address) => ({ address })),
    routes: cidrs.map((dst) => ({ dst })),
    dns: {},
  };
}
