/** The policy room: resources in, the host's program out, and the evaluator of that program. */
export type { ConnectionState, Packet } from './evaluate/packet.ts';
export {
  type PolicyList,
  type PolicyStep,
  type PolicyVerdict,
  policyVerdict,
} from './evaluate/policy-verdict.ts';
export { ruleMatches, SetLookup } from './evaluate/rule-match.ts';
export { PolicyGraph, type PolicyGraphOptions } from './graph/policy-graph.ts';
export { translateClusterPolicy } from './model/kubernetes-cluster-policy.ts';
export { translateKubernetesPolicy } from './model/kubernetes-policy.ts';
export { protocolName, protocolNumber, protocolNumbers } from './model/protocol.ts';
export * from './program.ts';
export { ruleForFamily } from './rule-family.ts';
