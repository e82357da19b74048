/** The proof of BGP connectivity: the plan's sessions, given to the model of the bgp room. */
import {
  proveFailures,
  proveReachability,
  type Reachability,
  type ReachabilityModel,
  routePaths,
} from '../../bgp/index.ts';
import type { NetworkState } from './state.ts';

/** What is proved of a network. */
export interface Proof {
  readonly reachability: Reachability;
  /** One result per speaker whose failure could hurt; those with losses are what breaks. */
  readonly failures: readonly Reachability[];
  /** Routers outside take part: that they exchange routes with each other is an assumption. */
  readonly assumesRouters: boolean;
}

/** Reflectors without pods neither have blocks nor need those of others. */
const carriesPods = (host: NetworkState['hosts'][number]) => host.runsPods || !host.isRouteReflector;

/** The model of a state's sessions. */
export function modelOf(state: NetworkState): ReachabilityModel {
  const routers = new Map<string, number>();
  for (const one of state.sessions) if (one.peer === null) routers.set(one.peerAddress, one.peerAs);
  const speakers: ReachabilityModel['speakers'] = [
    ...state.hosts
      .filter((host) => host.runsNode)
      .map((host) => ({
        name: host.name,
        kind: 'host' as const,
        asNumber: host.asNumber,
        ...(host.clusterId === null ? {} : { clusterId: host.clusterId }),
        originates: carriesPods(host),
        needs: carriesPods(host),
      })),
    ...[...routers].map(([name, asNumber]) => ({
      name,
      kind: 'router' as const,
      asNumber,
      originates: false,
      needs: false,
    })),
  ];
  const sessions: ReachabilityModel['sessions'][number][] = state.sessions.map((one) => ({
    a: one.host,
    b: one.peer ?? one.peerAddress,
    aAS: one.hostAs,
    bAS: one.peerAs,
    clientOfA: one.reflection === 'host-reflects' || one.reflection === 'both-reflect',
    clientOfB: one.reflection === 'peer-reflects' || one.reflection === 'both-reflect',
  }));
  const names = [...routers];
  names.forEach(([a, aAS], at) => {
    for (const [b, bAS] of names.slice(at + 1))
      sessions.push({ a, b, aAS, bAS, clientOfA: false, clientOfB: false });
  });
  return { speakers, sessions };
}

/** Proves a state; undefined if no BGP runs there. */
export function prove(state: NetworkState): Proof | undefined {
  if (state.backend !== 'bird') return undefined;
  const model = modelOf(state);
  return {
    reachability: proveReachability(model),
    failures: proveFailures(model),
    assumesRouters: model.speakers.some((one) => one.kind === 'router'),
  };
}

/** Pairs are listed up to this many hosts; the proof itself has no limit. */
const listedHosts = 40;

/** How the routes of pairs travel: directly, or through whom, with how many ordered pairs do so. */
export interface Way {
  readonly through: readonly string[];
  readonly pairs: number;
}

/** The ways of all pairs, the most used first; undefined where there are too many hosts to list them. */
export function waysOf(state: NetworkState): readonly Way[] | undefined {
  const hosts = state.hosts.filter((host) => host.runsNode && carriesPods(host));
  if (state.backend !== 'bird' || hosts.length > listedHosts) return undefined;
  const path = routePaths(modelOf(state));
  const neighbours = new Map<string, Set<string>>();
  for (const { host, peer, peerAddress } of state.sessions)
    for (const [a, b] of [
      [host, peer ?? peerAddress],
      [peer ?? peerAddress, host],
    ] as const)
      neighbours.set(a, (neighbours.get(a) ?? new Set()).add(b));
  const ways = new Map<string, { through: readonly string[]; pairs: number }>();
  for (const to of hosts)
    for (const from of hosts) {
      const names = from === to ? undefined : path(to.name, from.name);
      if (!names) continue;
      const through =
        names.length === 3 ? [alternatives(state, neighbours, names).join(' or ')] : names.slice(1, -1);
      const key = through.join(' ');
      const way = ways.get(key) ?? { through, pairs: 0 };
      way.pairs++;
      ways.set(key, way);
    }
  return [...ways.values()].sort((a, b) => b.pairs - a.pairs);
}

/** Everybody who passes a route on as the one in the middle does: peers of both ends of the same kind. */
function alternatives(
  state: NetworkState,
  neighbours: ReadonlyMap<string, ReadonlySet<string>>,
  [to = '', middle = '', from = '']: readonly string[],
): readonly string[] {
  const reflectors = new Set(state.hosts.filter((host) => host.clusterId !== null).map((host) => host.name));
  const hosts = new Set(state.hosts.map((host) => host.name));
  const like = (name: string) =>
    reflectors.has(name) === reflectors.has(middle) && hosts.has(name) === hosts.has(middle);
  const ofFrom = neighbours.get(from) ?? new Set();
  return [...(neighbours.get(to) ?? [])].filter((name) => ofFrom.has(name) && like(name));
}

/** The speakers between two hosts: how `from` learns the pods of `to`. */
export function wayBetween(state: NetworkState, from: string, to: string): readonly string[] | undefined {
  return routePaths(modelOf(state))(to, from);
}

/** Number of ordered pairs without a route. */
export function missingPairs(reachability: Reachability): number {
  return reachability.losses.reduce((sum, one) => sum + one.missing, 0);
}

/** Pairs without a route in a state; 0 where no BGP is needed. */
export function pairsLost(state: NetworkState): number {
  return state.backend === 'bird' ? missingPairs(proveReachability(modelOf(state))) : 0;
}
