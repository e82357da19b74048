/** What a lab must look like: from its plan and from the pods that it was asked to run, never from what is found. Pure. */
import { type ClusterPlan, expectedRoute, type HostPlan } from '../../kubespray/index.ts';

/** One end of a session, as its host must show it. */
export interface ExpectedEnd {
  readonly host: string;
  readonly peerAddress: string;
  readonly peerAs: number;
}

/** The way from a host to the pods of another. */
export interface ExpectedWay {
  readonly from: string;
  readonly to: string;
  /** Any of these; none: the other end's tunnel address, which IPAM chooses when the host starts. */
  readonly nextHops: readonly string[];
  readonly device: 'eth0' | 'tunl0' | 'vxlan.calico';
}

/** The ends of every session, session by session: a border router's end is its own affair. */
export function expectedSessions(plan: ClusterPlan): readonly (readonly ExpectedEnd[])[] {
  return plan.sessions.map((session) => [
    { host: session.host, peerAddress: session.peerAddress, peerAs: session.peerAs },
    ...(session.peer === null
      ? []
      : [{ host: session.peer, peerAddress: session.hostAddress, peerAs: session.hostAs }]),
  ]);
}

/** Every ordered pair of hosts between which pods' traffic has a way. */
export function expectedWays(plan: ClusterPlan): readonly ExpectedWay[] {
  const agents = plan.hosts.filter((host) => host.runsNode);
  return agents.flatMap((from) =>
    agents.flatMap((to): ExpectedWay[] => {
      const route = expectedRoute(plan, from, to);
      if (!route || (route.by === 'bird' && isLoop(plan, from, to))) return [];
      const device = route.device === 'underlay' ? 'eth0' : route.device;
      const hops = device === 'vxlan.calico' ? [] : nextHops(plan, from, to, route.nextHop);
      return [{ from: from.name, to: to.name, nextHops: hops, device }];
    }),
  );
}

/** Where border routers stand between hosts, or hosts are in another subnet, the next hop may be a router. */
function nextHops(plan: ClusterPlan, from: HostPlan, to: HostPlan, direct: string): readonly string[] {
  const routers = plan.routers
    .filter((router) => router.hosts.includes(from.name))
    .map(({ address }) => address);
  return from.subnet === to.subnet && routers.length === 0 ? [direct] : [direct, ...routers];
}

/**
 * Whether BGP itself keeps the route away: between hosts of one AS that only routers of another AS join, the AS path
 * holds the receiver's own number. Their packets go by the default route.
 */
function isLoop(plan: ClusterPlan, from: HostPlan, to: HostPlan): boolean {
  if (
    from.asNumber !== to.asNumber ||
    plan.nodeToNodeMesh ||
    plan.hosts.some((host) => host.isRouteReflector)
  )
    return false;
  return !plan.routers.some(
    (router) => router.asNumber === from.asNumber && router.hosts.includes(from.name),
  );
}
