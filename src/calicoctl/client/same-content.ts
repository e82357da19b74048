/** Whether two resources say the same, apart from what the datastore adds. */
import type { Resource } from '../../resources/index.ts';

/** Compares spec, labels, annotations and status regardless of member order and of empty members. */
export function sameContent(a: Resource, b: Resource): boolean {
  return canonical(contentOf(a)) === canonical(contentOf(b));
}

/** What a person writes of a resource. */
export function contentOf(resource: Resource): Readonly<Record<string, unknown>> {
  const { labels, annotations } = resource.metadata;
  return { labels, annotations, spec: resource.spec };
}

function canonical(value: unknown): string {
  return JSON.stringify(pruned(value)) ?? '';
}

function pruned(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  if (Array.isArray(value)) return value.map(pruned);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined && member !== null)
    .sort(([x], [y]) => (x < y ? -1 : 1))
    .map(([name, member]) => [name, pruned(member)] as const)
    .filter(([, member]) => typeof member !== 'object' || JSON.stringify(member) !== '{}');
  return Object.fromEntries(members);
}
