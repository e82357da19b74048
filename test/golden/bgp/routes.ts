/**
 * Route cases: upstream's BIRD ran with upstream's configuration. On each recorded table, after every step, our filters
 * must send exactly the recorded prefixes to every peer and write the recorded ones to the kernel; what BIRD itself adds
 * (a path does not return to its session, reflection, cluster lists) is applied as in the recordings' README.
 */
import { evaluateFilter, type Route } from '../../../src/bgp/index.ts';
import type { IpVersion } from '../../../src/ip/index.ts';
import type { Outcome } from '../corpus.ts';
import { type Difference, reasons } from './compare.ts';
import { outcomeOf } from './configuration.ts';
import { type OurNode, ourNodes } from './ours.ts';
import type { RecordedCase } from './recorded.ts';

interface TableRoute {
  readonly prefix: string;
  readonly proto: string;
  readonly best: boolean;
  readonly dev?: string;
  readonly kernelMetric?: number;
  readonly to?: string;
  readonly asPath?: readonly number[];
  readonly localPref?: number;
  readonly communities?: readonly string[];
  readonly largeCommunities?: readonly string[];
  readonly clusterList?: readonly string[];
}

interface RunningFamily {
  readonly sessions: readonly {
    readonly name: string;
    readonly info: string;
    readonly session?: readonly string[];
    readonly exports?: readonly string[];
  }[];
  readonly table: readonly TableRoute[];
  readonly kernel: readonly { readonly prefix: string; readonly metric?: number }[];
}

interface Snapshot {
  readonly nodes: Readonly<
    Record<string, { readonly ipv4?: RunningFamily | null; readonly ipv6?: RunningFamily | null }>
  >;
}

/** A route case. */
export interface RecordedRoutes extends RecordedCase {
  readonly kind: string;
  /** Upstream started BIRD as after a crash: no kernel routes until every peer is up. */
  readonly birdRestartFlag?: boolean;
  readonly steady: Snapshot;
  readonly steps?: readonly { readonly step: string; readonly after: Snapshot }[];
}

/** Replays a case. */
export function routesCase(recorded: RecordedRoutes): Outcome {
  const ours = ourNodes(recorded);
  const differences: Difference[] = [];
  const snapshots = [{ step: 'steady', after: recorded.steady }, ...(recorded.steps ?? [])];
  for (const { step, after } of snapshots) {
    for (const [name, node] of Object.entries(after.nodes)) {
      for (const version of [4, 6] as const) {
        const family = node[`ipv${version}`];
        // A daemon that was ended has no table.
        if (!family?.table) continue;
        const reason = recorded.birdRestartFlag === true ? reasons.restart : undefined;
        for (const one of compareRunning(family, ours.get(name)!, version))
          differences.push({ ...(reason && { reason }), ...one, text: `${step}: ${name}: ${one.text}` });
      }
    }
  }
  return outcomeOf(differences);
}

function compareRunning(family: RunningFamily, ours: OurNode, version: IpVersion): readonly Difference[] {
  const out: Difference[] = [];
  const functions = new Map(ours.config.functions.map((one) => [one.name, one]));
  const config = ours.config.families.find((one) => one.version === version)!;
  const sessions = new Map(ours.peering.sessions.map((one) => [one.name, one]));
  const protocols = new Map(ours.config.protocols.map((one) => [one.name, one]));
  const routes = family.table.filter((route) => {
    if (!route.proto.startsWith('kernel')) return true;
    return evaluateFilter(config.learn.body, routeOf(route), functions).accepted;
  });
  const unlearned = new Set(
    family.table.filter((route) => !routes.includes(route)).map(({ prefix }) => prefix),
  );
  const lowMetric = new Set(
    family.table.filter((route) => (route.kernelMetric ?? 1024) < 1024).map(({ prefix }) => prefix),
  );
  for (const recorded of family.sessions) {
    const session = sessions.get(recorded.name);
    const protocol = protocols.get(recorded.name);
    if (!session || !protocol) {
      out.push({ text: `${recorded.name} is recorded, ours has no such session`, reason: reasons.mesh });
      continue;
    }
    if (!recorded.exports) continue;
    const sent = new Set<string>();
    for (const route of routes) {
      const from = sessions.get(route.proto);
      const internal = from?.type === 'iBGP' && session.type === 'iBGP';
      const reflected = from?.rrClusterID !== undefined || session.rrClusterID !== undefined;
      if (route.proto === recorded.name || (internal && !reflected)) continue;
      if (session.rrClusterID !== undefined && route.clusterList?.includes(session.rrClusterID)) continue;
      if (!route.best && !recorded.session?.includes('add-path-tx')) continue;
      if (evaluateFilter(protocol.export, routeOf(route), functions).accepted) sent.add(route.prefix);
    }
    const excused = (prefix: string) =>
      unlearned.has(prefix) ? reasons.workloads : lowMetric.has(prefix) ? reasons.aggregate : undefined;
    out.push(...compareSets(`${recorded.name} sends`, recorded.exports, sent, excused));
  }
  const written = new Set(
    routes
      .filter((route) => route.best && !route.proto.startsWith('kernel'))
      .filter((route) => evaluateFilter(config.program.body, routeOf(route), functions).accepted)
      .map(({ prefix }) => prefix),
  );
  const theirs = family.kernel.map(({ prefix }) =>
    prefix === 'default' ? (version === 4 ? '0.0.0.0/0' : '::/0') : prefix,
  );
  const agents = new Set(
    routes
      .filter((route) => route.proto.includes('_'))
      .map(({ prefix }) => prefix)
      .filter((prefix) => !written.has(prefix)),
  );
  const unreachable = family.table
    .filter(({ best, to }) => best && to === 'unreachable')
    .map(({ prefix }) => prefix);
  out.push(
    ...compareSets(
      'kernel has',
      theirs.filter((prefix) => !unreachable.includes(prefix)),
      written,
      (prefix) => (agents.has(prefix) ? reasons.tunnels : undefined),
    ),
  );
  for (const prefix of unreachable) {
    if (theirs.includes(prefix))
      out.push({ text: `kernel has ${prefix} unreachable, ours has no route`, reason: reasons.unreachable });
  }
  if (family.kernel.some(({ metric }) => metric !== undefined))
    out.push({ text: 'kernel metric is 32 instead of 1024 or more', reason: reasons.metric });
  return out;
}

function compareSets(
  what: string,
  theirs: readonly string[],
  ours: ReadonlySet<string>,
  excused: (prefix: string) => string | undefined,
): readonly Difference[] {
  const recorded = new Set(theirs);
  return [
    ...[...recorded]
      .filter((prefix) => !ours.has(prefix))
      .map((prefix) => {
        const reason = excused(prefix);
        return { text: `${what} ${prefix}, ours not`, ...(reason !== undefined && { reason }) };
      }),
    ...[...ours]
      .filter((prefix) => !recorded.has(prefix))
      .map((prefix) => ({ text: `${what} no ${prefix}, ours does` })),
  ];
}

function routeOf(route: TableRoute): Route {
  const source = route.proto.startsWith('static')
    ? 'static'
    : route.proto.startsWith('kernel')
      ? 'kernel'
      : route.proto.startsWith('direct')
        ? 'direct'
        : 'bgp';
  return {
    net: route.prefix,
    source,
    ...(route.dev !== undefined && { interface: route.dev }),
    unreachable: route.to === 'unreachable',
    communities: [...(route.communities ?? []), ...(route.largeCommunities ?? [])],
    asPath: route.asPath ?? [],
    ...(route.localPref !== undefined && { localPref: route.localPref }),
  };
}
