import { boolean, field, list, oneOf, string, struct, type TypeOf } from '../schema.ts';
import { policyOrder, policyRule, policyTypes } from './rule.ts';

const hints = field(list(oneOf(['AssumeNeededOnEveryNode'], 'v3.PolicyPerformanceHint')), {
  since: 27,
  rule: 'unique',
});
const stagedAction = field(oneOf(['Set', 'Delete', 'Learn', 'Ignore'], 'v3.StagedAction'), {
  rule: 'stagedAction',
});

const common = {
  tier: field(string, { since: 29, rule: 'name' }),
  order: policyOrder,
  ingress: field(list(policyRule)),
  egress: field(list(policyRule)),
};

const globalOnly = {
  doNotTrack: field(boolean),
  preDNAT: field(boolean),
  applyOnForward: field(boolean),
};

/** Spec of a NetworkPolicy; upstream: api/pkg/apis/projectcalico/v3/networkpolicy.go. */
export const networkPolicySpec = struct('NetworkPolicySpec', {
  ...common,
  selector: field(string, { rule: 'selector' }),
  types: policyTypes,
  serviceAccountSelector: field(string, { rule: 'selector' }),
  performanceHints: hints,
});

/** Spec of a GlobalNetworkPolicy; upstream: api/pkg/apis/projectcalico/v3/globalnetworkpolicy.go. */
export const globalNetworkPolicySpec = struct('GlobalNetworkPolicySpec', {
  ...common,
  selector: field(string, { rule: 'selector' }),
  types: policyTypes,
  ...globalOnly,
  serviceAccountSelector: field(string, { rule: 'selector' }),
  namespaceSelector: field(string, { rule: 'selector' }),
  performanceHints: hints,
});

/** Spec of a StagedNetworkPolicy. */
export const stagedNetworkPolicySpec = struct('StagedNetworkPolicySpec', {
  stagedAction,
  ...common,
  selector: field(string, { rule: 'selector' }),
  types: policyTypes,
  serviceAccountSelector: field(string, { rule: 'selector' }),
  performanceHints: hints,
});

/** Spec of a StagedGlobalNetworkPolicy. */
export const stagedGlobalNetworkPolicySpec = struct('StagedGlobalNetworkPolicySpec', {
  stagedAction,
  ...common,
  selector: field(string, { rule: 'selector' }),
  types: policyTypes,
  ...globalOnly,
  serviceAccountSelector: field(string, { rule: 'selector' }),
  namespaceSelector: field(string, { rule: 'selector' }),
  performanceHints: hints,
});

/** See {@link networkPolicySpec}. */
export type NetworkPolicySpec = TypeOf<typeof networkPolicySpec>;
/** See {@link globalNetworkPolicySpec}. */
export type GlobalNetworkPolicySpec = TypeOf<typeof globalNetworkPolicySpec>;
/** See {@link stagedNetworkPolicySpec}. */
export type StagedNetworkPolicySpec = TypeOf<typeof stagedNetworkPolicySpec>;
/** See {@link stagedGlobalNetworkPolicySpec}. */
export type StagedGlobalNetworkPolicySpec = TypeOf<typeof stagedGlobalNetworkPolicySpec>;
