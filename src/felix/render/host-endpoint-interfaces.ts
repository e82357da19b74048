/** Which host endpoint governs which interface. Upstream source: felix/dataplane/linux/endpoint_mgr.go. */
import type { HostEndpointProgram } from '../../policy/index.ts';
import type { HostInterface } from '../dataplane.ts';

/** What {@link assignHostEndpoints} decides. */
export interface HostEndpointAssignment {
  /** Winner per interface. */
  readonly byInterface: ReadonlyMap<string, HostEndpointProgram>;
  /** The `*` endpoint, for interfaces without one of their own. */
  readonly any: HostEndpointProgram | undefined;
  /** Interfaces per endpoint id; empty when it lost or found none, `['*']` for {@link any}. */
  readonly effect: ReadonlyMap<string, readonly string[]>;
}

/**
 * An endpoint with an interface name is for that interface alone; one without is for those that have one of its
 * expected addresses. Of several for one interface the smallest name wins, however it was found. Workload interfaces
 * never take part.
 */
export function assignHostEndpoints(
  endpoints: Iterable<HostEndpointProgram>,
  interfaces: readonly HostInterface[],
  workloadPrefixes: readonly string[],
): HostEndpointAssignment {
  const sorted = [...endpoints].sort((a, b) => (a.id < b.id ? -1 : 1));
  const byInterface = new Map<string, HostEndpointProgram>();
  const effect = new Map<string, string[]>(sorted.map(({ id }) => [id, []]));
  for (const one of interfaces) {
    if (workloadPrefixes.some((prefix) => one.name.startsWith(prefix))) continue;
    const winner = sorted.find((endpoint) => matches(endpoint, one));
    if (!winner) continue;
    byInterface.set(one.name, winner);
    effect.get(winner.id)?.push(one.name);
  }
  const any = sorted.find((endpoint) => endpoint.interfaceName === '*');
  if (any) effect.get(any.id)?.push('*');
  return { byInterface, any, effect };
}

function matches(endpoint: HostEndpointProgram, one: HostInterface): boolean {
  if (endpoint.interfaceName !== '') return endpoint.interfaceName === one.name;
  return (
    endpoint.expectedIpv4.some((address) => one.ipv4.includes(address)) ||
    endpoint.expectedIpv6.some((address) => one.ipv6.includes(address))
  );
}
