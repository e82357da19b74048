/** Looks at a running lab: its BIRDs, its kernel, its datastore, and what its packets reach. */
import { birdCommand, parseProtocols } from '../../bgp/index.ts';
import type { Datastore } from '../../datastore/index.ts';
import { messageOf } from '../../errors.ts';
import type { HostPlan } from '../../kubespray/index.ts';
import {
  isKernelError,
  listenTcp,
  type Namespace,
  probePings,
  probeTcp,
  RtNetlink,
  table,
} from '../../linux/index.ts';
import { hasKind, type Resource } from '../../resources/index.ts';
import type { Machine } from '../holder/machine.ts';
import type { RouterSoftware } from '../protocol.ts';
import type { LabBorderRouter } from '../topology.ts';
import { type ObservedRouter, parseLearned } from './border-routes.ts';
import type { ObservedEndpoint, ObservedHost, ObservedSession, ProbeResult } from './compare.ts';

/** Sessions of a host's BIRD. @throws CalicoError when it does not answer */
export async function observeSessions(socket: string): Promise<readonly ObservedSession[]> {
  const { lines } = await birdCommand('show protocols all', { path: socket, timeout: 3000 });
  return parseProtocols(lines)
    .filter((row) => row.proto === 'BGP')
    .map((row) => ({
      name: row.name,
      neighbour: row.neighbor ?? '',
      asNumber: row.neighborAS,
      state: row.bgpState || row.state,
    }));
}

/** A host: sessions, routes, interfaces. */
export async function observeHost(
  host: HostPlan,
  namespace: Namespace,
  birdSocket: string | undefined,
): Promise<ObservedHost> {
  const netlink = new RtNetlink({ namespace });
  const links = netlink.links();
  const nameOf = new Map(links.map(({ index, name }) => [index, name]));
  const routes = netlink.routes(4, { table: table.main }).map(({ dst, hops, kind }) => ({
    dst,
    nextHop: hops[0]?.gateway ?? '',
    device: nameOf.get(hops[0]?.oif ?? 0) ?? '',
    blackhole: kind === 'blackhole',
  }));
  netlink.close();
  const seen = {
    name: host.name,
    routes,
    interfaces: links
      .filter(({ name }) => name.startsWith('cali'))
      .map(({ name, up, operUp }) => ({ name, up: up && operUp })),
  };
  if (birdSocket === undefined) return { ...seen, sessions: [], birdError: undefined };
  try {
    return { ...seen, sessions: await observeSessions(birdSocket), birdError: undefined };
  } catch (error) {
    return { ...seen, sessions: [], birdError: messageOf(error) };
  }
}

/** What a border router learned. */
export async function observeRouter(
  { name, address, neighbours }: LabBorderRouter,
  machine: Machine,
  software: RouterSoftware,
  folder: string,
): Promise<ObservedRouter> {
  try {
    const text = await learnedText(machine, software, folder);
    return { name, address, routes: parseLearned(software, text, neighbours), error: undefined };
  } catch (error) {
    return { name, address, routes: [], error: messageOf(error) };
  }
}

async function learnedText(machine: Machine, software: RouterSoftware, folder: string): Promise<string> {
  switch (software) {
    case 'frr':
      return machine.run(['vtysh', '--vty_socket', folder, '-c', 'show bgp ipv4 unicast json']);
    case 'bird':
      return (await birdCommand('show route', { path: `${folder}/bird.ctl`, timeout: 3000 })).lines
        .map((line) => line.replace(/^(\d{4}[- ]| )/, ''))
        .join('\n');
  }
}

/** Every workload endpoint. */
export async function observeEndpoints(store: Datastore): Promise<readonly ObservedEndpoint[]> {
  const { items } = await store.list({ type: 'resource', kind: 'WorkloadEndpoint' });
  return items.flatMap(({ value }): ObservedEndpoint[] => {
    const resource = value as Resource;
    if (!hasKind(resource, 'WorkloadEndpoint')) return [];
    const { spec } = resource;
    return [
      {
        node: spec.node ?? '',
        pod: spec.pod ?? '',
        interface: spec.interfaceName ?? '',
        addresses: (spec.ipNetworks ?? []).map((network) => network.split('/')[0]!),
      },
    ];
  });
}

/** Someone who probes, and is probed. */
export interface Prober {
  readonly name: string;
  readonly namespace: Namespace;
  readonly addresses: readonly string[];
  /** Only probers of one domain are to reach each other; with backend `none` each host is one: nobody routes between them. */
  readonly domain: string;
}

/** Milliseconds in which an answer must come. */
const patience = 2000;
const probePort = 5201;
/** Connections that are tried together: each is an open descriptor. */
const tcpBatch = 400;

/** Echo requests from each to every address of each other. */
export async function probeEcho(
  area: 'icmp' | 'pod-to-host' | 'clients',
  from: readonly Prober[],
  to: readonly Prober[],
): Promise<readonly ProbeResult[]> {
  const pairs = pairsOf(from, to);
  const answers = await probePings(
    pairs.map(({ source, address }) => ({ from: source.namespace, address })),
    patience,
  );
  return pairs.map((pair, index) => ({ area, ...namesOf(pair), reached: answers[index] === true }));
}

/** TCP handshakes from each to every address of each other. */
export async function probeHandshakes(
  area: 'tcp' | 'clients',
  from: readonly Prober[],
  to: readonly Prober[],
): Promise<readonly ProbeResult[]> {
  const listeners = to.flatMap(({ namespace }) => listenUnlessTaken(namespace));
  const pairs = pairsOf(from, to);
  const results: ProbeResult[] = [];
  try {
    for (let start = 0; start < pairs.length; start += tcpBatch) {
      const batch = pairs.slice(start, start + tcpBatch);
      const answers = await probeTcp(
        batch.map(({ source, address }) => ({ from: source.namespace, address, port: probePort })),
        patience,
      );
      for (const [index, pair] of batch.entries())
        results.push({ area, ...namesOf(pair), reached: answers[index] === 'ok' });
    }
  } finally {
    for (const close of listeners) close();
  }
  return results;
}

interface Pair {
  readonly source: Prober;
  readonly target: Prober;
  readonly address: string;
}

function pairsOf(from: readonly Prober[], to: readonly Prober[]): readonly Pair[] {
  return from.flatMap((source) =>
    to
      .filter((target) => target.name !== source.name && target.domain === source.domain)
      .flatMap((target) => target.addresses.map((address) => ({ source, target, address }))),
  );
}

function namesOf({ source, target, address }: Pair): { readonly from: string; readonly to: string } {
  return { from: source.name, to: `${target.name} (${address})` };
}

/** A pod's own program may have the port already: then it answers itself. */
function listenUnlessTaken(namespace: Namespace): readonly (() => void)[] {
  return ([4, 6] as const).flatMap((version) => {
    try {
      return [listenTcp(namespace, version, probePort)];
    } catch (error) {
      if (isKernelError(error, 'EADDRINUSE')) return [];
      throw error;
    }
  });
}
