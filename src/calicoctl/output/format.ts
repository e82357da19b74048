/** The `-o` option: which format, and the object text of YAML and JSON. */
import { formatJsonIndented } from './json.ts';
import { formatYaml } from './yaml.ts';

/** A format of `get`. */
export type Format =
  | { readonly kind: 'table'; readonly table: 'ps' | 'wide' }
  | { readonly kind: 'columns'; readonly headings: readonly string[] }
  | { readonly kind: 'yaml' | 'json' }
  | { readonly kind: 'template'; readonly text: string }
  | { readonly kind: 'template-file'; readonly path: string }
  | { readonly kind: 'error'; readonly message: string };

/** Reads the value of `-o`. */
export function parseFormat(value: string): Format {
  const at = value.indexOf('=');
  const name = at < 0 ? value : value.slice(0, at);
  const rest = at < 0 ? '' : value.slice(at + 1);
  if (value === 'ps' || value === 'wide') return { kind: 'table', table: value };
  if (value === 'yaml' || value === 'yml') return { kind: 'yaml' };
  if (value === 'json') return { kind: 'json' };
  switch (name) {
    case 'custom-columns':
      return rest === ''
        ? { kind: 'error', message: 'need to specify at least one column' }
        : { kind: 'columns', headings: rest.split(',') };
    case 'go-template':
      return rest === ''
        ? { kind: 'error', message: 'need to specify a template' }
        : { kind: 'template', text: rest };
    case 'go-template-file':
      return rest === ''
        ? { kind: 'error', message: 'need to specify a template file' }
        : { kind: 'template-file', path: rest };
    default:
      return { kind: 'error', message: `unrecognized output format '${value}'` };
  }
}

/** What is printed of the results: one alone, none as null, several as an array. */
export function singleOrArray(results: readonly unknown[]): unknown {
  if (results.length === 0) return null;
  return results.length === 1 ? results[0] : results;
}

/** Text of the results in YAML, or in JSON (which ends with a newline up to v3.15 only). */
export function formatObjects(
  kind: 'yaml' | 'json',
  results: readonly unknown[],
  newlineAfterJson: boolean,
): string {
  const value = singleOrArray(results);
  if (kind === 'yaml') return formatYaml(value);
  return formatJsonIndented(value) + (newlineAfterJson ? '\n' : '');
}
