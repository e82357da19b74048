/** Values as Go's `%v` prints them, for messages that show whole structs. */
import { formatGoDuration, parseGoDuration } from './numbers.ts';
import { minorOf, type Release, type Schema } from './schema.ts';

/**
 * The text of a value. A pointer at the top shows what it points to behind `&`; deeper ones, for which Go shows an
 * address, show the value.
 */
export function goPrint(
  schema: Schema,
  value: unknown,
  release: Release,
  options: { readonly pointer?: boolean } = {},
): string {
  const absent = value === undefined || value === null;
  if (options.pointer && absent) return '<nil>';
  switch (schema.type) {
    case 'struct': {
      const object = (absent ? {} : value) as Readonly<Record<string, unknown>>;
      const parts = Object.entries(schema.fields)
        .filter(([, field]) => (field.since ?? 0) <= minorOf(release))
        .map(([name, field]) => {
          const inner = object[name];
          if (field.pointer && (inner === undefined || inner === null)) {
            return field.schema.type === 'duration' ? 'nil' : '<nil>';
          }
          return goPrint(field.schema, inner, release, { pointer: field.pointer ?? false });
        });
      return `${options.pointer ? '&' : ''}{${parts.join(' ')}}`;
    }
    case 'list':
      return `[${(absent ? [] : (value as readonly unknown[]))
        .map((item) => goPrint(schema.item, item, release))
        .join(' ')}]`;
    case 'map':
      return `map[${Object.entries(absent ? {} : (value as object))
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, item]) => `${key}:${goPrint(schema.value, item, release)}`)
        .join(' ')}]`;
    case 'duration': {
      const nanos = parseGoDuration(absent ? '0' : String(value));
      const text = typeof nanos === 'number' ? formatGoDuration(nanos) : '0s';
      return options.pointer ? `&Duration{Duration:${text},}` : `{${text}}`;
    }
    case 'boolean':
      return absent ? 'false' : String(value);
    case 'integer':
      return absent ? '0' : String(value);
    case 'as-number':
      return absent ? '0' : String(value);
    case 'float':
      return absent ? '0' : goFloat(Number(value));
    default:
      return absent ? '' : String(value);
  }
}

/** A float64 as `%v` prints it: exponent form from 1e21 on and below 1e-4. */
export function goFloat(value: number): string {
  if (value === 0 || (Math.abs(value) >= 1e-4 && Math.abs(value) < 1e21)) return String(value);
  return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2');
}
