/** A local endpoint with its policies, as the program shows it. */
import { formatAddress, formatCidr, tryParseAddress, tryParseCidr } from '../../ip/index.ts';
import type { Resource } from '../../resources/resource.ts';
import { workloadId } from '../model/endpoint.ts';
import type { V3HostEndpointSpec, V3WorkloadSpec } from '../model/v3.types.ts';
import type { HostEndpointProgram, WorkloadProgram } from '../program.ts';
import type { TierLists } from './tier-lists.ts';

/** The entry of a workload endpoint. */
export function workloadProgram(resource: Resource, lists: TierLists): WorkloadProgram {
  const spec = resource.spec as V3WorkloadSpec;
  const nets = (spec.ipNetworks ?? []).flatMap((net) => tryParseCidr(net) ?? []);
  const nats = (spec.ipNATs ?? []).flatMap(({ internalIP, externalIP }) => {
    const internal = tryParseAddress(internalIP ?? '');
    const external = tryParseAddress(externalIP ?? '');
    if (!internal || internal.version !== external?.version) return [];
    return {
      version: internal.version,
      internal: formatAddress(internal),
      external: formatAddress(external),
    };
  });
  const natsOf = (version: 4 | 6) =>
    nats.filter((nat) => nat.version === version).map(({ internal, external }) => ({ internal, external }));
  return {
    id: workloadId(resource),
    state: 'active',
    interfaceName: spec.interfaceName ?? '',
    ...(spec.mac ? { mac: spec.mac } : {}),
    ipv4Nets: nets.filter((net) => net.version === 4).map(formatCidr),
    ipv6Nets: nets.filter((net) => net.version === 6).map(formatCidr),
    ipv4Nats: natsOf(4),
    ipv6Nats: natsOf(6),
    allowSpoofedSourcePrefixes: spec.allowSpoofedSourcePrefixes ?? [],
    tiers: lists.normal,
    profiles: spec.profiles ?? [],
  };
}

/** The entry of a host endpoint. */
export function hostEndpointProgram(resource: Resource, lists: TierLists): HostEndpointProgram {
  const spec = resource.spec as V3HostEndpointSpec;
  const addresses = (spec.expectedIPs ?? []).flatMap((address) => tryParseAddress(address) ?? []);
  return {
    id: resource.metadata.name,
    interfaceName: spec.interfaceName ?? '',
    expectedIpv4: addresses.filter((a) => a.version === 4).map(formatAddress),
    expectedIpv6: addresses.filter((a) => a.version === 6).map(formatAddress),
    tiers: lists.normal,
    untrackedTiers: lists.untracked,
    preDnatTiers: lists.preDnat,
    forwardTiers: lists.forward,
    profiles: spec.profiles ?? [],
  };
}
