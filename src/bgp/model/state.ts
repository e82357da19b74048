/**
 * What the peering graph computes from: the parsed objects of a cluster, kept as maps by name. Values are immutable
 * and compared by content, so that a write which changes nothing of interest is no change.
 */
import type { IpVersion } from '../../ip/index.ts';
import type { Labels } from '../../selector/index.ts';
import type { BgpFilter } from './filter.ts';
import type { BgpPeer } from './peer.ts';

/** Both families, in the order of everything that is generated. */
export const families: readonly IpVersion[] = [4, 6];

/** An address of a node with the prefix length of its subnet (32 or 128 when none was given). */
export interface NodeAddress {
  /** Canonical text. */
  readonly ip: string;
  readonly prefix: number;
}

/** A node as BGP sees it. */
export interface BgpNode {
  readonly name: string;
  readonly labels: Labels;
  readonly ipv4?: NodeAddress;
  readonly ipv6?: NodeAddress;
  /** Absent: the cluster's. */
  readonly asNumber?: number;
  /** Present: the node is a route reflector of this cluster. */
  readonly clusterId?: string;
}

/** A community, two or three numbers. */
export type Community = readonly [number, number] | readonly [number, number, number];

/** Communities that routes inside a CIDR are sent with. */
export interface PrefixAdvertisement {
  readonly cidr: string;
  readonly communities: readonly Community[];
}

/** Reference to a key of a Secret. */
export interface SecretRef {
  readonly name: string;
  readonly key: string;
}

/** BGPConfiguration `default` with the defaults filled in. */
export interface GlobalConfiguration {
  readonly asNumber: number;
  readonly mesh: boolean;
  readonly debug: 'all' | 'states' | undefined;
  readonly listenPort?: number;
  readonly bindNodeIP: boolean;
  readonly ignoredInterfaces: readonly string[];
  readonly meshPassword?: SecretRef;
  readonly meshRestartTime?: number;
  readonly advertisements: readonly PrefixAdvertisement[];
  readonly serviceClusterIPs: readonly string[];
  readonly serviceExternalIPs: readonly string[];
  readonly serviceLoadBalancerIPs: readonly string[];
  readonly serviceLoadBalancerAggregation: boolean;
  /** Whether BIRD programs the routes of IPIP and unencapsulated pools (`false`: the agent does). */
  readonly programClusterRoutes: boolean;
  /** Metric of workload routes, from which the local preference of what this node sends is made. */
  readonly routePriority: { readonly ipv4: number; readonly ipv6: number };
}

/** BGPConfiguration `node.<name>`. */
export interface NodeConfiguration {
  readonly listenPort?: number;
  readonly debug?: 'all' | 'states' | 'none';
  readonly advertisements?: readonly PrefixAdvertisement[];
}

/** How routes of a pool reach other nodes. */
export type Encapsulation = 'none' | 'ipip' | 'vxlan';

/** An address pool. */
export interface BgpPool {
  readonly name: string;
  readonly cidr: string;
  readonly encapsulation: Encapsulation;
  readonly crossSubnet: boolean;
  readonly exported: boolean;
}

/** A Service with the fields that advertisement needs. */
export interface BgpService {
  readonly type: string;
  readonly clusterIPs: readonly string[];
  readonly ipFamilies: readonly string[];
  readonly externalIPs: readonly string[];
  readonly loadBalancerIPs: readonly string[];
  readonly local: boolean;
}

/** An EndpointSlice. */
export interface BgpSlice {
  /** `namespace/name` of its service. */
  readonly service: string;
  readonly addressType: string;
  /** `nodeName` of each endpoint; `''` when it has none. */
  readonly nodes: readonly string[];
}

/** An object that could not be used, and why: it is left out, the others are not. */
export interface Problem {
  /** `Kind name`. */
  readonly object: string;
  readonly message: string;
}

/** State of a cluster. The maps are keyed by object name (services and slices: `namespace/name`). */
export interface BgpState {
  readonly nodes: ReadonlyMap<string, BgpNode>;
  readonly configuration: GlobalConfiguration;
  readonly nodeConfigurations: ReadonlyMap<string, NodeConfiguration>;
  readonly peers: ReadonlyMap<string, BgpPeer>;
  readonly filters: ReadonlyMap<string, BgpFilter>;
  readonly pools: ReadonlyMap<string, BgpPool>;
  /** Affinities by node: CIDR → state (`confirmed`, `pendingDeletion`); pending ones are absent. */
  readonly blocks: ReadonlyMap<string, ReadonlyMap<string, string>>;
  readonly services: ReadonlyMap<string, BgpService>;
  readonly slices: ReadonlyMap<string, BgpSlice>;
}

/** The address of a node in a family. */
export function addressOf(node: BgpNode, version: IpVersion): NodeAddress | undefined {
  return version === 4 ? node.ipv4 : node.ipv6;
}

/** The port on which a node listens; `undefined`: nobody configured one (179). */
export function listenPortOf(state: BgpState, node: string): number | undefined {
  return state.nodeConfigurations.get(node)?.listenPort ?? state.configuration.listenPort;
}
