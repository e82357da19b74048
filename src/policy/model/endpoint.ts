/** Endpoints and network sets as the graph's indexes hold them. */
import { formatAddress, formatCidr, tryParseCidr } from '../../ip/index.ts';
import type { Resource } from '../../resources/resource.ts';
import { protocolName } from './protocol.ts';
import type { V3EndpointPort, V3HostEndpointSpec, V3WorkloadSpec } from './v3.types.ts';

/** Anything with labels and addresses: what selectors of rules select. */
export interface LabelledItem {
  readonly labels: Readonly<Record<string, string>>;
  /** Profiles whose labels it inherits. */
  readonly parents: readonly string[];
  /** Members that it contributes to a selector's set. */
  readonly members: readonly string[];
  readonly ports: readonly NamedPort[];
}

/** A port that an endpoint declares. */
export interface NamedPort {
  readonly name: string;
  readonly protocol: string;
  readonly port: number;
}

const noStrings: readonly string[] = [];
const noPorts: readonly NamedPort[] = [];

/** The item of a WorkloadEndpoint. */
export function workloadItem(resource: Resource): LabelledItem {
  const spec = resource.spec as V3WorkloadSpec;
  return {
    labels: endpointLabels(resource, spec.serviceAccountName),
    parents: spec.profiles ?? noStrings,
    members: membersOf(spec.ipNetworks),
    ports: portsOf(spec.ports),
  };
}

/** The item of a HostEndpoint. */
export function hostEndpointItem(resource: Resource): LabelledItem {
  const spec = resource.spec as V3HostEndpointSpec;
  return {
    labels: resource.metadata.labels ?? {},
    parents: spec.profiles ?? noStrings,
    members: membersOf(spec.expectedIPs),
    ports: portsOf(spec.ports),
  };
}

/** The item of a NetworkSet (which carries its namespace as a label and inherits that of `kns.<namespace>`) or GlobalNetworkSet. */
export function networkSetItem(resource: Resource): LabelledItem {
  const namespace = resource.metadata.namespace;
  const labels = resource.metadata.labels ?? {};
  return {
    labels: namespace === undefined ? labels : { ...labels, 'projectcalico.org/namespace': namespace },
    parents: namespace === undefined ? noStrings : [`kns.${namespace}`],
    members: membersOf(resource.spec['nets'] as readonly string[] | undefined),
    ports: noPorts,
  };
}

function endpointLabels(resource: Resource, account: string | undefined): Readonly<Record<string, string>> {
  const labels = resource.metadata.labels ?? {};
  const namespace = resource.metadata.namespace;
  const missing: Record<string, string> = {};
  if (namespace !== undefined && labels['projectcalico.org/namespace'] === undefined) {
    missing['projectcalico.org/namespace'] = namespace;
  }
  if (account && labels['projectcalico.org/serviceaccount'] === undefined) {
    missing['projectcalico.org/serviceaccount'] = account;
  }
  return Object.keys(missing).length === 0 ? labels : { ...labels, ...missing };
}

/** Canonical members of an interval set: bare addresses where the prefix is full; a /0 becomes two halves. */
export function membersOf(nets: readonly string[] | undefined): readonly string[] {
  if (!nets || nets.length === 0) return noStrings;
  const members = new Set<string>();
  for (const net of nets) {
    const cidr = tryParseCidr(net);
    if (!cidr) continue;
    const full = cidr.version === 4 ? 32 : 128;
    if (cidr.prefix === full) members.add(formatAddress(cidr));
    else if (cidr.prefix === 0) {
      members.add(formatCidr({ ...cidr, prefix: 1 }));
      members.add(formatCidr({ ...cidr, prefix: 1, value: 1n << BigInt(full - 1) }));
    } else members.add(formatCidr(cidr));
  }
  return [...members];
}

function portsOf(ports: readonly V3EndpointPort[] | undefined): readonly NamedPort[] {
  if (!ports || ports.length === 0) return noPorts;
  const named: NamedPort[] = [];
  for (const { name, protocol, port } of ports) {
    if (!name || protocol === undefined || !port) continue;
    named.push({ name, protocol: protocolName(protocol), port });
  }
  return named;
}

/** The v1 identity of a workload endpoint inside Felix: status keys and tie-breaks use it. */
export function workloadId(resource: Resource): {
  readonly orchestrator: string;
  readonly workload: string;
  readonly endpoint: string;
} {
  const spec = resource.spec as V3WorkloadSpec;
  const orchestrator = spec.orchestrator ?? '';
  const third =
    orchestrator === 'k8s'
      ? spec.pod
      : orchestrator === 'cni'
        ? spec.containerID
        : orchestrator === 'libnetwork'
          ? orchestrator
          : spec.workload;
  return {
    orchestrator,
    workload: `${resource.metadata.namespace ?? ''}/${third ?? ''}`,
    endpoint: spec.endpoint ?? '',
  };
}
