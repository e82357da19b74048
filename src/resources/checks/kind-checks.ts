/** Checks of whole resources, by kind. They run after those of the spec. */

import { goFloat, goPrint } from '../go-print.ts';
import { stagedKubernetesNetworkPolicySpec as kubernetesStagedSpec } from '../kinds/kubernetes-policy.ts';
import {
  stagedGlobalNetworkPolicySpec as globalStagedSpec,
  stagedNetworkPolicySpec as namespacedStagedSpec,
} from '../kinds/policy.ts';
import type { PolicyRule } from '../kinds/rule.ts';
import { policyRule } from '../kinds/rule.ts';
import type { Kind, SpecOf } from '../kinds.ts';
import { dnsLabel, notDnsLabel } from '../metadata-rules.ts';
import type { Problem } from '../problem.ts';
import type { Resource } from '../resource.ts';
import { list, type Release, type Schema } from '../schema.ts';
import { containsGlobal, globalMisplaced } from './rule-checks.ts';

/** A check of a resource. */
export type KindCheck = (resource: Resource, release: Release) => Iterable<Problem>;

type PolicySpec = SpecOf<'GlobalNetworkPolicy'>;

function label(resource: Resource): readonly Problem[] {
  const { name } = resource.metadata;
  return dnsLabel.test(name) ? [] : [{ field: 'Metadata.Name', value: name, reason: notDnsLabel }];
}

const labelText = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const foreignPolicy = new RegExp(`^(knp|ossg)\\.default\\.${labelText}(\\.${labelText})*$`);
const dottedName = new RegExp(`^(${labelText}\\.)?${labelText}$`);

function policyName(resource: Resource, release: Release): readonly Problem[] {
  const { name } = resource.metadata;
  const namespaced =
    resource.metadata.namespace !== undefined ||
    (resource.kind.endsWith('NetworkPolicy') && !resource.kind.includes('Global'));
  const ok =
    (namespaced && foreignPolicy.test(name)) || (release === 'v3.15' ? dnsLabel : dottedName).test(name);
  return ok ? [] : [{ field: 'Metadata.Name', value: name, reason: notDnsLabel }];
}

function* policy(resource: Resource, release: Release): Generator<Problem> {
  const spec = resource.spec as PolicySpec;
  const isGlobal = resource.kind.includes('Global');
  const type = `${resource.kind}Spec`;
  yield* policyName(resource, release);
  const types = spec.types ?? [];
  for (const [index, one] of types.entries()) {
    if (types.indexOf(one) === index || types.indexOf(one, types.indexOf(one) + 1) !== index) continue;
    const reason = `'${one}' type specified more than once`;
    yield { field: `${type}.Types`, value: `[${types.join(' ')}]`, reason };
  }
  for (const [field, text, shown] of [
    ['Selector', spec.selector, spec.selector],
    // Upstream shows the policy's selector in place of the refused one for global policies.
    [
      'ServiceAccountSelector',
      spec.serviceAccountSelector,
      isGlobal ? spec.selector : spec.serviceAccountSelector,
    ],
    ['NamespaceSelector', isGlobal ? spec.namespaceSelector : undefined, spec.selector],
  ] as const) {
    if (containsGlobal(text))
      yield { field: `${type}.${field}`, value: shown ?? '', reason: globalMisplaced };
  }
  yield* directionProblems(spec, isGlobal, release);
  if (isGlobal) yield* hookProblems(spec, release);
}

function* directionProblems(spec: PolicySpec, isGlobal: boolean, release: Release): Generator<Problem> {
  for (const rule of spec.egress ?? []) {
    if (rule?.http) {
      yield { field: 'HTTP', value: httpText(rule, release), reason: 'not allowed in egress rule' };
    }
    if (rule?.source?.services) {
      yield {
        field: 'Services',
        value: servicesText(rule.source),
        reason: 'not allowed in egress rule source',
      };
    }
    yield* serviceProblems('Destination', rule?.destination, isGlobal);
  }
  for (const rule of spec.ingress ?? []) {
    if (rule?.destination?.services) {
      const value = servicesText(rule.destination);
      yield { field: 'Services', value, reason: 'not allowed in ingress rule destination' };
    }
    yield* serviceProblems('Source', rule?.source, isGlobal);
  }
}

function* serviceProblems(
  side: 'Source' | 'Destination',
  entity: PolicyRule['source'],
  isGlobal: boolean,
): Generator<Problem> {
  if (!entity?.services) return;
  if (side === 'Destination') {
    for (const [field, ports] of [
      ['Ports', entity.ports ?? []],
      ['NotPorts', entity.notPorts ?? []],
    ] as const) {
      if (ports.length === 0) continue;
      const reason = 'cannot specify ports with a service selector';
      yield { field: `${side}.${field}`, value: `[${ports.join(' ')}]`, reason };
    }
  }
  if (isGlobal && !entity.services.namespace) {
    yield { field: 'Namespace', value: '', reason: 'must specify a namespace' };
  }
}

function servicesText(entity: NonNullable<PolicyRule['source']>): string {
  return `&{${entity.services?.name ?? ''} ${entity.services?.namespace ?? ''}}`;
}

function httpText(rule: PolicyRule, release: Release): string {
  const { fields } = policyRule as Extract<typeof policyRule, { type: 'struct' }>;
  return goPrint(fields['http']!.schema, rule.http, release, { pointer: true });
}

/** Checks of doNotTrack, preDNAT and applyOnForward. */
function* hookProblems(spec: PolicySpec, release: Release): Generator<Problem> {
  if (spec.doNotTrack && spec.preDNAT) {
    const reason = 'PreDNAT and DoNotTrack cannot both be true, for a given PolicySpec';
    yield { field: 'PolicySpec.PreDNAT', value: 'true', reason };
  }
  if (spec.preDNAT && (spec.egress ?? []).length > 0) {
    const value = goPrint(list(policyRule), spec.egress, release);
    yield { field: 'PolicySpec.Egress', value, reason: 'PreDNAT PolicySpec cannot have any Egress rules' };
  }
  if (spec.preDNAT && spec.types?.includes('Egress')) {
    const value = `[${spec.types.join(' ')}]`;
    yield { field: 'PolicySpec.Types', value, reason: "PreDNAT PolicySpec cannot have 'egress' Type" };
  }
  if (!spec.applyOnForward && (spec.doNotTrack || spec.preDNAT)) {
    const reason =
      'ApplyOnForward must be true if either PreDNAT or DoNotTrack is true, for a given PolicySpec';
    yield { field: 'PolicySpec.ApplyOnForward', value: 'false', reason };
  }
}

/** Tiers that have a fixed place, with their default actions. */
export const fixedTiers: Readonly<
  Record<string, { readonly order: number; readonly action: 'Deny' | 'Pass' }>
> = {
  default: { order: 1_000_000, action: 'Deny' },
  'kube-admin': { order: 1000, action: 'Pass' },
  'kube-baseline': { order: 10_000_000, action: 'Pass' },
};

function* tier(resource: Resource): Generator<Problem> {
  yield* label(resource);
  const spec = resource.spec as SpecOf<'Tier'>;
  const fixed = Object.hasOwn(fixedTiers, resource.metadata.name)
    ? fixedTiers[resource.metadata.name]
    : undefined;
  if (fixed && spec.order !== undefined && spec.order !== fixed.order) {
    // The order is a float64 that Go prints with the shortest exponent form.
    const order =
      fixed.order >= 1e6 ? fixed.order.toExponential().replace('e+', 'e+0') : goFloat(fixed.order);
    const reason = `${resource.metadata.name} tier order must be ${order}`;
    yield { field: 'TierSpec.Order', value: String(spec.order), reason };
  }
}

function* networkSet(resource: Resource): Generator<Problem> {
  const key = 'projectcalico.org/namespace';
  if (Object.hasOwn(resource.metadata.labels ?? {}, key)) {
    yield { field: 'Metadata.Labels (label)', value: key, reason: `${key} is not a valid label name` };
  }
}

/** A staged deletion names its policy and says nothing else. */
function staged(schema: Schema, fields: string, then?: KindCheck): KindCheck {
  return function* (resource, release) {
    const { stagedAction, tier: _, ...rest } = resource.spec;
    const left = Object.values(rest).filter(
      (value) => value !== '' && value !== false && value !== undefined,
    );
    if (stagedAction === 'Delete' && left.some((value) => typeof value !== 'object' || !isEmpty(value))) {
      const reason = `${fields} should all be zero-value if stagedAction is Delete`;
      yield { field: `${resource.kind}Spec`, value: goPrint(schema, resource.spec, release), reason };
    }
    yield* then?.(resource, release) ?? [];
  };
}

function isEmpty(value: object | null): boolean {
  return value === null || Object.keys(value).length === 0;
}

/** The checks, by kind. */
export const kindChecks: Readonly<Partial<Record<Kind, KindCheck>>> = {
  GlobalNetworkPolicy: policy,
  GlobalNetworkSet: networkSet,
  NetworkPolicy: policy,
  NetworkSet: networkSet,
  StagedGlobalNetworkPolicy: staged(globalStagedSpec, 'Spec fields, except Tier,', policy),
  StagedKubernetesNetworkPolicy: staged(kubernetesStagedSpec, 'Spec fields'),
  StagedNetworkPolicy: staged(namespacedStagedSpec, 'Spec fields, except Tier,', policy),
  Tier: tier,
};
