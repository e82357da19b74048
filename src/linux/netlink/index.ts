/** Netlink: the codec, the socket, and the network configuration of a namespace. */
export { type InterfaceAddress, scope } from './address.ts';
export { type NetworkEvent, type WatchNetworkOptions, watchNetwork } from './events.ts';
export type { Link, LinkKind, LinkSettings, VxlanParameters } from './link.ts';
export type { ForwardingEntry, Neighbour } from './neighbour.ts';
export {
  completeRoute,
  type NextHop,
  protocol,
  type Route,
  type RouteFilter,
  type RouteKind,
  type RouteSpec,
  table,
} from './route.ts';
export { type RouteChange, RtNetlink, routeVersion } from './rtnetlink.ts';
export type { RoutingRule } from './rule.ts';
export { type BatchErrors, family, NetlinkSocket, type NetlinkSocketOptions } from './socket.ts';
