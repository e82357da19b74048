/** Policies and profiles as the graph holds them. Upstream source: libcalico-go updateprocessors. */
import type { Resource } from '../../resources/resource.ts';
import { type PolicyId, policyKey } from '../program.ts';
import { policySelector } from './peer-selector.ts';
import { type ParsedRule, translateRule } from './translate-rule.ts';
import type { V3PolicySpec, V3ProfileSpec, V3Rule } from './v3.types.ts';

/** A policy, its rules not resolved yet. */
export interface ParsedPolicy {
  readonly id: PolicyId;
  readonly key: string;
  readonly tier: string;
  /** Absent orders last. */
  readonly order: number;
  readonly selector: string;
  readonly ingress: boolean;
  readonly egress: boolean;
  readonly untracked: boolean;
  readonly preDnat: boolean;
  readonly applyOnForward: boolean;
  readonly staged: boolean;
  /** Read when the policy becomes active: most policies of a large cluster never do on this host. */
  readonly rules: () => { readonly inbound: readonly ParsedRule[]; readonly outbound: readonly ParsedRule[] };
}

/** Kinds that {@link translatePolicy} reads. */
export const policyKinds = new Set([
  'GlobalNetworkPolicy',
  'NetworkPolicy',
  'StagedGlobalNetworkPolicy',
  'StagedNetworkPolicy',
]);

/** Reads a policy of any kind of {@link policyKinds}, or one that was made of a Kubernetes policy. */
export function translatePolicy(resource: Resource, id: PolicyId): ParsedPolicy {
  const spec = resource.spec as V3PolicySpec;
  const global = id.namespace === undefined;
  const types = (spec.types ?? []).map((type) => type.toLowerCase());
  const both = types.length === 0;
  const preDnat = global && spec.preDNAT === true;
  return {
    id,
    key: policyKey(id),
    tier: spec.tier || 'default',
    order: spec.order ?? Number.POSITIVE_INFINITY,
    selector: policySelector(spec, id.namespace),
    ingress: both || types.includes('ingress'),
    egress: (both || types.includes('egress')) && !preDnat,
    untracked: global && spec.doNotTrack === true,
    preDnat,
    applyOnForward: global && spec.applyOnForward === true,
    staged: id.kind.startsWith('Staged'),
    rules: () => ({
      inbound: rulesOf(spec.ingress, id.namespace, 'ingress'),
      outbound: rulesOf(spec.egress, id.namespace, 'egress'),
    }),
  };
}

/** A profile: its rules, and the labels that its endpoints inherit. */
export interface ParsedProfile {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly rules: () => { readonly inbound: readonly ParsedRule[]; readonly outbound: readonly ParsedRule[] };
}

/** Reads a profile. */
export function translateProfile(resource: Resource): ParsedProfile {
  const spec = resource.spec as V3ProfileSpec;
  return {
    name: resource.metadata.name,
    labels: spec.labelsToApply ?? {},
    rules: () => ({
      inbound: rulesOf(spec.ingress, undefined, 'ingress'),
      outbound: rulesOf(spec.egress, undefined, 'egress'),
    }),
  };
}

function rulesOf(
  rules: readonly V3Rule[] | undefined,
  namespace: string | undefined,
  direction: 'ingress' | 'egress',
): readonly ParsedRule[] {
  return (rules ?? []).map((rule, index) => translateRule(rule, namespace, { direction, index }));
}
