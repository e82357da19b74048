/** Checks of whole structs, by the name of upstream's type. They run after the checks of the struct's fields. */
import { tryParseAddress, tryParseCidr } from '../../ip/index.ts';
import { goPrint } from '../go-print.ts';
import type { BGPConfigurationSpec } from '../kinds/bgp-configuration.ts';
import { bgpConfigurationSpec } from '../kinds/bgp-configuration.ts';
import type { BGPFilterRule } from '../kinds/bgp-filter.ts';
import type { BGPPeerSpec } from '../kinds/bgp-peer.ts';
import type { FelixConfigurationSpec } from '../kinds/felix-configuration.ts';
import type { HostEndpointSpec } from '../kinds/host-endpoint.ts';
import type { IPPoolSpec } from '../kinds/ip-pool.ts';
import type { NodeSpec } from '../kinds/node.ts';
import type { WorkloadEndpointSpec } from '../kinds/workload-endpoint.ts';
import type { Kind } from '../kinds.ts';
import { annotationProblems } from '../metadata-rules.ts';
import { protocolSupportsPorts } from '../numbers.ts';
import type { Problem } from '../problem.ts';
import type { Release } from '../schema.ts';
import { poolProblems } from './pool-checks.ts';
import { entityRuleProblems, httpProblems, icmpProblems, ruleProblems } from './rule-checks.ts';

/** A check of a struct's value. */
export type StructCheck = (value: object, release: Release, kind: Kind) => Iterable<Problem>;

/** Text of a list as `%v` prints it. */
export function goList(items: readonly unknown[] | undefined): string {
  return `[${(items ?? []).join(' ')}]`;
}

function check<T>(run: (value: T, release: Release, kind: Kind) => Iterable<Problem>): StructCheck {
  return run as unknown as StructCheck;
}

const endpointPort = (type: string): StructCheck =>
  check<{ readonly protocol?: number | string }>(function* (port) {
    if (port.protocol === undefined || !protocolSupportsPorts(port.protocol)) {
      const reason = `${type} protocol does not support ports.`;
      yield { field: `${type}.Protocol`, value: String(port.protocol ?? ''), reason };
    }
  });

function* bgpPeer(spec: BGPPeerSpec): Generator<Problem> {
  const peerIP = spec.peerIP ?? '';
  const asNumber = spec.asNumber ?? 0;
  if (spec.node && spec.nodeSelector) {
    yield {
      field: 'Node',
      value: spec.node,
      reason: 'Node field must be empty when NodeSelector is specified',
    };
  }
  if (spec.peerSelector && peerIP !== '') {
    yield {
      field: 'PeerIP',
      value: peerIP,
      reason: 'PeerIP field must be empty when PeerSelector is specified',
    };
  }
  if (spec.peerSelector && asNumber !== 0) {
    const reason = 'ASNumber field must be empty when PeerSelector is specified';
    yield { field: 'ASNumber', value: String(asNumber), reason };
  }
  if (spec.keepOriginalNextHop && spec.nextHopMode !== undefined) {
    const reason =
      'The KeepOriginalNextHop field is deprecated. It must not be set to true when NextHopMode is configured.';
    yield { field: 'KeepOriginalNextHop', value: peerIP, reason };
  }
  if (spec.reachableBy) yield* reachableBy(spec.reachableBy, peerIP);
  if (spec.localWorkloadSelector) {
    if (asNumber === 0) {
      const reason = 'ASNumber field must NOT be empty when LocalWorkloadSelector is specified';
      yield { field: 'ASNumber', value: '0', reason };
    }
    if (peerIP !== '') {
      const reason = 'PeerIP field must be empty when LocalWorkloadSelector is specified';
      yield { field: 'PeerIP', value: peerIP, reason };
    }
    if (spec.peerSelector) {
      const reason = 'PeerSelector field must be empty when LocalWorkloadSelector is specified';
      yield { field: 'PeerSelector', value: peerIP, reason };
    }
  }
}

function* reachableBy(text: string, peerIP: string): Generator<Problem> {
  const field = 'ReachableBy';
  if (peerIP === '') {
    yield { field, value: text, reason: 'ReachableBy field must be empty when PeerIP is empty' };
    return;
  }
  const gateway = tryParseAddress(text);
  if (!gateway) {
    yield { field, value: text, reason: 'ReachableBy is invalid address' };
    return;
  }
  const peer = tryParseAddress(peerIP.replace(/^\[(.*)\]:\d+$|^([\d.]+):\d+$/, '$1$2'));
  if (peer && peer.version !== gateway.version) {
    yield { field, value: text, reason: 'ReachableBy and PeerIP address family mismatched' };
  }
}

function* bgpConfiguration(spec: BGPConfigurationSpec, release: Release): Generator<Problem> {
  if ((spec.communities ?? []).length > 0 && (spec.prefixAdvertisements ?? []).length === 0) {
    const reason = 'communities are defined but not used in Spec.PrefixAdvertisement[].';
    yield { field: 'Spec.Communities[]', value: goPrintCommunities(spec), reason };
  }
  for (const { value } of spec.communities ?? []) yield* community('Spec.Communities[].Value', value ?? '');
  const defined = new Set((spec.communities ?? []).map(({ name }) => name));
  for (const { communities } of spec.prefixAdvertisements ?? []) {
    for (const one of communities ?? []) {
      if (defined.has(one)) continue;
      if (!/^\d+:\d+(:\d+)?$/.test(one)) {
        const reason = 'community used is invalid or not defined.';
        yield { field: 'Spec.PrefixAdvertisement[].Communities[]', value: one, reason };
      } else yield* community('Spec.PrefixAdvertisement[].Communities[]', one);
    }
  }
  if (spec.nodeToNodeMeshEnabled !== false) return;
  const whole = goPrint(bgpConfigurationSpec, spec, release);
  for (const [key, field] of [
    ['nodeMeshPassword', 'NodeMeshPassword'],
    ['nodeMeshMaxRestartTime', 'NodeMeshMaxRestartTime'],
  ] as const) {
    if (spec[key] === undefined) continue;
    const reason = `spec.${field} cannot be set if spec.NodeToNodeMesh is disabled`;
    yield { field: `Spec.${field}`, value: whole, reason };
  }
}

function goPrintCommunities(spec: BGPConfigurationSpec): string {
  return goList((spec.communities ?? []).map(({ name, value }) => `{${name ?? ''} ${value ?? ''}}`));
}

function* community(field: string, value: string): Generator<Problem> {
  const parts = value.split(':');
  if (!/^\d+:\d+(:\d+)?$/.test(value)) {
    yield { field, value, reason: 'invalid community value or format used.' };
    return;
  }
  const bits = parts.length === 2 ? 16 : 32;
  if (parts.some((part) => Number(part) >= 2 ** bits)) {
    yield { field, value, reason: `invalid community value, expected ${bits} bit value` };
  }
}

function* bgpFilterRule(rule: BGPFilterRule, release: Release): Generator<Problem> {
  if (!rule.cidr && rule.matchOperator) {
    yield {
      field: 'MatchOperator',
      value: rule.matchOperator,
      reason: 'CIDR cannot be empty when MatchOperator is not',
    };
  }
  if (rule.cidr && !rule.matchOperator) {
    yield { field: 'CIDR', value: rule.cidr, reason: 'MatchOperator cannot be empty when CIDR is not' };
  }
  if (!rule.cidr && rule.prefixLength) {
    const { min, max } = rule.prefixLength;
    const value = `{${min ?? '<nil>'} ${max ?? '<nil>'}}`;
    yield { field: 'PrefixLength', value, reason: 'CIDR cannot be empty when PrefixLength is not' };
  }
  for (const operation of rule.operations ?? []) {
    const set = [operation.addCommunity, operation.prependASPath, operation.setPriority];
    if (set.filter((one) => one !== undefined).length === 1) continue;
    const value = `{${set.map((one) => (one === undefined ? '<nil>' : JSON.stringify(one))).join(' ')}}`;
    yield { field: 'BGPFilterOperation', value, reason: 'exactly one operation must be set' };
  }
  if ((rule.operations ?? []).length > 0 && rule.action !== 'Accept' && release === 'v3.32') {
    const reason = 'operations may only be used with action Accept';
    yield { field: 'Operations', value: `[${(rule.operations ?? []).length}]`, reason };
  }
}

function* hostEndpoint(spec: HostEndpointSpec): Generator<Problem> {
  const value = spec.interfaceName ?? '';
  if (value === '' && (spec.expectedIPs ?? []).length === 0) {
    yield { field: 'InterfaceName', value, reason: 'no interface or expected IPs have been specified' };
  }
  if (!spec.node) yield { field: 'InterfaceName', value, reason: 'no node has been specified' };
}

function* workloadEndpoint(spec: WorkloadEndpointSpec): Generator<Problem> {
  const nets = (spec.ipNetworks ?? []).map((text) => tryParseCidr(text));
  for (const [index, net] of nets.entries()) {
    const text = spec.ipNetworks![index]!;
    if (!net) {
      const field = `IPNetworks[${index}]`;
      yield { field, value: text, reason: `Reason: failed to validate Field: ${field} because of Tag: net ` };
    } else if (net.prefix !== (net.version === 4 ? 32 : 128)) {
      const value = goList(spec.ipNetworks);
      yield { field: 'IPNetworks', value, reason: 'IP network contains multiple addresses' };
    }
  }
  for (const version of [4, 6] as const) {
    const gateway = version === 4 ? spec.ipv4Gateway : spec.ipv6Gateway;
    if (!gateway || tryParseAddress(gateway)?.version === version) continue;
    const reason = `invalid IPv${version} gateway address specified`;
    yield { field: `IPv${version}Gateway`, value: gateway, reason };
  }
  const value = goList((spec.ipNATs ?? []).map((nat) => `{${nat.internalIP} ${nat.externalIP}}`));
  for (const nat of spec.ipNATs ?? []) {
    const internal = tryParseAddress(nat.internalIP);
    const external = tryParseAddress(nat.externalIP);
    if (internal && external && internal.version !== external.version) {
      yield { field: 'IPNATs', value, reason: 'mixed IPv4 and IPv6 in NAT' };
    } else if (
      internal &&
      !nets.some((net) => net?.version === internal.version && net.value === internal.value)
    ) {
      yield { field: 'IPNATs', value, reason: 'NAT is not in the endpoint networks' };
    }
  }
}

function* node(spec: NodeSpec): Generator<Problem> {
  if (spec.bgp && Object.values(spec.bgp).every((one) => one === undefined || one === null || one === '')) {
    yield { field: 'BGP', value: '&{<nil>    }', reason: 'Spec.BGP should not be empty' };
  }
}

function* felix(spec: FelixConfigurationSpec): Generator<Problem> {
  for (const text of spec.externalNodesList ?? []) {
    const cidr = tryParseCidr(text);
    if (cidr?.version === 4) continue;
    const reason = cidr ? 'has invalid IPv6 CIDR' : 'has invalid CIDR(s)';
    yield { field: 'ExternalNodesCIDRList', value: text, reason };
  }
  const ranges = spec.kubeNodePortRanges ?? [];
  if (ranges.length > 7) {
    const reason = 'node port ranges list is too long (max 7)';
    yield { field: 'KubeNodePortRanges', value: goList(ranges), reason };
  }
  if (ranges.some((range) => typeof range === 'string' && !/^\d+:\d+$/.test(range))) {
    const reason = 'node port ranges should not contain named ports';
    yield { field: 'KubeNodePortRanges', value: goList(ranges), reason };
  }
  for (const [field, text] of [
    ['NATOutgoingAddress', spec.natOutgoingAddress],
    ['DeviceRouteSourceAddress', spec.deviceRouteSourceAddress],
  ] as const) {
    if (text && tryParseAddress(text)?.version !== 4) {
      yield { field, value: text, reason: 'is not a valid IPv4 address' };
    }
  }
  const range = spec.routeTableRange;
  if (range && spec.routeTableRanges) {
    const reason = 'cannot be set when `RouteTableRanges` is also set';
    yield { field: 'RouteTableRange', value: `{${range.min} ${range.max}}`, reason };
  } else if (range && !(range.min >= 1 && range.max >= range.min && range.max <= 250)) {
    const reason = 'must be a range of route table indices within 1..250';
    yield { field: 'RouteTableRange', value: `{${range.min} ${range.max}}`, reason };
  }
}

/** The checks, by type. */
export const structChecks: Readonly<Record<string, StructCheck>> = {
  BGPPeerSpec: check(bgpPeer),
  BGPConfigurationSpec: check(bgpConfiguration),
  BGPFilterRuleV4: check(bgpFilterRule),
  BGPFilterRuleV6: check(bgpFilterRule),
  EndpointPort: endpointPort('EndpointPort'),
  // 3.15 had one type for the ports of both kinds of endpoint.
  WorkloadEndpointPort: (value, release, kind) =>
    endpointPort(release === 'v3.15' ? 'EndpointPort' : 'WorkloadEndpointPort')(value, release, kind),
  EntityRule: check(entityRuleProblems),
  FelixConfigurationSpec: check(felix),
  HostEndpointSpec: check(hostEndpoint),
  HTTPMatch: check(httpProblems),
  ICMPFields: check(icmpProblems),
  IPPoolSpec: check<IPPoolSpec>(poolProblems),
  NodeSpec: check(node),
  Rule: check(ruleProblems),
  RuleMetadata: check<{ readonly annotations?: Readonly<Record<string, string>> }>((metadata, release) =>
    annotationProblems(metadata.annotations ?? {}, 'Metadata.Annotations', release),
  ),
  WorkloadEndpointSpec: check(workloadEndpoint),
};
