/** How Go's JSON decoder names what it met. */

/** The JSON type in the words of Go's errors. */
export function jsonTypeName(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (Array.isArray(value)) return 'array';
  const type = typeof value;
  if (type === 'boolean') return 'bool';
  return type === 'bigint' ? 'number' : type;
}

/** The value as v3.15 quotes it in its errors: text bare, the rest as compact JSON. */
export function quoteForOldText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
