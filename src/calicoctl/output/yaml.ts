/** YAML as Go's yaml.v2 writes it after ghodss/yaml: keys sorted, sequences not indented below their key. */

const plainSafe = /^[^\s\-?:,[\]{}#&*!|>'"%@`\p{Cc}\ufeff][^\p{Cc}\ufeff]*$/u;
const resolvesElsewhere =
  /^(?:~|null|Null|NULL|true|True|TRUE|false|False|FALSE|y|Y|yes|Yes|YES|n|N|no|No|NO|on|On|ON|off|Off|OFF|<<|\.nan|\.NaN|\.NAN|[-+]?\.(?:inf|Inf|INF))$/;
const number =
  /^(?:[-+]?(?:0b[01_]+|0o?[0-7_]+|0x[0-9a-fA-F_]+|[0-9][0-9_]*)|[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?)$/;
const timestamp = /^\d{4}-\d{1,2}-\d{1,2}(?:(?:[Tt]|[ \t]+)\d.*)?$/;

/** The document of a value, with a final newline. Absent members are left out. */
export function formatYaml(value: unknown): string {
  return `${emit(value, '', true)}\n`;
}

function emit(value: unknown, indent: string, top: boolean): string {
  if (Array.isArray(value)) {
    if (value.length === 0) return '[]';
    return value
      .map((item, at) => `${at === 0 && top ? '' : indent}- ${emit(item, `${indent}  `, true)}`)
      .join('\n');
  }
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .sort(([a], [b]) => compareKeys(a, b));
    if (members.length === 0) return '{}';
    return members
      .map(
        ([name, member], at) =>
          `${at === 0 && top ? '' : indent}${scalar(name, indent)}:${nested(member, indent)}`,
      )
      .join('\n');
  }
  return scalar(value, indent);
}

function nested(value: unknown, indent: string): string {
  if (Array.isArray(value) && value.length > 0) return `\n${emit(value, indent, false)}`;
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    const text = emit(value, `${indent}  `, false);
    return text === '{}' ? ' {}' : `\n${text}`;
  }
  return ` ${Array.isArray(value) ? '[]' : scalar(value, indent)}`;
}

/** yaml.v2 sorts digits by number and letters before other signs; for the keys that occur, this order is the same. */
function compareKeys(a: string, b: string): number {
  let at = 0;
  while (at < a.length && at < b.length && a[at] === b[at]) at++;
  const x = a[at];
  const y = b[at];
  if (x === undefined || y === undefined) return a.length - b.length;
  const letterX = /\p{L}/u.test(x);
  const letterY = /\p{L}/u.test(y);
  if (letterX && letterY) return x < y ? -1 : 1;
  if (letterX !== letterY) {
    if (/\d/.test(x) || /\d/.test(y)) return letterX ? 1 : -1;
    return letterX ? 1 : -1;
  }
  const digitsX = /^\d+/.exec(a.slice(at))?.[0];
  const digitsY = /^\d+/.exec(b.slice(at))?.[0];
  if (digitsX && digitsY && Number(digitsX) !== Number(digitsY)) return Number(digitsX) - Number(digitsY);
  return x < y ? -1 : 1;
}

function scalar(value: unknown, indent: string): string {
  if (value === null || value === undefined) return 'null';
  if (typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  if (typeof value === 'number') return formatNumber(value);
  return text(String(value), indent);
}

/** yaml.v2 writes floats as %g; JSON integers stay integers. */
function formatNumber(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e21) return String(value);
  return String(value).replace(/e([+-])(\d)$/, 'e$10$2');
}

function text(value: string, indent: string): string {
  if (value === '') return '""';
  if (resolvesElsewhere.test(value) || number.test(value) || timestamp.test(value))
    return doubleQuoted(value);
  if (/\n/.test(value) && !/[\p{Cc}\ufeff]/u.test(value.replace(/[\t\n]/g, '')))
    return literal(value, indent);
  if (/[\p{Cc}\ufeff]/u.test(value)) return doubleQuoted(value);
  if (plainSafe.test(value) && !/: |:$| #|\s$/.test(value)) return value;
  if (/^[-?:][^\s]/.test(value) && !/: |:$| #|\s$/.test(value) && !/^---|^\.\.\./.test(value)) return value;
  return `'${value.replaceAll("'", "''")}'`;
}

function literal(value: string, indent: string): string {
  const inner = `${indent}  `;
  const header = value.endsWith('\n\n') || value === '\n' ? '|+' : value.endsWith('\n') ? '|' : '|-';
  const hint = /^[ \n]/.test(value) ? '2' : '';
  const body = value.replace(/\n$/, '').split('\n');
  return `${header.slice(0, 1)}${hint}${header.slice(1)}\n${body.map((line) => (line === '' ? '' : inner + line)).join('\n')}`;
}

const shortEscapes: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\0': '\\0',
  '\x07': '\\a',
  '\b': '\\b',
  '\t': '\\t',
  '\n': '\\n',
  '\v': '\\v',
  '\f': '\\f',
  '\r': '\\r',
  '\x1b': '\\e',
  '\x85': '\\N',
  '\ufeff': '\\uFEFF',
};

function doubleQuoted(value: string): string {
  const escaped = value.replace(
    /["\\\p{Cc}\ufeff]/gu,
    (char) => shortEscapes[char] ?? `\\x${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  );
  return `"${escaped}"`;
}
