/** JSON with two blanks of indent, as Go's encoder writes it. */

const escapes: Readonly<Record<string, string>> = {
  '<': '\\u003c',
  '>': '\\u003e',
  '&': '\\u0026',
  '\u2028': '\\u2028',
  '\u2029': '\\u2029',
};

/** The text of a value; empty lists and objects stay on one line, `undefined` members are left out. */
export function formatJsonIndented(value: unknown): string {
  return write(value, '').replace(/[<>&\u2028\u2029]/g, (char) => escapes[char] ?? char);
}

function write(value: unknown, indent: string): string {
  const inner = `${indent}  `;
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value ?? null);
  if (Array.isArray(value)) {
    if (value.length === 0) return '[]';
    return `[\n${value.map((item) => inner + write(item, inner)).join(',\n')}\n${indent}]`;
  }
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  if (members.length === 0) return '{}';
  const lines = members.map(([name, member]) => `${inner}${JSON.stringify(name)}: ${write(member, inner)}`);
  return `{\n${lines.join(',\n')}\n${indent}}`;
}
