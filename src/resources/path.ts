/** Where a resource lives in etcd: `/calico/resources/v3/projectcalico.org/<plural>/[<namespace>/]<name>`. */
import { type Kind, kindOfPlural, kinds } from './kinds.ts';

/** Prefix of all resources. */
export const resourcesPrefix = '/calico/resources/v3/projectcalico.org/';

/** Identity of a resource as stored: for policies, the stored name (see `policy-name.ts`). */
export interface ResourceId {
  readonly kind: Kind;
  readonly namespace?: string;
  readonly name: string;
}

/** Path of a resource. */
export function resourcePath(id: ResourceId): string {
  const { plural, namespaced } = kinds[id.kind];
  return `${resourcesPrefix}${plural}/${namespaced ? `${id.namespace ?? ''}/` : ''}${id.name}`;
}

/** Prefix of the resources of a kind, or of those in a namespace, or of those whose names begin with `namePrefix`. */
export function resourcePathPrefix(
  kind: Kind,
  within: { readonly namespace?: string; readonly namePrefix?: string } = {},
): string {
  const { plural, namespaced } = kinds[kind];
  const root = `${resourcesPrefix}${plural}/`;
  if (!namespaced) return root + (within.namePrefix ?? '');
  // Without a namespace the names below differ in their middle: the caller filters by prefix.
  return within.namespace === undefined ? root : `${root}${within.namespace}/${within.namePrefix ?? ''}`;
}

/** Reads a path; `undefined` when it is none of a known kind. */
export function parseResourcePath(path: string): ResourceId | undefined {
  if (!path.startsWith(resourcesPrefix)) return undefined;
  const [plural, ...rest] = path.slice(resourcesPrefix.length).split('/');
  const kind = plural === undefined ? undefined : kindOfPlural(plural);
  if (kind === undefined || rest.includes('')) return undefined;
  const [first, second] = rest;
  if (kinds[kind].namespaced) {
    return rest.length === 2 ? { kind, namespace: first!, name: second! } : undefined;
  }
  return rest.length === 1 ? { kind, name: first! } : undefined;
}
