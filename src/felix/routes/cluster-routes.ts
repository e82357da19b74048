/**
 * Routes to the blocks of other hosts and blackholes for our own. Pure.
 *
 * Unencapsulated routes are BIRD's unless `ProgramClusterRoutes` says otherwise; VXLAN ones are always ours.
 * Upstream: felix/dataplane/linux/{vxlan,ipip,noencap}_mgr.go.
 */
import type { RouteProgram, VtepProgram } from '../../policy/index.ts';
import { type RouteWish, routeClass } from './route-table.ts';

/** Names of the tunnel devices. */
export const tunnelDevice = { ipip: 'tunl0', vxlan: 'vxlan.calico', vxlanV6: 'vxlan-v6.calico' } as const;

/** Whether the interface is one of the {@link tunnelDevice}s. */
export function isTunnelDevice(name: string): boolean {
  return Object.values<string>(tunnelDevice).includes(name);
}

/** What the decision needs beside the route itself. */
export interface ClusterRouteContext {
  /** The interface that holds this host's address of the route's IP version. */
  readonly parent: string | undefined;
  /** Whether IPIP and unencapsulated cluster routes are ours to program. */
  readonly programsIpip: boolean;
  readonly programsNoEncap: boolean;
  readonly protocol: number;
  readonly priority: number;
  readonly source?: string;
  vtep(node: string): VtepProgram | undefined;
}

/** Which pool types' routes this agent programs. */
export function programmedRoutes(
  setting: string,
): Pick<ClusterRouteContext, 'programsIpip' | 'programsNoEncap'> {
  return {
    programsIpip: setting === 'Enabled' || setting === 'EnabledIPIPOnly',
    programsNoEncap: setting === 'Enabled' || setting === 'EnabledNoEncapOnly',
  };
}

/** The kernel routes that an entry of the program asks for: none or one. */
export function clusterRouteWishes(route: RouteProgram, context: ClusterRouteContext): readonly RouteWish[] {
  const base = {
    dst: route.dst,
    protocol: context.protocol,
    priority: context.priority,
    ...(context.source === undefined ? {} : { source: context.source }),
  };
  const ours =
    route.pool === 'vxlan' ||
    (route.pool === 'ipip' && context.programsIpip) ||
    (route.pool === 'no-encap' && context.programsNoEncap);
  if (route.types.includes('local-workload')) {
    // One address of a local endpoint has its own route; the block around it must not leave the host.
    return ours && !route.localWorkload && !isWhole(route.dst)
      ? [
          {
            dst: route.dst,
            protocol: context.protocol,
            priority: context.priority,
            class: routeClass.blackhole,
          },
        ]
      : [];
  }
  const remote = route.types.includes('remote-workload');
  const tunnelEnd = route.types.includes('remote-tunnel');
  if ((!remote && !tunnelEnd) || !ours || route.node === undefined) return [];
  const { nodeAddress } = route;
  const { parent } = context;
  const direct = (kind: RouteWish['class']): readonly RouteWish[] =>
    nodeAddress === undefined || parent === undefined
      ? []
      : [{ ...base, class: kind, device: parent, gateway: nodeAddress, onlink: true }];
  switch (route.pool) {
    case 'no-encap':
      return direct(routeClass.noEncap);
    case 'ipip':
      if (route.sameSubnet) return direct(routeClass.ipipSameSubnet);
      return nodeAddress === undefined
        ? []
        : [
            {
              ...base,
              class: routeClass.ipipTunnel,
              device: tunnelDevice.ipip,
              gateway: nodeAddress,
              onlink: true,
            },
          ];
    case 'vxlan': {
      if (route.sameSubnet) return direct(routeClass.vxlanSameSubnet);
      const six = route.dst.includes(':');
      const vtep = context.vtep(route.node);
      const end = six ? vtep?.ipv6 : vtep?.ipv4;
      if (!end) return [];
      const tunnel = {
        ...base,
        class: routeClass.vxlanTunnel,
        device: six ? tunnelDevice.vxlanV6 : tunnelDevice.vxlan,
      };
      return route.dst === `${end.tunnelAddress}/${six ? 128 : 32}`
        ? [tunnel]
        : [{ ...tunnel, gateway: end.tunnelAddress, onlink: true }];
    }
    default:
      return [];
  }
}

function isWhole(dst: string): boolean {
  return dst.endsWith(dst.includes(':') ? '/128' : '/32');
}
