/** BGP: who peers with whom and why, BIRD's configuration, its control socket, and the proof of reachability. */
export { BgpCluster } from './model/cluster.ts';
export type * from './model/state.ts';
export { type NodePeering, PeeringGraph, peering } from './peering/peering.ts';
export { describeReason, type Session, type SessionKind, type SessionReason } from './peering/session.ts';
export type * from './proof/model.ts';
export {
  type FamilyStatus,
  type NodeStatus,
  printNodeStatus,
  statusOfOneDaemon,
} from './status/node-status.ts';
export { type ProtocolRow, parseProtocols, type RouteCounts } from './status/protocols.ts';
