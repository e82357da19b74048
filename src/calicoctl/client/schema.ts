/** The door to the kinds' schemas: decoding, defaults, validation, in the terms of this room. */
import {
  decodeResource as decodeKind,
  type Release as Generation,
  type Kind,
  type Resource,
  validate,
  withCrdDefaults,
  withDefaults,
} from '../../resources/index.ts';
import type { Release } from '../release.ts';
import type { FieldProblem } from './errors.ts';

/** A decoded resource, or why the value is none. */
export type Decoded =
  | { readonly ok: true; readonly resource: Resource }
  | { readonly ok: false; readonly message: string };

/** The generation of rules and texts that goes with a release. */
export function generation(release: Release): Generation {
  return release.minor <= 15 ? 'v3.15' : 'v3.32';
}

/** Reads an untyped value strictly as a kind. */
export function decodeResource(kind: Kind, value: unknown, release: Release): Decoded {
  const document = typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  return decodeKind(kind, document, { release: generation(release) }) as Decoded;
}

/** The resource with the defaults that a write fills in before validation. */
export function defaulted(resource: Resource, release: Release): Resource {
  return withDefaults(resource, { release: generation(release) });
}

/** The resource with what 3.32 fills in after validation, from its CRD schemas. */
export function completed(resource: Resource, release: Release): Resource {
  return release.minor <= 15 ? resource : withCrdDefaults(resource);
}

/** What validation refuses. */
export function problemsOf(resource: Resource, release: Release): readonly FieldProblem[] {
  return validate(resource, { release: generation(release) }).map(({ field, value, reason }) => ({
    name: field,
    reason,
    ...(value === undefined ? {} : { value }),
  }));
}
