/** Resources: kinds, types, names, defaults, validation. Pure. */

export { fixedTiers } from './checks/kind-checks.ts';
export { type PoolSurroundings, poolWriteProblems } from './checks/pool-checks.ts';
export * from './decode.ts';
export * from './defaults.ts';
export { goName } from './go-name.ts';
export type { BGPConfigurationSpec } from './kinds/bgp-configuration.ts';
export type { BGPFilterRule, BGPFilterSpec } from './kinds/bgp-filter.ts';
export type { BGPPeerSpec } from './kinds/bgp-peer.ts';
export type { CalicoNodeStatusSpec, CalicoNodeStatusStatus } from './kinds/calico-node-status.ts';
export type { ClusterInformationSpec } from './kinds/cluster-information.ts';
export type { FelixConfigurationSpec, ProtoPort } from './kinds/felix-configuration.ts';
export type { HostEndpointSpec } from './kinds/host-endpoint.ts';
export type { IPPoolSpec } from './kinds/ip-pool.ts';
export type { IPReservationSpec } from './kinds/ip-reservation.ts';
export type { BlockAffinitySpec, IPAMConfigurationSpec } from './kinds/ipam-resources.ts';
export type { KubeControllersConfigurationSpec } from './kinds/kube-controllers-configuration.ts';
export type {
  KubernetesLabelSelector,
  StagedKubernetesNetworkPolicySpec,
} from './kinds/kubernetes-policy.ts';
export type { GlobalNetworkSetSpec, NetworkSetSpec } from './kinds/network-set.ts';
export type { NodeSpec, NodeStatus } from './kinds/node.ts';
export type {
  GlobalNetworkPolicySpec,
  NetworkPolicySpec,
  StagedGlobalNetworkPolicySpec,
  StagedNetworkPolicySpec,
} from './kinds/policy.ts';
export type { ProfileSpec } from './kinds/profile.ts';
export type { EntityRule, PolicyRule, PolicyType } from './kinds/rule.ts';
export type { TierSpec } from './kinds/tier.ts';
export type { WorkloadEndpointSpec } from './kinds/workload-endpoint.ts';
export * from './kinds.ts';
export { dnsLabel } from './metadata-rules.ts';
export {
  formatGoDuration,
  type PortSpan,
  parseAsNumber,
  parseGoDuration,
  portSpan,
  protocolNumbers,
} from './numbers.ts';
export * from './path.ts';
export * from './policy-name.ts';
export { type Problem, problemsText } from './problem.ts';
export * from './resource.ts';
export { type Field, minorOf, type Release, type Schema } from './schema.ts';
export { assertValid, type ValidateOptions, validate } from './validate.ts';
export * from './workload-endpoint-name.ts';
