/** Compares our configuration of a node with the recorded one. */
import type { BgpProtocol, BirdConfig } from '../../../src/bgp/index.ts';
import { evaluateFilter, type Session, type Statement } from '../../../src/bgp/index.ts';
import type { IpVersion } from '../../../src/ip/index.ts';
import type { OurNode } from './ours.ts';
import { probes } from './probes.ts';
import type { RecordedFamily, RecordedSession } from './recorded.ts';
import { type ProbeRoute, runRecorded } from './recorded-filter.ts';

/** A difference; with a reason when it stands in docs/differences.md under that heading. */
export interface Difference {
  readonly text: string;
  readonly reason?: string;
}

/** Headings of docs/differences.md. */
export const reasons = {
  mesh: 'BGP: an explicit peering takes the place of the mesh session',
  multihop: 'BGP: sessions of the mesh may cross subnets',
  peerAS: 'BGP: a node without an AS number of its own has that of the cluster',
  tunnels: 'BGP: the agent programs the routes of tunnels',
  services: 'BGP: service addresses never enter the kernel',
  broken: 'BGP: one bad object is left out alone',
  advertise: 'BGP: CALICO_ADVERTISE_CLUSTER_IPS stays in force',
  bind: 'BGP: with bindMode NodeIP every session has a source address',
  workloads: 'BGP: of the kernel only the routes of workloads are announced',
  aggregate: 'BGP: workloads are announced as blocks, whatever the metric of their routes',
  restart: 'BGP: a first start waits for no peer',
  unreachable: 'BGP: no unreachable routes',
  metric: 'BGP: BIRD 2 writes its routes with metric 32',
  routerId: 'BGP: every node has a router id',
} as const;

/** What a case allows. */
export interface Tolerance {
  readonly pools: readonly { readonly cidr: string; readonly encapsulated: boolean }[];
  readonly advertise: boolean;
}

/** Compares one family of a node. */
export function compareFamily(
  recorded: RecordedFamily,
  ours: OurNode,
  version: IpVersion,
  tolerance: Tolerance,
): readonly Difference[] {
  const out: Difference[] = [];
  const { config } = ours;
  const differ = (what: string, theirs: unknown, mine: unknown, reason?: string) => {
    if (JSON.stringify(theirs) !== JSON.stringify(mine))
      out.push({
        text: `IPv${version} ${what}: recorded ${JSON.stringify(theirs)}, ours ${JSON.stringify(mine)}`,
        ...(reason !== undefined && { reason }),
      });
  };
  differ(
    'router id',
    recorded.routerID,
    config.routerId,
    recorded.routerID === '' ? reasons.routerId : undefined,
  );
  differ('debug', recorded.debug, config.template.debug ?? null);
  differ('interfaces', recorded.directInterfaces, config.directInterfaces);
  const listen =
    config.template.listenPort === undefined && !config.template.strictBind
      ? null
      : [config.template.listenPort ?? null, config.template.strictBind];
  if (recorded.enabled) {
    differ('listen', recorded.listen && [recorded.listen.port, recorded.listen.address !== null], listen);
    differ('local AS', recorded.allSessions.localAS, config.template.localAS);
  }
  const statics = config.families.find((one) => one.version === version)!.statics;
  const staticText = (all: readonly { readonly cidr: string; readonly via?: string }[]) =>
    all.map(({ cidr, via }) => `${cidr} ${via ?? 'blackhole'}`).sort();
  differ(
    'static routes',
    staticText(recorded.static),
    staticText(statics),
    tolerance.advertise ? reasons.advertise : undefined,
  );
  out.push(...compareSessions(recorded, ours, version, tolerance));
  out.push(...compareKernel(recorded, ours, version, tolerance));
  return out;
}

function compareSessions(
  recorded: RecordedFamily,
  ours: OurNode,
  version: IpVersion,
  tolerance: Tolerance,
): readonly Difference[] {
  const out: Difference[] = [];
  const theirs = new Map(recorded.sessions.map((one) => [one.name, one]));
  const mine = new Map(
    ours.peering.sessions.filter((one) => one.version === version).map((one) => [one.name, one]),
  );
  const protocols = new Map(ours.config.protocols.map((one) => [one.name, one]));
  const routes = probes(
    recorded,
    ours,
    tolerance.pools.map(({ cidr }) => cidr),
    version,
  );
  for (const [name, session] of theirs) {
    const own = mine.get(name);
    const protocol = protocols.get(name);
    if (!own || !protocol) {
      const explicit = [...mine.values()].some(
        (one) => one.peerIP === session['peerIP'] && one.kind !== 'mesh',
      );
      out.push({
        text: `${name} is recorded, ours has no such session`,
        ...(session.kind === 'mesh' && explicit && { reason: reasons.mesh }),
      });
      continue;
    }
    out.push(...compareSession(session, own, protocol, ours.config));
    for (const direction of ['import', 'export'] as const) {
      const list = recorded.filters[session[`${direction}Filter`]]!;
      const difference = firstDifference(recorded, list, protocol[direction], ours, routes, direction);
      if (difference !== undefined)
        out.push({
          text: `${name} ${direction}: ${difference}`,
          ...(tolerance.advertise && { reason: reasons.advertise }),
        });
    }
  }
  for (const name of mine.keys()) if (!theirs.has(name)) out.push({ text: `${name} is ours, not recorded` });
  return out;
}

function compareSession(
  theirs: RecordedSession,
  own: Session,
  protocol: BgpProtocol,
  config: BirdConfig,
): readonly Difference[] {
  const out: Difference[] = [];
  const mine: Readonly<Record<string, unknown>> = {
    kind: own.kind,
    peerIP: protocol.neighbor,
    port: protocol.port,
    peerAS: protocol.peerAS,
    localAS: protocol.localAS ?? config.template.localAS,
    type: own.type,
    sourceAddress: protocol.sourceAddress ?? null,
    passive: protocol.passive,
    multihop: protocol.hops ?? true,
    ttlSecurity: protocol.hops !== undefined,
    password: protocol.password ?? null,
    rrClient: protocol.rrClusterID !== undefined,
    rrClusterID: protocol.rrClusterID ?? null,
    nextHop: protocol.nextHop,
    allowLocalAS: protocol.allowLocalAS ?? null,
    restartTime: protocol.restartTime ?? null,
    keepaliveTime: protocol.keepaliveTime ?? null,
  };
  // BIRD takes an internal session for multihop when nothing is said.
  const recorded: Readonly<Record<string, unknown>> = {
    ...theirs,
    multihop: theirs.multihop === false && theirs.type === 'iBGP' ? true : theirs.multihop,
    ttlSecurity: theirs.ttlSecurity ?? false,
  };
  for (const [field, value] of Object.entries(mine)) {
    if (JSON.stringify(recorded[field]) === JSON.stringify(value)) continue;
    const reason =
      field === 'sourceAddress' && config.template.strictBind
        ? reasons.bind
        : own.kind !== 'mesh'
          ? undefined
          : field === 'multihop'
            ? reasons.multihop
            : field === 'peerAS' || field === 'type'
              ? reasons.peerAS
              : undefined;
    out.push({
      text: `${own.name} ${field}: recorded ${JSON.stringify(recorded[field])}, ours ${JSON.stringify(value)}`,
      ...(reason !== undefined && { reason }),
    });
  }
  return out;
}

function firstDifference(
  recorded: RecordedFamily,
  list: RecordedFamily['kernelExport'],
  body: readonly Statement[],
  ours: OurNode,
  routes: readonly ProbeRoute[],
  direction: 'import' | 'export',
): string | undefined {
  const functions = new Map(ours.config.functions.map((one) => [one.name, one]));
  for (const route of routes) {
    if (direction === 'import' && route.source !== 'bgp') continue;
    const theirs = runRecorded(recorded, list, route);
    const mine = evaluateFilter(body, route, functions);
    const summary = (verdict: typeof theirs | typeof mine) =>
      verdict.accepted
        ? JSON.stringify([verdict.route.communities, verdict.route.asPath, verdict.route.localPref])
        : 'reject';
    if (summary(theirs) !== summary(mine))
      return `${JSON.stringify(route)} recorded ${summary(theirs)}, ours ${summary(mine)}`;
  }
  return undefined;
}

function compareKernel(
  recorded: RecordedFamily,
  ours: OurNode,
  version: IpVersion,
  tolerance: Tolerance,
): readonly Difference[] {
  const out: Difference[] = [];
  const family = ours.config.families.find((one) => one.version === version)!;
  const functions = new Map(ours.config.functions.map((one) => [one.name, one]));
  const seen = new Set<string>();
  const pools = tolerance.pools.map(({ cidr }) => cidr);
  for (const route of probes(recorded, ours, pools, version)) {
    // The kernel's own routes never come back to it.
    if (route.source === 'kernel') continue;
    const theirs = runRecorded(recorded, recorded.kernelExport, route).accepted;
    const mine = evaluateFilter(family.program.body, route, functions).accepted;
    if (theirs === mine) continue;
    const inTunnel = tolerance.pools.some(
      ({ cidr, encapsulated }) => encapsulated && contains(cidr, route.net),
    );
    const isService =
      route.source === 'static' || family.statics.some(({ cidr }) => contains(cidr, route.net));
    const reason = !theirs
      ? undefined
      : tolerance.advertise
        ? reasons.advertise
        : inTunnel
          ? reasons.tunnels
          : isService
            ? reasons.services
            : undefined;
    if (seen.has(`${reason}`)) continue;
    seen.add(`${reason}`);
    out.push({
      text: `kernel: ${JSON.stringify(route)} recorded ${theirs}, ours ${mine}`,
      ...(reason !== undefined && { reason }),
    });
  }
  return out;
}

function contains(outer: string, inner: string): boolean {
  return evaluateFilter(
    [{ kind: 'if', all: [{ kind: 'net', operator: '~', cidr: outer }], body: [{ kind: 'accept' }] }],
    { net: inner, source: 'static', communities: [], asPath: [] },
    new Map(),
  ).accepted;
}
