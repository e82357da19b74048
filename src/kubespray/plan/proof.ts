/** The proof of BGP connectivity: the plan's sessions, given to the model of the bgp room. */
import {
  proveFailures,
  proveReachability,
  type Reachability,
  type ReachabilityModel,
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

/** Number of ordered pairs without a route. */
export function missingPairs(reachability: Reachability): number {
  return reachability.losses.reduce((sum, one) => sum + one.missing, 0);
}

/** Pairs without a route in a state; 0 where no BGP is needed. */
export function pairsLost(state: NetworkState): number {
  return state.backend === 'bird' ? missingPairs(proveReachability(modelOf(state))) : 0;
}
