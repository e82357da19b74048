/** The check itself: loads everything, compares, prints as it goes, and gives the report. */
import { type Cidr, cidrContains, parseAddress, tryParseCidr } from '../../../ip/index.ts';
import { addressAt, attributeAt, ownerHost } from '../../../ipam/index.ts';
import { parseAddressOrCidr } from '../../client/addresses.ts';
import type { ResourceClient } from '../../client/client.ts';
import { ClientError } from '../../client/errors.ts';
import { listBlocks } from '../../client/ipam.ts';
import type { IpamReport, LeakedHandle, ReportAllocation } from './report.ts';

/** What is printed besides the counts. */
export interface InspectOptions {
  readonly all: boolean;
  readonly problems: boolean;
  print(line: string): void;
}

interface Allocation extends ReportAllocation {
  readonly attributes: string;
}

/** Runs the check. */
export async function inspectIpam(client: ResourceClient, options: InspectOptions): Promise<IpamReport> {
  const { print } = options;
  print('Checking IPAM for inconsistencies...\n');
  const { allocations, handlesInBlocks } = await loadBlocks(client, options);
  const pools = await loadPools(client, print);
  const owners = new Map<string, string[]>();
  await loadNodes(client, owners, options);
  await loadServices(client, print);
  await loadWorkloads(client, owners, options);
  print('Loading all handles');
  const { items: handles } = await client.store.list({ type: 'handle' });
  printNodes(allocations, print);

  const verbose = options.all || options.problems;
  print('Scanning for IPs that are allocated but not actually in use...');
  const leaked = allocations.filter((allocation) => !owners.has(allocation.ip));
  if (verbose)
    for (const allocation of leaked) print(`  ${allocation.ip} leaked; attrs ${allocation.attributes}`);
  print(`Found ${leaked.length} IPs that are allocated in IPAM but not actually in use.`);
  print('Scanning for IPs that are in use by a workload or node but not allocated in IPAM...');
  const { outside, missing } = compareOwners(owners, allocations, pools, verbose ? print : undefined);
  print(`Found ${outside} in-use IPs that are not in active IP pools.`);
  print(
    `Found ${missing} in-use IPs that are in active IP pools but have no corresponding IPAM allocation.\n`,
  );

  print('Scanning for IPAM handles with no matching IPs...');
  const idle: LeakedHandle[] = [];
  for (const { key, revision } of handles) {
    if (key.type !== 'handle' || handlesInBlocks.has(key.id)) continue;
    if (options.all) print(`  ${key.id} doesn't have any active IPs.`);
    idle.push({ ID: key.id, UID: null, Revision: revision });
  }
  print(
    `Found ${idle.length} handles with no matching IPs (and ${handles.length - idle.length} handles with matches).`,
  );
  print('Scanning for IPs with missing handle...');
  const known = new Set(handles.map(({ key }) => (key.type === 'handle' ? key.id : '')));
  const unknown = [...handlesInBlocks].filter((id) => !known.has(id));
  if (verbose) for (const id of unknown) print(`  ${id} doesn't have a matching handle resource.`);
  print(`Found ${unknown.length} handles mentioned in blocks with no matching handle resource.`);
  const problems = leaked.length + outside + missing + idle.length + unknown.length;
  print(`Check complete; found ${problems} problems.`);
  return await reportOf(client, allocations, owners, idle);
}

async function loadBlocks(client: ResourceClient, { all, print }: InspectOptions) {
  print('Loading all IPAM blocks...');
  const blocks = [...(await listBlocks(client))].sort((a, b) => (a.text < b.text ? -1 : 1));
  print(`Found ${blocks.length} IPAM blocks.`);
  const allocations: Allocation[] = [];
  const handlesInBlocks = new Set<string>();
  for (const block of blocks) {
    print(` IPAM block ${block.text} affinity=${block.affinity ?? '<none>'}:`);
    const host = ownerHost(block);
    block.allocations.forEach((index, ordinal) => {
      if (index === null) return;
      const { handle = '', secondary = {} } = attributeAt(block, ordinal) ?? {};
      if (handle !== '') handlesInBlocks.add(handle);
      const extra = Object.entries(secondary)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, value]) => `${name}=${value}`)
        .join(',');
      const attributes = `Main:${handle === '' ? '<none>' : handle} Extra:${extra}`;
      const ip = addressAt(block, ordinal);
      const node = secondary['node'] ?? host;
      if (all) print(`  ${ip} allocated; attrs ${attributes}`);
      allocations.push({
        ip,
        ...(handle === '' ? {} : { handle }),
        sequenceNumber: block.allocationSequence.get(ordinal) ?? 0,
        ...(secondary['pod'] ? { pod: secondary['pod'] } : {}),
        ...(secondary['namespace'] ? { namespace: secondary['namespace'] } : {}),
        ...(node ? { node } : {}),
        ...(secondary['type'] ? { type: secondary['type'] } : {}),
        ...(secondary['timestamp'] ? { creationTimestamp: secondary['timestamp'] } : {}),
        inUse: false,
        ...(node !== host ? { borrowed: true } : {}),
        owners: null,
        attributes,
      });
    });
  }
  print(`IPAM blocks record ${allocations.length} allocations.\n`);
  return { allocations, handlesInBlocks };
}

async function loadPools(client: ResourceClient, print: (line: string) => void): Promise<readonly Cidr[]> {
  print('Loading all IPAM pools...');
  const cidrs: Cidr[] = [];
  for (const pool of (await client.list('IPPool')).items) {
    const cidr = tryParseCidr(String(pool.spec['cidr'] ?? ''));
    if (!cidr || pool.spec['disabled']) continue;
    print(`  ${pool.spec['cidr']}`);
    cidrs.push(cidr);
  }
  print(`Found ${cidrs.length} active IP pools.\n`);
  return cidrs;
}

function addOwner(owners: Map<string, string[]>, ip: string, owner: string): void {
  const known = owners.get(ip);
  if (known) known.push(owner);
  else owners.set(ip, [owner]);
}

async function loadNodes(
  client: ResourceClient,
  owners: Map<string, string[]>,
  { all, print }: InspectOptions,
): Promise<void> {
  print('Loading all nodes.');
  let count = 0;
  for (const { metadata, spec } of (await client.list('Node')).items) {
    const bgp = spec['bgp'] as Readonly<Record<string, unknown>> | undefined;
    const wireguard = spec['wireguard'] as Readonly<Record<string, unknown>> | undefined;
    const addresses = [
      bgp?.['ipv4IPIPTunnelAddr'],
      spec['ipv4VXLANTunnelAddr'],
      spec['ipv6VXLANTunnelAddr'],
      wireguard?.['interfaceIPv4Address'],
      wireguard?.['interfaceIPv6Address'],
    ];
    for (const text of addresses) {
      const ip = typeof text === 'string' ? parseAddressOrCidr(text) : undefined;
      if (ip === undefined) continue;
      if (all) print(`  ${ip} belongs to Node(${metadata.name})`);
      addOwner(owners, ip, `Node(${metadata.name})`);
      count++;
    }
  }
  print(`Found ${count} node tunnel IPs.\n`);
}

async function loadServices(client: ResourceClient, print: (line: string) => void): Promise<void> {
  if (client.release.minor < 30) return;
  print('Loading all service load balancer IPs.');
  let configured = false;
  try {
    const { spec } = await client.get({ kind: 'KubeControllersConfiguration', name: 'default' });
    const controllers = spec['controllers'] as Readonly<Record<string, unknown>> | undefined;
    configured = controllers?.['loadBalancer'] !== undefined;
  } catch (error) {
    if (!(error instanceof ClientError && error.class === 'not-found')) throw error;
  }
  print(
    configured
      ? 'Found 0 service load balancer(s).\n'
      : 'No configuration for LoadBalancer kubecontroller found, skipping service check\n',
  );
}

async function loadWorkloads(
  client: ResourceClient,
  owners: Map<string, string[]>,
  { all, print }: InspectOptions,
): Promise<void> {
  print('Loading all workload endpoints.');
  let count = 0;
  for (const { metadata, spec } of (await client.list('WorkloadEndpoint')).items) {
    for (const text of (spec['ipNetworks'] as readonly string[] | undefined) ?? []) {
      const ip = parseAddressOrCidr(text);
      if (ip === undefined) continue;
      const owner = `Workload(${metadata.namespace}/${metadata.name})`;
      if (all) print(`  ${ip} belongs to ${owner}`);
      addOwner(owners, ip, owner);
      count++;
    }
  }
  print(`Found ${count} workload IPs.`);
  print(`Workloads and nodes are using ${owners.size} IPs.\n`);
}

const shownNodes = 20;

function printNodes(allocations: readonly Allocation[], print: (line: string) => void): void {
  print(`Looking for top (up to ${shownNodes}) nodes by allocations...`);
  const counts = new Map<string, number>();
  for (const { node } of allocations) if (node) counts.set(node, (counts.get(node) ?? 0) + 1);
  const sorted = [...counts].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
  for (const [node, count] of sorted.slice(0, shownNodes)) print(`  ${node} has ${count} allocations`);
  const most = sorted[0];
  const median = sorted[Math.floor(sorted.length / 2)];
  if (most && median) print(`Node with most allocations has ${most[1]}; median is ${median[1]}\n`);
  else print('');
}

function compareOwners(
  owners: ReadonlyMap<string, readonly string[]>,
  allocations: readonly Allocation[],
  pools: readonly Cidr[],
  print: ((line: string) => void) | undefined,
): { readonly outside: number; readonly missing: number } {
  const allocated = new Set(allocations.map(({ ip }) => ip));
  let outside = 0;
  let missing = 0;
  for (const [ip, names] of owners) {
    if (names.length > 1) print?.(`  ${ip} has multiple owners.`);
    const inPool = pools.some((pool) => cidrContains(pool, parseAddress(ip)));
    if (!inPool) {
      outside++;
      print?.(`  ${ip} in use by ${names.join(', ')} is not in any active IP pool.`);
    } else if (!allocated.has(ip)) {
      missing++;
      print?.(`  ${ip} in use by ${names.join(', ')} and in active IPAM pool but has no IPAM allocation.`);
    }
  }
  return { outside, missing };
}

async function reportOf(
  client: ResourceClient,
  allocations: readonly Allocation[],
  owners: ReadonlyMap<string, readonly string[]>,
  leakedHandles: readonly LeakedHandle[],
): Promise<IpamReport> {
  const { metadata, spec } = await client.get({ kind: 'ClusterInformation', name: 'default' });
  const byAddress: Record<string, ReportAllocation[]> = {};
  for (const { attributes: _shown, ...allocation } of [...allocations].sort((a, b) =>
    a.ip < b.ip ? -1 : 1,
  )) {
    const names = owners.get(allocation.ip);
    byAddress[allocation.ip] = [
      ...(byAddress[allocation.ip] ?? []),
      { ...allocation, inUse: names !== undefined, owners: names ?? null },
    ];
  }
  return {
    version: client.release.version,
    clusterGUID: String(spec['clusterGUID'] ?? ''),
    datastoreLocked: spec['datastoreReady'] === false,
    clusterInformationRevision: metadata.resourceVersion ?? '',
    clusterType: String(spec['clusterType'] ?? ''),
    allocations: byAddress,
    ...(leakedHandles.length > 0 ? { leakedHandles } : {}),
  };
}
