/** The model of a cluster as its resources describe it. */
import type { BgpState } from '../model/state.ts';
import { type NodePeering, PeeringGraph } from '../peering/peering.ts';
import type { Session } from '../peering/session.ts';
import type { ModelSession, ReachabilityModel, Speaker } from './model.ts';

/** A session that only one end has, or whose ends disagree. */
export interface HalfSession {
  readonly node: string;
  readonly session: Session;
  readonly why: string;
}

/** The model, and the sessions that cannot come up. */
export interface ClusterModel {
  readonly model: ReachabilityModel;
  readonly broken: readonly HalfSession[];
}

/**
 * Makes the model. Addresses outside the cluster become routers that have the session as well and pass on what they
 * learn. Both families count as one: a pair of speakers is joined when either family's session is.
 */
export function modelOfCluster(
  state: BgpState,
  peerings: Iterable<NodePeering> = new PeeringGraph(state).all(),
): ClusterModel {
  const speakers = new Map<string, Speaker>();
  for (const node of [...state.nodes.values()].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const originates = (state.blocks.get(node.name)?.size ?? 0) > 0;
    speakers.set(node.name, {
      name: node.name,
      kind: 'host',
      asNumber: node.asNumber ?? state.configuration.asNumber,
      ...(node.clusterId !== undefined && { clusterId: node.clusterId }),
      originates,
      needs: true,
    });
  }
  const ends = new Map<string, { readonly node: string; readonly session: Session }>();
  const sessions: ModelSession[] = [];
  const broken: HalfSession[] = [];
  const joined = new Set<string>();
  for (const { node, sessions: all } of peerings) {
    const self = state.nodes.get(node)!;
    for (const session of all) {
      const other = session.peerNode;
      if (other === undefined) {
        const name = session.peerIP;
        if (!speakers.has(name))
          speakers.set(name, {
            name,
            kind: 'router',
            asNumber: session.peerAS,
            originates: false,
            needs: false,
          });
        sessions.push({
          a: node,
          b: name,
          aAS: session.localAS,
          bAS: session.peerAS,
          clientOfA: session.rrClusterID !== undefined,
          clientOfB: false,
          ...(session.allowLocalAS !== undefined && { allowLocalA: session.allowLocalAS }),
        });
        continue;
      }
      const ownIP = session.version === 4 ? self.ipv4?.ip : self.ipv6?.ip;
      const there = ends.get(`${other} ${ownIP}`);
      if (!there) {
        ends.set(`${node} ${session.peerIP}`, { node, session });
        continue;
      }
      ends.delete(`${other} ${ownIP}`);
      const why = disagreement(session, there.session);
      if (why !== undefined) {
        broken.push({ node, session, why }, { node: other, session: there.session, why });
        continue;
      }
      const pair = `${other} ${node}`;
      if (joined.has(pair)) continue;
      joined.add(pair);
      sessions.push({
        a: node,
        b: other,
        aAS: session.localAS,
        bAS: session.peerAS,
        clientOfA: session.rrClusterID !== undefined,
        clientOfB: there.session.rrClusterID !== undefined,
        ...(session.allowLocalAS !== undefined && { allowLocalA: session.allowLocalAS }),
        ...(there.session.allowLocalAS !== undefined && { allowLocalB: there.session.allowLocalAS }),
      });
    }
  }
  for (const { node, session } of ends.values()) {
    broken.push({ node, session, why: `${session.peerNode} has no session back` });
  }
  return { model: { speakers: [...speakers.values()], sessions }, broken };
}

function disagreement(a: Session, b: Session): string | undefined {
  if (a.peerAS !== b.localAS || b.peerAS !== a.localAS)
    return `the ends disagree on AS numbers: ${a.localAS} expects ${a.peerAS}, ${b.localAS} expects ${b.peerAS}`;
  if (a.passive && b.passive) return 'both ends wait for the other to connect';
  if ((a.password === undefined) !== (b.password === undefined))
    return 'one end has a password, the other none';
  return undefined;
}
