/** BGP: who peers with whom and why, BIRD's configuration, its control socket, and the proof of reachability. */
export {
  type BgpAgent,
  type BgpAgentOptions,
  type BgpHealthItem,
  type BgpStatus,
  createBgpAgent,
  type SessionStatus,
} from './agent.ts';
export type * from './bird/ast.ts';
export { type BirdOptions, type CompiledBird, compileBird, routerIdOf } from './bird/compile.ts';
export {
  type BirdReply,
  type BirdSocketOptions,
  birdCommand,
  type DaemonStatus,
  daemonStatus,
} from './bird/control-socket.ts';
export { evaluateFilter, type Route, type Verdict } from './bird/evaluate.ts';
export { type KernelRoutes, removeLeftOverRoutes } from './bird/left-over-routes.ts';
export { type BirdPaths, defaultBirdPaths, runningBird } from './bird/process.ts';
export { renderBird } from './bird/render.ts';
export { retireBird } from './bird/retire.ts';
export { BirdSupervisor, type SupervisorTiming } from './bird/supervisor.ts';
export { loadCluster } from './load-cluster.ts';
export { type BgpLog, silentBgpLog } from './log.ts';
export { BgpCluster } from './model/cluster.ts';
export type * from './model/state.ts';
export { type NodePeering, PeeringGraph, peering } from './peering/peering.ts';
export { describeReason, type Session, type SessionKind, type SessionReason } from './peering/session.ts';
export { type ClusterModel, type HalfSession, modelOfCluster } from './proof/from-state.ts';
export type * from './proof/model.ts';
export { proveFailures, proveReachability } from './proof/prove.ts';
export { routePaths } from './proof/route-path.ts';
export { type Removal, type WhatIf, whatIf, without } from './proof/what-if.ts';
export {
  type FamilyStatus,
  type NodeStatus,
  printNodeStatus,
  statusOfOneDaemon,
} from './status/node-status.ts';
export { isBird1, type ProtocolRow, parseProtocols, type RouteCounts } from './status/protocols.ts';
export { protocolsOf } from './status/query.ts';
export {
  type ClusterSession,
  compareCluster,
  type PublishedStatus,
  statusPrefix,
  whyDown,
} from './status/report.ts';
