/** What both kinds of Kubernetes' policies need: label selectors as texts of Calico's language, and metadata. */
import type { Metadata } from '../../resources/resource.ts';

/** A label selector; the empty one selects everything. */
export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: string;
    readonly values?: readonly string[];
  }[];
}

/** Pods of Kubernetes that a selector selects; without one all of them. @throws Error for an unknown operator */
export function podSelectorText(selector: LabelSelector | undefined): string {
  return ["projectcalico.org/orchestrator == 'k8s'", ...(selector ? labelTerms(selector) : [])].join(' && ');
}

/** Namespaces that a selector selects. @throws Error for an unknown operator */
export function labelSelectorText(selector: LabelSelector): string {
  return labelTerms(selector).join(' && ') || 'all()';
}

/** Labels and annotations of a Kubernetes policy are none of the Calico policy. */
export function withoutTexts({
  labels: _labels,
  annotations: _annotations,
  ...metadata
}: Metadata): Metadata {
  return metadata;
}

function labelTerms(selector: LabelSelector): readonly string[] {
  const terms = Object.entries(selector.matchLabels ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key} == '${value}'`);
  for (const { key, operator, values } of selector.matchExpressions ?? []) {
    const list = `{ ${(values ?? []).map((value) => `'${value}'`).join(', ')} }`;
    if (operator === 'In') terms.push(`${key} in ${list}`);
    else if (operator === 'NotIn') terms.push(`${key} not in ${list}`);
    else if (operator === 'Exists') terms.push(`has(${key})`);
    else if (operator === 'DoesNotExist') terms.push(`! has(${key})`);
    else throw new Error(`unknown operator ${operator}`);
  }
  return terms;
}
