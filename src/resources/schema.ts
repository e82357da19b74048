/**
 * Schemas in the shape of upstream's Go structs.
 *
 * One declaration per kind gives the TypeScript type, the order of fields in JSON, the strict decoder with both
 * releases' error texts, and the per-field rules of upstream's validator.
 */

/** A field of a struct. */
export interface Field<T = unknown, R extends boolean = boolean> {
  readonly schema: Schema<T>;
  /** The TypeScript type has it always: decoding puts in the Go zero value when it is absent. */
  readonly required: R;
  /** First minor release whose type has the field; absent: 3.15 has it. */
  readonly since?: number;
  /** Name of upstream's field where it is not the capitalised JSON name (see `go-name.ts`). */
  readonly go?: string;
  /** Upstream's field is a pointer: absent and zero differ. */
  readonly pointer?: boolean;
  /** Tags of upstream's validator, comma-separated as there (see `tags.ts`); zero values are not checked. */
  readonly rule?: string;
  /** Zero values are checked too. */
  readonly mandatory?: boolean;
  /** What the CRD schema, which 3.32 checks in addition, demands. */
  readonly crd?: CrdRule | readonly CrdRule[];
  /** Releases that write the zero value when the field is absent. */
  readonly zero?: readonly Release[];
}

/** The generations of upstream whose texts and rules are reproduced. */
export type Release = 'v3.15' | 'v3.32';

/** Constraints of a CRD schema. Enumerations come from the field's own values unless `values` is given. */
export interface CrdRule {
  readonly values?: readonly string[];
  readonly pattern?: string;
  readonly min?: number;
  readonly max?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly maxLength?: number;
  readonly minProperties?: number;
  readonly format?: 'cidr';
}

/** Integer types of Go that occur. */
export type IntegerType = 'int' | 'int32' | 'int64' | 'uint8' | 'uint16' | 'uint32';

/** What a {@link Schema} is at run time. */
export type SchemaNode =
  | { readonly type: 'string'; readonly go: string; readonly values?: readonly string[] }
  | { readonly type: 'boolean' }
  | { readonly type: 'integer'; readonly go: IntegerType }
  | { readonly type: 'float' }
  /** `numorstring` types and Kubernetes' IntOrString: see `numbers.ts`. */
  | { readonly type: 'as-number' | 'port' | 'protocol' | 'uint8-or-string' | 'int-or-string' }
  /** metav1.Duration: text such as `90s`. */
  | { readonly type: 'duration' }
  /** metav1.Time: RFC 3339 or null. */
  | { readonly type: 'time' }
  | { readonly type: 'list'; readonly item: Schema; readonly rule?: string; readonly crd?: CrdRule }
  | { readonly type: 'map'; readonly value: Schema }
  | {
      readonly type: 'struct';
      readonly go: string;
      readonly crd?: CrdRule;
      readonly fields: Readonly<Record<string, Field>>;
    }
  /** Kept as it is. */
  | { readonly type: 'any' };

declare const shape: unique symbol;

/** A schema whose values have type `T`. */
export type Schema<T = unknown> = SchemaNode & { readonly [shape]?: T };

/** The TypeScript type of a schema's values. */
export type TypeOf<S> = S extends { readonly [shape]?: infer T } ? Exclude<T, undefined> : never;

type Fields = Readonly<Record<string, Field>>;
type Simplify<T> = { readonly [K in keyof T]: T[K] };
type FieldType<F> = F extends Field<infer T> ? T : never;
type StructType<F extends Fields> = Simplify<
  { readonly [K in keyof F as F[K] extends Field<unknown, true> ? K : never]: FieldType<F[K]> } & {
    readonly [K in keyof F as F[K] extends Field<unknown, true> ? never : K]?: FieldType<F[K]>;
  }
>;

/** Options of {@link field} and {@link required}. */
export type FieldOptions = Omit<Field, 'schema' | 'required'>;

/** A field that may be absent. */
export function field<T>(schema: Schema<T>, options: FieldOptions = {}): Field<T, false> {
  return { ...options, schema, required: false };
}

/** A field that decoding always fills. */
export function required<T>(schema: Schema<T>, options: FieldOptions = {}): Field<T, true> {
  return { ...options, schema, required: true };
}

/** A struct; `go` is the name of upstream's type, which decoding errors show. */
export function struct<F extends Fields>(go: string, fields: F, crd?: CrdRule): Schema<StructType<F>> {
  return { type: 'struct', go, fields, ...(crd === undefined ? {} : { crd }) };
}

/** A list. The rules apply to each item. */
export function list<T>(item: Schema<T>, rule?: string, crd?: CrdRule): Schema<readonly T[]> {
  return {
    type: 'list',
    item,
    ...(rule === undefined ? {} : { rule }),
    ...(crd === undefined ? {} : { crd }),
  };
}

/** A map with text keys. */
export function map<T>(value: Schema<T>): Schema<Readonly<Record<string, T>>> {
  return { type: 'map', value };
}

/** Minor version of a release. */
export function minorOf(release: Release): number {
  return release === 'v3.15' ? 15 : 32;
}

/** Text that takes one of these values; `go` names upstream's type where it has one. */
export function oneOf<const V extends readonly string[]>(values: V, go = 'string'): Schema<V[number]> {
  return { type: 'string', go, values };
}

/** An integer of one of Go's types. */
export function integer(go: IntegerType): Schema<number> {
  return { type: 'integer', go };
}

/** Plain text. */
export const string: Schema<string> = { type: 'string', go: 'string' };
/** true or false. */
export const boolean: Schema<boolean> = { type: 'boolean' };
/** Go's `int`. */
export const int: Schema<number> = integer('int');
/** A number with fraction. */
export const float: Schema<number> = { type: 'float' };
/** An AS number: decoded to a number from a number, decimal text or `hi.lo`. */
export const asNumber: Schema<number> = { type: 'as-number' };
/** A port: number, `"min:max"` or the name of a named port. */
export const port: Schema<number | string> = { type: 'port' };
/** A protocol: number or name. */
export const protocol: Schema<number | string> = { type: 'protocol' };
/** Text such as `90s`. */
export const duration: Schema<string> = { type: 'duration' };
/** RFC 3339 text. */
export const time: Schema<string | null> = { type: 'time' };
/** A number from 0 to 255 or a name. */
export const uint8OrString: Schema<number | string> = { type: 'uint8-or-string' };
/** Kubernetes' IntOrString. */
export const intOrString: Schema<number | string> = { type: 'int-or-string' };
/** Anything. */
export const any: Schema<unknown> = { type: 'any' };
