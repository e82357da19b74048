/** The comparison of a lab with its plan. Pure. */
import { CidrTrie, parseAddress, parseCidr } from '../../ip/index.ts';
import type { ClusterPlan } from '../../kubespray/index.ts';
import { compareExports, type ObservedRouter } from './border-routes.ts';
import { type ExpectedEnd, expectedSessions, expectedWays } from './expectation.ts';
import { type CheckReport, type Difference, ReportBuilder } from './report.ts';

/** A BGP protocol of a host's BIRD. */
export interface ObservedSession {
  readonly name: string;
  readonly neighbour: string;
  readonly asNumber: number | undefined;
  readonly state: string;
}

/** A route of the main table. */
export interface ObservedRoute {
  readonly dst: string;
  /** Empty for a route without a gateway. */
  readonly nextHop: string;
  readonly device: string;
  readonly blackhole: boolean;
}

/** A host as it was found. */
export interface ObservedHost {
  readonly name: string;
  readonly sessions: readonly ObservedSession[];
  /** Why its BIRD could not be asked. */
  readonly birdError: string | undefined;
  readonly routes: readonly ObservedRoute[];
  /** Names and state of the interfaces of workloads. */
  readonly interfaces: readonly { readonly name: string; readonly up: boolean }[];
}

/** An endpoint of the datastore. */
export interface ObservedEndpoint {
  readonly node: string;
  readonly pod: string;
  readonly interface: string;
  /** Without prefix. */
  readonly addresses: readonly string[];
}

/** A pod that the lab was asked to run, with what its runtime knows. */
export interface ExpectedPod {
  readonly host: string;
  readonly nodeName: string;
  readonly fullName: string;
  readonly addresses: readonly string[];
  readonly interface: string;
}

/** The outcome of one probe. */
export interface ProbeResult {
  readonly area: 'icmp' | 'tcp' | 'pod-to-host' | 'clients';
  readonly from: string;
  readonly to: string;
  readonly reached: boolean;
}

/** Everything that was looked at. */
export interface Observation {
  readonly hosts: readonly ObservedHost[];
  readonly endpoints: readonly ObservedEndpoint[];
  readonly pods: readonly ExpectedPod[];
  readonly probes: readonly ProbeResult[];
  readonly routers: readonly ObservedRouter[];
}

/** Compares. */
export function compare(plan: ClusterPlan, seen: Observation, milliseconds: number): CheckReport {
  const builder = new ReportBuilder();
  compareSessions(plan, seen, builder);
  compareRoutes(plan, seen, builder);
  compareEndpoints(seen, builder);
  compareExports(plan, seen.pods, seen.routers, builder);
  for (const { area, from, to, reached } of seen.probes) {
    builder.expect(area, reached, () => ({
      where: from,
      what: `to ${to}`,
      expected: 'an answer',
      actual: 'none',
    }));
  }
  return builder.report(milliseconds);
}

function compareSessions(plan: ClusterPlan, seen: Observation, builder: ReportBuilder): void {
  const expected = expectedSessions(plan);
  for (const ends of expected) {
    const problems = ends.flatMap((end) => problemOf(end, seen));
    builder.expect('sessions', problems.length === 0, () => problems[0]!);
  }
  const all = expected.flat();
  for (const host of seen.hosts) {
    for (const { name, neighbour, state } of host.sessions) {
      if (all.some((end) => end.host === host.name && end.peerAddress === neighbour)) continue;
      builder.unexpected('sessions', {
        where: host.name,
        what: `BGP with ${neighbour}`,
        expected: 'no session',
        actual: `${name}: ${state}`,
      });
    }
  }
}

/** What is wrong with one end of a session. */
function problemOf(
  { host, peerAddress, peerAs }: ExpectedEnd,
  seen: Observation,
): Omit<Difference, 'area'>[] {
  const observed = seen.hosts.find(({ name }) => name === host);
  const found = observed?.sessions.find(({ neighbour }) => neighbour === peerAddress);
  const state = observed?.birdError ?? found?.state ?? 'no such session';
  const as = found?.asNumber ?? peerAs;
  if (state === 'Established' && as === peerAs) return [];
  return [
    {
      where: host,
      what: `BGP with ${peerAddress}`,
      expected: `Established with AS ${peerAs}`,
      actual: state === 'Established' ? `Established with AS ${as}` : state,
    },
  ];
}

function compareRoutes(plan: ClusterPlan, seen: Observation, builder: ReportBuilder): void {
  const ways = expectedWays(plan);
  for (const host of seen.hosts) {
    const table = new CidrTrie<ObservedRoute>();
    for (const route of host.routes) table.set(parseCidr(route.dst), route);
    for (const pod of seen.pods) {
      for (const address of pod.addresses.filter((one) => !one.includes(':'))) {
        const route = table.lookup(parseAddress(address))?.value;
        const actual = route === undefined ? 'no route' : describeRoute(route);
        if (pod.host === host.name) {
          builder.expect('routes', route?.device === pod.interface && route.dst === `${address}/32`, () => ({
            where: host.name,
            what: `route to its pod ${pod.fullName} (${address})`,
            expected: `${address}/32 dev ${pod.interface}`,
            actual,
          }));
          continue;
        }
        const way = ways.find(({ from, to }) => from === host.name && to === pod.host);
        if (!way) continue;
        const holds =
          route !== undefined &&
          (way.nextHops.length === 0 || way.nextHops.includes(route.nextHop)) &&
          route.device === way.device &&
          !route.blackhole;
        builder.expect('routes', holds, () => ({
          where: host.name,
          what: `route to ${pod.fullName} (${address})`,
          expected: `via ${way.nextHops.join(' or ') || `the tunnel address of ${way.to}`} dev ${way.device}`,
          actual,
        }));
      }
    }
  }
}

function describeRoute({ dst, nextHop, device, blackhole }: ObservedRoute): string {
  return blackhole ? `blackhole ${dst}` : `${dst}${nextHop === '' ? '' : ` via ${nextHop}`} dev ${device}`;
}

function compareEndpoints(seen: Observation, builder: ReportBuilder): void {
  for (const pod of seen.pods) {
    const endpoint = seen.endpoints.find((one) => one.pod === pod.fullName && one.node === pod.nodeName);
    const wanted = `${pod.interface} ${pod.addresses.join(' ')}`;
    const actual = endpoint ? `${endpoint.interface} ${endpoint.addresses.join(' ')}` : 'no endpoint';
    builder.expect('endpoints', actual === wanted, () => ({
      where: pod.host,
      what: `endpoint of ${pod.fullName} in the datastore`,
      expected: wanted,
      actual,
    }));
    const link = seen.hosts
      .find(({ name }) => name === pod.host)
      ?.interfaces.find(({ name }) => name === pod.interface);
    builder.expect('endpoints', link?.up === true, () => ({
      where: pod.host,
      what: `interface of ${pod.fullName}`,
      expected: `${pod.interface} up`,
      actual: link ? `${link.name} down` : 'no such interface',
    }));
  }
  for (const endpoint of seen.endpoints) {
    if (seen.pods.some((pod) => pod.fullName === endpoint.pod && pod.nodeName === endpoint.node)) continue;
    builder.unexpected('endpoints', {
      where: endpoint.node,
      what: `endpoint of ${endpoint.pod || endpoint.interface} in the datastore`,
      expected: 'no such endpoint',
      actual: endpoint.interface,
    });
  }
  for (const host of seen.hosts) {
    for (const { name } of host.interfaces) {
      if (seen.pods.some((pod) => pod.host === host.name && pod.interface === name)) continue;
      builder.unexpected('endpoints', {
        where: host.name,
        what: `interface ${name}`,
        expected: 'no such interface',
        actual: 'belongs to no pod',
      });
    }
  }
}
