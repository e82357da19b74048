/**
 * Selectors of policies and rule peers, brought into one selector over the labels of endpoints.
 *
 * Upstream source: libcalico-go/lib/backend/syncersv1/updateprocessors (rules.go, networkpolicy, globalnetworkpolicy).
 * Labels of namespaces and service accounts reach endpoints through profiles as `pcns.…` and `pcsa.…`.
 */
import { prefixSelectorLabels } from '../../selector/index.ts';
import type { V3EntityRule, V3PolicySpec } from './v3.types.ts';

const namespaceLabel = 'projectcalico.org/namespace';
const serviceAccountLabel = 'projectcalico.org/serviceaccount';

/** The selector of a policy, its namespace and service-account selectors worked in. */
export function policySelector(spec: V3PolicySpec, namespace: string | undefined): string {
  let selector = spec.selector ?? '';
  if (namespace !== undefined) {
    const own = `${namespaceLabel} == '${namespace}'`;
    selector = selector === '' ? own : `(${selector}) && ${own}`;
  } else if (spec.namespaceSelector) {
    selector = withPrefixed(selector, spec.namespaceSelector, 'pcns.', namespaceLabel);
  }
  if (spec.serviceAccountSelector) {
    selector = withPrefixed(selector, spec.serviceAccountSelector, 'pcsa.', serviceAccountLabel);
  }
  return selector;
}

/** `all()` in the whole text then means "has a namespace": so upstream, and so the match of host endpoints depends on it. */
function withPrefixed(selector: string, extra: string, prefix: string, presence: string): string {
  const prefixed = prefixSelectorLabels(extra, prefix);
  const joined = selector === '' ? prefixed : `(${selector}) && ${prefixed}`;
  return joined.replaceAll('all()', `has(${presence})`);
}

/** What a rule's peer selects: a positive selector, or a negative one alone. Empty text: no such match. */
export interface PeerSelectors {
  readonly positive: string;
  readonly negative: string;
}

/** The selectors of one side of a rule of a policy in `namespace` (absent for global policies and profiles). */
export function peerSelectors(entity: V3EntityRule, namespace: string | undefined): PeerSelectors {
  const namespaceSelector = entity.namespaceSelector ?? '';
  const negative = entity.notSelector ?? '';
  let inNamespaces = '';
  if (namespaceSelector !== '') {
    inNamespaces = prefixSelectorLabels(namespaceSelector, 'pcns.')
      .replaceAll('all()', `has(${namespaceLabel})`)
      .replaceAll('global()', `!has(${namespaceLabel})`);
  } else if (namespace !== undefined) {
    inNamespaces = `${namespaceLabel} == '${namespace}'`;
  }
  const own = and(accountSelector(entity), entity.selector ?? '');
  let positive = own;
  if (inNamespaces !== '' && (own !== '' || negative !== '' || namespaceSelector !== '')) {
    positive = own === '' ? inNamespaces : `(${inNamespaces}) && (${own})`;
  }
  if (positive !== '' && negative !== '') {
    return { positive: `(${positive}) && (!(${negative}))`, negative: '' };
  }
  return { positive, negative };
}

function accountSelector(entity: V3EntityRule): string {
  const accounts = entity.serviceAccounts;
  if (!accounts) return '';
  const bySelector = accounts.selector
    ? prefixSelectorLabels(accounts.selector, 'pcsa.').replaceAll('all()', `has(${serviceAccountLabel})`)
    : '';
  const names = accounts.names ?? [];
  const byName =
    names.length === 0 ? '' : `${serviceAccountLabel} in { ${names.map((name) => `'${name}'`).join(', ')} }`;
  return and(bySelector, byName);
}

function and(a: string, b: string): string {
  if (a === '') return b;
  return b === '' ? a : `(${a}) && (${b})`;
}
