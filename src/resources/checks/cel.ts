/** The CEL rules of 3.32's CRDs: by struct (found at the struct's path) or by kind (found at the object). */
import type { BGPConfigurationSpec } from '../kinds/bgp-configuration.ts';
import type { BGPFilterRule } from '../kinds/bgp-filter.ts';
import type { BGPPeerSpec } from '../kinds/bgp-peer.ts';
import type { HostEndpointSpec } from '../kinds/host-endpoint.ts';
import type { IPPoolSpec } from '../kinds/ip-pool.ts';
import type { GlobalNetworkPolicySpec } from '../kinds/policy.ts';
import type { EntityRule, IcmpFields, PolicyRule } from '../kinds/rule.ts';
import type { ResourceOf } from '../kinds.ts';

/** Reasons for which a value is refused. */
export type CelCheck = (value: object, path: string) => readonly string[];

/** Each rule: whether it is broken, and its message. */
function rules<T>(...table: readonly (readonly [(value: T) => boolean, string])[]): CelCheck {
  return (value) => table.filter(([broken]) => broken(value as T)).map(([, message]) => message);
}

const on = (mode: string | undefined) => mode === 'Always' || mode === 'CrossSubnet';
const hooks = (spec: GlobalNetworkPolicySpec) => spec.preDNAT === true || spec.doNotTrack === true;
const hasPorts = (entity: EntityRule | undefined) =>
  (entity?.ports ?? []).length + (entity?.notPorts ?? []).length > 0;

const globalPolicy = rules<GlobalNetworkPolicySpec>(
  [(spec) => spec.preDNAT === true && spec.doNotTrack === true, 'preDNAT and doNotTrack cannot both be true'],
  [
    (spec) => spec.preDNAT === true && (spec.egress ?? []).length > 0,
    'preDNAT policy cannot have any egress rules',
  ],
  [
    (spec) => spec.preDNAT === true && (spec.types ?? []).includes('Egress'),
    "preDNAT policy cannot have 'Egress' type",
  ],
  [
    (spec) => hooks(spec) && spec.applyOnForward !== true,
    'applyOnForward must be true if either preDNAT or doNotTrack is true',
  ],
);

const filterRule = rules<BGPFilterRule>(
  [(rule) => !rule.cidr !== !rule.matchOperator, 'cidr and matchOperator must both be set or both be empty'],
  [(rule) => rule.prefixLength !== undefined && !rule.cidr, 'cidr is required when prefixLength is set'],
);

/** The checks. */
export const celChecks: Readonly<Record<string, CelCheck>> = {
  BGPConfigurationSpec: rules<BGPConfigurationSpec>(
    [
      (spec) => spec.nodeMeshPassword !== undefined && spec.nodeToNodeMeshEnabled === false,
      'nodeMeshPassword cannot be set when nodeToNodeMeshEnabled is false',
    ],
    [
      (spec) => spec.nodeMeshMaxRestartTime !== undefined && spec.nodeToNodeMeshEnabled === false,
      'nodeMeshMaxRestartTime cannot be set when nodeToNodeMeshEnabled is false',
    ],
  ),
  BGPFilterRuleV4: filterRule,
  BGPFilterRuleV6: filterRule,
  BGPPeerSpec: rules<BGPPeerSpec>(
    [(spec) => !!spec.node && !!spec.nodeSelector, 'node and nodeSelector cannot both be set'],
    [(spec) => !!spec.peerIP && !!spec.peerSelector, 'peerIP and peerSelector cannot both be set'],
    [(spec) => !!spec.peerSelector && !!spec.asNumber, 'asNumber must be empty when peerSelector is set'],
    [
      (spec) => !!spec.localWorkloadSelector && !!spec.peerIP,
      'peerIP must be empty when localWorkloadSelector is set',
    ],
    [
      (spec) => !!spec.localWorkloadSelector && !!spec.peerSelector,
      'peerSelector must be empty when localWorkloadSelector is set',
    ],
    [
      (spec) => !!spec.localWorkloadSelector && !spec.asNumber,
      'asNumber is required when localWorkloadSelector is set',
    ],
  ),
  GlobalNetworkPolicySpec: globalPolicy,
  HostEndpointSpec: rules<HostEndpointSpec>(
    [
      (spec) => !spec.interfaceName && (spec.expectedIPs ?? []).length === 0,
      'at least one of interfaceName or expectedIPs must be specified',
    ],
    [(spec) => !spec.node, 'node must be specified'],
  ),
  ICMPFields: rules<IcmpFields>([
    (icmp) => icmp.code !== undefined && icmp.type === undefined,
    'ICMP code specified without an ICMP type',
  ]),
  IPPoolSpec: rules<IPPoolSpec>(
    [(spec) => on(spec.ipipMode) && on(spec.vxlanMode), 'ipipMode and vxlanMode cannot both be enabled'],
    [
      (spec) => isLoadBalancer(spec) && (spec.allowedUses ?? []).length > 1,
      'LoadBalancer cannot be combined with Workload or Tunnel allowed uses',
    ],
    [
      (spec) => isLoadBalancer(spec) && (on(spec.ipipMode) || on(spec.vxlanMode)),
      'LoadBalancer IP pool cannot have IPIP or VXLAN enabled',
    ],
  ),
  Rule: rules<PolicyRule>(
    [(rule) => rule.http !== undefined && rule.action !== 'Allow', 'HTTP match is only valid on Allow rules'],
    [
      (rule) => rule.http !== undefined && ![undefined, 'TCP', 6].includes(rule.protocol),
      'rules with HTTP match must have protocol TCP or unset',
    ],
    [
      (rule) =>
        (rule.destination?.services !== undefined && hasPorts(rule.destination)) ||
        (rule.source?.services !== undefined && hasPorts(rule.source)),
      'ports and notPorts cannot be specified with services',
    ],
  ),
  StagedGlobalNetworkPolicySpec: globalPolicy,
  Tier: rules<ResourceOf<'Tier'>>(
    [
      ({ spec }) => !['Pass', 'Deny', undefined].includes(spec.defaultAction),
      '"spec.defaultAction" must validate all the schemas (allOf). None validated',
    ],
    ...(['kube-admin', 'kube-baseline'] as const).map(
      (name) =>
        [
          ({ metadata, spec }: ResourceOf<'Tier'>) => metadata.name === name && spec.defaultAction !== 'Pass',
          `The '${name}' tier must have default action 'Pass'`,
        ] as const,
    ),
    [
      ({ metadata, spec }) =>
        metadata.name === 'default' && !['Deny', undefined].includes(spec.defaultAction),
      "The 'default' tier must have default action 'Deny'",
    ],
  ),
};

function isLoadBalancer(spec: IPPoolSpec): boolean {
  return (spec.allowedUses ?? []).includes('LoadBalancer');
}
