/** Which routes of the main table are ours, so that a restart without memory knows what to sweep. Pure. */
import { protocol, type Route } from '../../linux/index.ts';
import { tunnelDevice } from '../routes/index.ts';

/** What the decision needs. */
export interface RouteOwnershipInput {
  /** The protocol number that our routes carry. */
  readonly protocol: number;
  readonly isWorkload: (index: number) => boolean;
  /** The interface came less than the grace period ago: the CNI plugin's route may precede its endpoint. */
  readonly isYoung: (index: number) => boolean;
  readonly nameOf: (index: number) => string | undefined;
  /** Whether routes of others on workload interfaces are removed. */
  readonly removesExternal: boolean;
  readonly programsIpip: boolean;
}

/** See the file's comment. Upstream: felix/routetable/ownershippol. */
export function isOurRoute(route: Route, input: RouteOwnershipInput): boolean {
  if (route.protocol === protocol.kernel || route.protocol === protocol.ra || route.dst.startsWith('fe80:'))
    return false;
  const index = route.hops[0]?.oif;
  if (index !== undefined && input.isWorkload(index)) {
    if (input.isYoung(index)) return false;
    return input.removesExternal || route.protocol === input.protocol || route.protocol === protocol.boot;
  }
  if (route.protocol === input.protocol) return true;
  const name = index === undefined ? undefined : input.nameOf(index);
  if (name === tunnelDevice.vxlan || name === tunnelDevice.vxlanV6) return true;
  return name === tunnelDevice.ipip && route.protocol === protocol.bird && input.programsIpip;
}
