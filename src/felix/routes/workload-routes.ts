/** Routes to the addresses of local endpoints. Pure. Upstream: felix/dataplane/linux/endpoint_mgr.go. */
import type { WorkloadProgram } from '../../policy/index.ts';
import { type RouteWish, routeClass } from './route-table.ts';

/** What the routes of one IP version carry. */
export interface WorkloadRouteSettings {
  readonly protocol: number;
  readonly priority: number;
  readonly source?: string;
  /** Whether addresses that are translated to the endpoint's get a route too. */
  readonly floatingIps: boolean;
}

/** The routes of an endpoint in one IP version; none while it is inactive. */
export function workloadRouteWishes(
  workload: WorkloadProgram,
  version: 4 | 6,
  settings: WorkloadRouteSettings,
): readonly RouteWish[] {
  if (workload.state !== 'active') return [];
  const nets = version === 4 ? workload.ipv4Nets : workload.ipv6Nets;
  const nats = version === 4 ? workload.ipv4Nats : workload.ipv6Nats;
  const floating = settings.floatingIps
    ? nats.map((nat) => `${nat.external}/${version === 4 ? 32 : 128}`)
    : [];
  return [...new Set([...nets, ...floating])].map((dst) => ({
    dst,
    class: routeClass.localWorkload,
    device: workload.interfaceName,
    protocol: settings.protocol,
    priority: settings.priority,
    ...(settings.source === undefined ? {} : { source: settings.source }),
  }));
}

/** Text of an endpoint's identity. */
export function workloadId(id: WorkloadProgram['id']): string {
  return `${id.orchestrator}/${id.workload}/${id.endpoint}`;
}
