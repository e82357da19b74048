/**
 * Names of hosts as an inventory writes them: `name:port`, `[v6]:port`, ranges `w[01:50]`.
 * Upstream: ansible/ansible: lib/ansible/parsing/utils/addresses.py, plugins/inventory/__init__.py.
 */

/** Expanded names and the port, or Ansible's words for what is wrong. */
export type HostPattern =
  | { readonly names: readonly string[]; readonly port: number | undefined }
  | { readonly error: string };

/** A pattern that would make more hosts than this is a slip of the hand. */
const maximumHosts = 200_000;

const letters = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';
const range = '\\[(?:[0-9]*:[0-9]+(?::[0-9]+)?|[a-zA-Z]:[a-zA-Z](?::[0-9]+)?)\\]';
const numericRange = '\\[(?:[0-9]*:[0-9]+(?::[0-9]+)?)\\]';
const octet = `(?:[0-9]{1,3}|${numericRange})`;
const hextet = `(?:[0-9a-fA-F]{1,4}|\\[(?:[0-9a-f]{0,4}:[0-9a-f]{1,4}(?::[0-9]+)?)\\])`;
const label = `(?:[\\p{L}\\p{N}_]|${range})(?:[\\p{L}\\p{N}_-]|${range}){0,61}(?<!-)`;
const recognised = [
  new RegExp(`^${octet}(?:\\.${octet}){3}$`, 'i'),
  new RegExp(`^(?:${hextet}:){7}${hextet}$|^(?:${hextet}:){0,6}:(?::?${hextet}){0,7}$|^::$`, 'i'),
  new RegExp(`^${label}(?:\\.${label})*$`, 'iu'),
];
const bracketedPort = /^\[(.+)\]:([0-9]+)$/;
const plainPort = /^((?:[^:[\]]|\[[^\]]*\])*):([0-9]+)$/;

/** Address and port of a pattern; undefined if it is neither an address nor a host name. */
export function splitPort(
  text: string,
): { readonly address: string; readonly port: number | undefined } | undefined {
  let address = text;
  let port: number | undefined;
  for (const pattern of [bracketedPort, plainPort]) {
    const match = pattern.exec(address);
    if (match) {
      address = match[1] ?? '';
      port = Number(match[2]);
    }
  }
  return recognised.some((pattern) => pattern.test(address)) ? { address, port } : undefined;
}

/** Expands a pattern of an INI or YAML inventory. */
export function expandHostPattern(text: string): HostPattern {
  const split = splitPort(text);
  const pattern = split?.address ?? text;
  const names = pattern.includes('[') ? expandRange(pattern, maximumHosts) : [pattern];
  if (typeof names === 'string') return { error: names };
  if (text.trim().endsWith(':') && split?.port === undefined)
    return {
      error: `Invalid host pattern '${text}' supplied, ending in ':' is not allowed, this character is reserved to provide a port.`,
    };
  if (names.some((name) => name.trim() === '---'))
    return {
      error: `Invalid host pattern '${text}' supplied, '---' is normally a sign this is a YAML file.`,
    };
  return { names, port: split?.port };
}

function expandRange(text: string, room: number): string[] | string {
  const parts = text.replace('[', '|').replace(']', '|').split('|');
  if (parts.length !== 3)
    return parts.length < 3
      ? `not enough values to unpack (expected 3, got ${parts.length})`
      : 'too many values to unpack (expected 3)';
  const [head = '', bounds = '', tail = ''] = parts;
  const fields = bounds.split(':');
  if (fields.length !== 2 && fields.length !== 3) return 'host range must be begin:end or begin:end:step';
  const begin = fields[0] || '0';
  const end = fields[1] ?? '';
  const step = Number(fields[2] ?? '1');
  if (end === '') return 'host range must specify end value';
  const padded = begin.length > 1 && begin.startsWith('0');
  if (padded && begin.length !== end.length)
    return 'host range must specify equal-length begin and end formats';
  if (!Number.isInteger(step) || (fields[2] ?? '1').trim() === '' || step === 0)
    return `invalid step in host range: '${fields[2] ?? ''}'`;
  const values = sequence(begin, end, step);
  if (typeof values === 'string') return values;
  const result: string[] = [];
  for (const value of values) {
    const name = `${head}${padded ? value.padStart(begin.length, '0') : value}${tail}`;
    const more = name.includes('[') ? expandRange(name, room - result.length) : [name];
    if (typeof more === 'string') return more;
    if (result.length + more.length > room) return `host range makes more than ${maximumHosts} hosts`;
    for (const one of more) result.push(one);
  }
  return result;
}

function sequence(begin: string, end: string, step: number): string[] | string {
  const [first, last] = [letters.indexOf(begin), letters.indexOf(end)];
  const result: string[] = [];
  if (first >= 0 && last >= 0) {
    if (first > last) return 'host range must have begin <= end';
    if (step < 0) return result;
    for (let at = first; at <= last; at += step) result.push(letters[at] ?? '');
    return result;
  }
  if (!/^\s*[-+]?\d+\s*$/.test(begin) || !/^\s*[-+]?\d+\s*$/.test(end))
    return `invalid literal for int() with base 10: '${/^\s*[-+]?\d+\s*$/.test(begin) ? end : begin}'`;
  const [low, high] = [Number(begin), Number(end)];
  if (step > 0 && (high - low) / step > maximumHosts)
    return `host range makes more than ${maximumHosts} hosts`;
  if (step > 0) for (let value = low; value <= high; value += step) result.push(String(value));
  else
    for (let value = low; value > high + 1 && result.length < maximumHosts; value += step)
      result.push(String(value));
  return result;
}
