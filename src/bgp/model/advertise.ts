/** Which service addresses a node announces; upstream: confd/pkg/backends/calico/routes.go. */
import { cidrContains, type IpVersion, parseCidr, tryParseAddress, tryParseCidr } from '../../ip/index.ts';
import type { BgpService, BgpState } from './state.ts';

/** What services make of a node's routes, both families together. */
export interface ServiceRoutes {
  /** Blackhole routes, announced to all peers. */
  readonly announce: readonly string[];
  /** Never programmed into the kernel: kube-proxy owns these addresses. */
  readonly reject: readonly string[];
  /** Ranges whose routes a reflector passes on. */
  readonly reflect: readonly string[];
}

/** What is not in the datastore. */
export interface AdvertiseOptions {
  /** CALICO_ADVERTISE_CLUSTER_IPS: beats serviceClusterIPs, with and without a stored BGPConfiguration. */
  readonly clusterIPs: readonly string[] | undefined;
  /** Name of the node in Kubernetes, where it differs. */
  readonly nodeRef: string | undefined;
}

/** Nodes with this label set to `true` announce no service. */
const excludeLabel = 'node.kubernetes.io/exclude-from-external-load-balancers';

/** Computes the routes of a node. Every service is judged by all its slices together. */
export function serviceRoutes(state: BgpState, nodeName: string, options: AdvertiseOptions): ServiceRoutes {
  const { configuration } = state;
  const cluster = options.clusterIPs ?? configuration.serviceClusterIPs;
  const external = configuration.serviceExternalIPs;
  const balancer = configuration.serviceLoadBalancerIPs;
  const aggregated = configuration.serviceLoadBalancerAggregation;
  const ranges = [...external, ...(aggregated ? balancer : [])].filter((cidr) => !isSingle(cidr));
  const excluded = state.nodes.get(nodeName)?.labels[excludeLabel] === 'true';
  const announce = new Set<string>([...cluster, ...ranges]);
  for (const [name, service] of state.services) {
    const addresses = addressesOf(service, { cluster, external, balancer });
    if (addresses.length === 0) continue;
    if (isAnnounced(state, name, service, options.nodeRef ?? nodeName, { external, balancer, aggregated }))
      for (const address of addresses) announce.add(address);
  }
  return {
    announce: excluded ? [] : [...announce].sort(compareText),
    reject: [...cluster, ...ranges].sort(compareText),
    reflect: [...balancer],
  };
}

interface Ranges {
  readonly external: readonly string[];
  readonly balancer: readonly string[];
}

function addressesOf(
  service: BgpService,
  ranges: Ranges & { readonly cluster: readonly string[] },
): string[] {
  return [
    ...(ranges.cluster.length > 0 ? service.clusterIPs : []),
    ...service.externalIPs.filter((ip) => isIn(ip, ranges.external)),
    ...service.loadBalancerIPs.filter((ip) => isIn(ip, ranges.balancer)),
  ].flatMap((ip) => {
    const address = tryParseAddress(ip);
    return address ? [`${ip}/${address.version === 4 ? 32 : 128}`] : [];
  });
}

function isAnnounced(
  state: BgpState,
  name: string,
  service: BgpService,
  node: string,
  ranges: Ranges & { readonly aggregated: boolean },
): boolean {
  const slices = [...state.slices.values()].filter(
    (slice) => slice.service === name && service.ipFamilies.includes(slice.addressType),
  );
  if (service.local) return slices.some((slice) => slice.nodes.includes(node));
  const singles = [
    ...service.externalIPs.filter((ip) => isIn(ip, ranges.external.filter(isSingle))),
    ...service.loadBalancerIPs.filter((ip) => isIn(ip, ranges.balancer.filter(isSingle))),
  ];
  if (singles.length > 0) return true;
  return !ranges.aggregated && slices.some((slice) => slice.nodes.length > 0);
}

function isIn(ip: string, cidrs: readonly string[]): boolean {
  const address = tryParseAddress(ip);
  return address !== undefined && cidrs.some((cidr) => cidrContains(parseCidr(cidr), address));
}

function isSingle(cidr: string): boolean {
  const parsed = tryParseCidr(cidr);
  return parsed?.prefix === (parsed?.version === 6 ? 128 : 32);
}

/** Whether a CIDR is of a family. */
export function isOfVersion(cidr: string, version: IpVersion): boolean {
  return cidr.includes(':') === (version === 6);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
