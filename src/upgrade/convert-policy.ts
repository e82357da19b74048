/** Policies and profiles. Pure. Upstream: lib/upgrade/converters/{policies,profiles}.go. */
import type { Resource } from '../resources/resource.ts';
import { type Converted, fromDocument, resource } from './convert-kind.ts';
import { convertRules, convertSelector, decodePolicy, decodeProfileRules, defined } from './convert-rules.ts';
import { decodeDocument, list, text, textMap } from './decode.ts';
import { convertNameNoDots, convertProfileName } from './names.ts';

/** A policy of tier `default`. Types are never inferred from the rules: v2's calicoctl did that when it wrote them. */
export function convertPolicy(v1Name: string, source: string): Converted {
  const policy = fromDocument(source, decodePolicy);
  const name = convertNameNoDots(v1Name);
  const types: string[] = [];
  for (const type of policy.types ?? []) {
    const known = { ingress: 'Ingress', egress: 'Egress' }[(type ?? '').toLowerCase()];
    if (!known) return { error: `invalid policy type: '${type ?? ''}'` };
    types.push(known);
  }
  const shown = resource(
    'GlobalNetworkPolicy',
    name,
    defined({
      order: policy.order,
      ingress: convertRules(policy.inbound_rules),
      egress: convertRules(policy.outbound_rules),
      selector: convertSelector(policy.selector) || undefined,
      types: types.length > 0 ? types : policy.pre_dnat ? ['Ingress'] : ['Ingress', 'Egress'],
      doNotTrack: policy.untracked || undefined,
      preDNAT: policy.pre_dnat || undefined,
      applyOnForward: policy.apply_on_forward || policy.untracked || policy.pre_dnat || undefined,
    }),
    policy.annotations && Object.keys(policy.annotations).length > 0
      ? { annotations: policy.annotations }
      : {},
  );
  return { resource: shown, shown: `GlobalNetworkPolicy(${name})` };
}

/** The three keys of a profile; any of them may be missing. */
export interface ProfileSource {
  readonly tags: string | undefined;
  readonly labels: string | undefined;
  readonly rules: string | undefined;
}

/** A profile: its tags become labels with an empty value. */
export function convertProfile(v1Name: string, source: ProfileSource): Converted {
  const name = convertProfileName(v1Name);
  const labels = source.labels === undefined ? {} : decodeDocument(source.labels, textMap);
  const tags =
    source.tags === undefined
      ? []
      : decodeDocument(source.tags, (value, where) => (isEmpty(value) ? [] : list(text)(value, where)));
  const rules = source.rules === undefined ? {} : decodeDocument(source.rules, decodeProfileRules);
  const labelsToApply: Record<string, string> = { ...labels };
  // A tag listed twice is one tag: upstream takes the repetition for a clash with itself.
  for (const tag of new Set(tags.map((one) => one ?? ''))) {
    if (tag in labels) {
      return {
        error: `Tag: '${tag}' and Label '${tag} == ${labels[tag]}' have the same value for Profile: ${name}. Change the Label key before proceeding`,
      };
    }
    labelsToApply[tag] = '';
  }
  const converted = resource(
    'Profile',
    name,
    defined({
      ingress: convertRules(rules.inbound_rules),
      egress: convertRules(rules.outbound_rules),
      labelsToApply: Object.keys(labelsToApply).length > 0 ? labelsToApply : undefined,
    }),
  );
  return { resource: converted, shown: `Profile(${name})` };
}

/** The name under which a policy is stored: 3.x before tiers kept the tier as a prefix. */
export function storedPolicy(policy: Resource): Resource {
  const { name } = policy.metadata;
  return name.startsWith('knp.')
    ? policy
    : { ...policy, metadata: { ...policy.metadata, name: `default.${name}` } };
}

/** `null` stands for an empty document; the decoder sees it as an empty object. */
function isEmpty(value: unknown): boolean {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length === 0
  );
}
