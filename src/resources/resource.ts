/** The shape that all kinds share, and the list of kinds. One file per kind holds its spec, schema and defaults. */

/** The API version of every Calico resource. */
export const apiVersion = 'projectcalico.org/v3';

/** Object metadata; fields of other writers are kept. */
export interface Metadata {
  readonly name: string;
  readonly namespace?: string;
  readonly generateName?: string;
  readonly uid?: string;
  /** RFC 3339, second precision, `Z`; `null` when never set. */
  readonly creationTimestamp?: string | null;
  /** Never stored: put in from the datastore's revision on read. */
  readonly resourceVersion?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly unknown[];
  readonly finalizers?: readonly string[];
  readonly [other: string]: unknown;
}

/** A resource of any kind. `spec` is narrowed by the kind's own type (see `SpecOf`). */
export interface Resource<K extends string = string, S = Readonly<Record<string, unknown>>> {
  readonly apiVersion: string;
  readonly kind: K;
  readonly metadata: Metadata;
  readonly spec: S;
  readonly status?: Readonly<Record<string, unknown>>;
  readonly [other: string]: unknown;
}
