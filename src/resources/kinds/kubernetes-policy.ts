import { field, integer, intOrString, list, map, oneOf, string, struct, type TypeOf } from '../schema.ts';

const labelSelector = struct('LabelSelector', {
  matchLabels: field(map(string)),
  matchExpressions: field(
    list(
      struct('LabelSelectorRequirement', {
        key: field(string),
        operator: field(string),
        values: field(list(string)),
      }),
    ),
  ),
});

const peer = struct('NetworkPolicyPeer', {
  podSelector: field(labelSelector),
  namespaceSelector: field(labelSelector),
  ipBlock: field(struct('IPBlock', { cidr: field(string), except: field(list(string)) })),
});

const ports = list(
  struct('NetworkPolicyPort', {
    protocol: field(string),
    port: field(intOrString),
    endPort: field(integer('int32')),
  }),
);

/** Spec of a StagedKubernetesNetworkPolicy: a Kubernetes NetworkPolicy with a staged action. */
export const stagedKubernetesNetworkPolicySpec = struct('StagedKubernetesNetworkPolicySpec', {
  stagedAction: field(oneOf(['Set', 'Delete', 'Learn', 'Ignore'], 'v3.StagedAction'), {
    rule: 'stagedAction',
  }),
  podSelector: field(labelSelector, { zero: ['v3.32'] }),
  ingress: field(list(struct('NetworkPolicyIngressRule', { ports: field(ports), from: field(list(peer)) }))),
  egress: field(list(struct('NetworkPolicyEgressRule', { ports: field(ports), to: field(list(peer)) }))),
  policyTypes: field(list(string)),
});

/** Kubernetes' label selector. */
export type KubernetesLabelSelector = TypeOf<typeof labelSelector>;
/** See {@link stagedKubernetesNetworkPolicySpec}. */
export type StagedKubernetesNetworkPolicySpec = TypeOf<typeof stagedKubernetesNetworkPolicySpec>;
