/**
 * Values as Ansible has them. Python tells integers from floats and knows big integers, so this does too; mappings are
 * `Map`s, so that a key such as `__proto__` is a key like any other.
 */

/** A Python float. */
export class Float {
  constructor(readonly value: number) {}
}

/** Text that must never be evaluated as a template (`!unsafe`). */
export class UnsafeText {
  constructor(readonly text: string) {}
}

/** An encrypted value: opaque, an error only where it is needed. */
export class Vault {
  constructor(readonly cipherText: string) {}
}

/** A mapping; keys that were not text have been made text, as JSON does. */
export type Mapping = ReadonlyMap<string, Value>;

/** Any value of a variable. A `number` is an integer. */
export type Value =
  | null
  | boolean
  | number
  | bigint
  | string
  | Float
  | UnsafeText
  | Vault
  | readonly Value[]
  | Mapping;

/** Narrows to a mapping. */
export function isMapping(value: Value | undefined): value is Mapping {
  return value instanceof Map;
}

/** Narrows to a list. */
export function isList(value: Value | undefined): value is readonly Value[] {
  return Array.isArray(value);
}

/** An integer as `number` where it is exact, else as `bigint`. */
export function integer(value: bigint): number | bigint {
  const small = Number(value);
  return Number.isSafeInteger(small) ? small : value;
}

/** Python's word for the type of a value, for messages. */
export function typeName(value: Value): string {
  if (value === null) return 'null';
  if (typeof value === 'boolean') return 'boolean';
  if (typeof value === 'number' || typeof value === 'bigint') return 'integer';
  if (value instanceof Float) return 'float';
  if (value instanceof Vault) return 'encrypted value';
  if (isList(value)) return 'list';
  if (isMapping(value)) return 'mapping';
  return 'text';
}

/** `repr` of a float as Python writes it. */
export function formatFloat(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value < 0 ? '-inf' : 'inf';
  if (Object.is(value, -0)) return '-0.0';
  const magnitude = Math.abs(value);
  if (magnitude !== 0 && (magnitude >= 1e16 || magnitude < 1e-4)) {
    const [mantissa = '', exponent = '0'] = value.toExponential().split('e');
    const power = Math.abs(Number(exponent)).toString().padStart(2, '0');
    return `${mantissa}e${exponent.startsWith('-') ? '-' : '+'}${power}`;
  }
  const text = String(value);
  return /[.e]/.test(text) ? text : `${text}.0`;
}

function quote(text: string): string {
  const mark = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = text
    .replaceAll('\\', '\\\\')
    .replaceAll('\n', '\\n')
    .replaceAll('\t', '\\t')
    .replaceAll('\r', '\\r');
  return `${mark}${mark === "'" ? escaped.replaceAll("'", "\\'") : escaped}${mark}`;
}

/** Python's `repr`. */
export function repr(value: Value): string {
  if (typeof value === 'string') return quote(value);
  if (value instanceof UnsafeText) return quote(value.text);
  return text(value);
}

/** Python's `str`: what a template prints. */
export function text(value: Value): string {
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (value instanceof Float) return formatFloat(value.value);
  if (value instanceof UnsafeText) return value.text;
  if (value instanceof Vault) return '<encrypted>';
  if (isList(value)) return `[${value.map(repr).join(', ')}]`;
  if (isMapping(value)) return `{${[...value].map(([key, one]) => `${repr(key)}: ${repr(one)}`).join(', ')}}`;
  return String(value);
}

/** Python's truth value. */
export function truthy(value: Value): boolean {
  if (value === null || value === false || value === 0 || value === 0n || value === '') return false;
  if (value instanceof Float) return value.value !== 0;
  if (value instanceof UnsafeText) return value.text !== '';
  if (isList(value)) return value.length > 0;
  if (isMapping(value)) return value.size > 0;
  return true;
}

/** Python's `==`. */
export function equal(a: Value, b: Value): boolean {
  const [left, right] = [plain(a), plain(b)];
  if (isNumeric(left) && isNumeric(right)) return Number(left) === Number(right);
  if (isList(left) && isList(right))
    return left.length === right.length && left.every((one, index) => equal(one, right[index] ?? null));
  if (isMapping(left) && isMapping(right))
    return (
      left.size === right.size &&
      [...left].every(([key, one]) => right.has(key) && equal(one, right.get(key) ?? null))
    );
  return left === right;
}

function isNumeric(value: Value): value is number | bigint | boolean {
  return typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean';
}

function plain(value: Value): Value {
  if (value instanceof Float) return value.value;
  return value instanceof UnsafeText ? value.text : value;
}

/** A value as JSON data; what JSON cannot say is `{"$float": …}` or `{"__ansible_vault": …}` as Ansible writes it. */
export function toJson(value: Value): unknown {
  if (value instanceof Float)
    return Number.isFinite(value.value)
      ? value.value
      : { $float: value.value > 0 ? 'Infinity' : Number.isNaN(value.value) ? 'NaN' : '-Infinity' };
  if (value instanceof UnsafeText) return { __ansible_unsafe: value.text };
  if (value instanceof Vault) return { __ansible_vault: value.cipherText };
  if (typeof value === 'bigint') return Number(value);
  if (isList(value)) return value.map(toJson);
  if (isMapping(value)) return Object.fromEntries([...value].map(([key, one]) => [key, toJson(one)]));
  return value;
}

/** JSON data as a value: numbers that are not integers are floats. */
export function fromJson(data: unknown): Value {
  if (data === null || data === undefined) return null;
  if (typeof data === 'number') return Number.isSafeInteger(data) ? data : new Float(data);
  if (typeof data === 'boolean' || typeof data === 'string' || typeof data === 'bigint') return data;
  if (Array.isArray(data)) return data.map(fromJson);
  return new Map(Object.entries(data as object).map(([key, one]) => [key, fromJson(one)]));
}
