/** The grammar of each parameter type: text to value. Pure. Upstream: felix/config/param_types.go. */
import { tryParseAddress, tryParseCidr, tryParseInterfaceAddress } from '../../ip/index.ts';
import type { ConfigPortRange, FailsafePort } from './felix-config.ts';

/** What a parameter's type and type parameters are, without its name. */
export interface ParameterType {
  readonly type: string;
  readonly typeParams?: readonly string[] | string;
}

/** A value, or why the text is none. */
export type Parsed =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly reason: string };

const good = (value: unknown): Parsed => ({ ok: true, value });
const bad = (reason: string): Parsed => ({ ok: false, reason });

/** The value that `none` stands for. */
export function zeroValue(type: string): unknown {
  switch (type) {
    case 'bool':
      return false;
    case 'int':
    case 'seconds':
    case 'millis':
    case 'mark-bitmask':
      return 0;
    case '*bool':
    case 'portrange':
      return undefined;
    case 'port-list':
    case 'portrange-list':
    case 'cidr-list':
    case 'iface-list':
    case 'iface-list-regexp':
    case 'iface-filter-slice':
    case 'endpoint-list':
      return [];
    case 'keyvaluelist':
    case 'keydurationlist':
      return {};
    default:
      return '';
  }
}

/** Reads a text that is neither empty nor `none`. */
export function parseValue(parameter: ParameterType, text: string): Parsed {
  switch (parameter.type) {
    case 'bool':
    case '*bool':
      return parseBool(text);
    case 'int':
      return parseInteger(text, parameter.typeParams);
    case 'seconds':
    case 'millis':
      return parseFloatNumber(text);
    case 'oneof':
      return parseChoice(text, parameter.typeParams);
    case 'mark-bitmask':
      return parseMask(text);
    case 'ipv4':
      return tryParseAddress(text)?.version === 4 ? good(text) : bad('invalid IPv4 address');
    case 'ipv6':
      return tryParseAddress(text)?.version === 6 ? good(text) : bad('invalid IPv6 address');
    case 'port-list':
      return parseList(text, parseFailsafePort);
    case 'portrange':
      return parsePortRange(text);
    case 'portrange-list':
      return parseList(text, parsePortRange);
    case 'cidr-list':
      return parseList(text, (item) =>
        (tryParseCidr(item) ?? tryParseInterfaceAddress(item))
          ? good(item)
          : bad(`invalid CIDR or IP ${item}`),
      );
    case 'endpoint-list':
      return parseList(text, (item) =>
        /^https?:\/\/[^/?#@]+\/?$/.test(item) ? good(item) : bad(`invalid URL ${item}`),
      );
    case 'iface-list':
      return parseList(text, matching(/^[a-zA-Z0-9_-]{1,15}$/, 'invalid Linux interface name'));
    case 'iface-list-regexp':
      return parseList(text, parseInterfacePattern);
    case 'iface-filter-slice':
      return parseList(text, matching(/^[a-zA-Z0-9:._+-]{1,15}$/, 'invalid Linux interface name'));
    case 'iface-param':
      return matching(/^[a-zA-Z0-9:._+-]{1,15}$/, 'invalid Linux interface name')(text);
    case 'hostname':
      return matching(/^[a-zA-Z0-9_.-]+$/, 'invalid hostname')(text);
    case 'host-address':
      return matching(/^[a-zA-Z0-9:._+-]{1,64}$/, 'invalid host address')(text);
    case 'region':
      return matching(/^[^/]+$/, 'invalid region')(text);
    case 'authority':
      return matching(/^[^:/]+:\d+$/, 'invalid URL authority')(text);
    case 'log-rate':
      return matching(/^[1-9]\d{0,3}\/(second|minute|hour|day)$/, 'invalid log rate')(text);
    case 'regexp':
      return parseRegexp(text);
    case 'keyvaluelist':
      return parsePairs(text, good);
    case 'keydurationlist':
      return parsePairs(text, (value) => {
        const milliseconds = parseGoDuration(value);
        return milliseconds === undefined ? bad(`invalid duration ${value}`) : good(milliseconds);
      });
    default:
      return good(text);
  }
}

/** A Go duration (`1m30s`, `250ms`) in milliseconds. */
export function parseGoDuration(text: string): number | undefined {
  const units: Readonly<Record<string, number>> = {
    ns: 1e-6,
    us: 1e-3,
    µs: 1e-3,
    ms: 1,
    s: 1000,
    m: 60_000,
    h: 3_600_000,
  };
  if (text === '0') return 0;
  if (!/^[+-]?(\d+(\.\d*)?(ns|us|µs|ms|s|m|h))+$/.test(text)) return undefined;
  let sum = 0;
  for (const [, number, unit] of text.matchAll(/(\d+(?:\.\d*)?)(ns|us|µs|ms|s|m|h)/g)) {
    sum += Number(number) * (units[unit ?? ''] ?? 0);
  }
  return text.startsWith('-') ? -sum : sum;
}

function parseBool(text: string): Parsed {
  const lower = text.toLowerCase();
  if (['true', '1', 'yes', 'y', 't'].includes(lower)) return good(true);
  if (['false', '0', 'no', 'n', 'f'].includes(lower)) return good(false);
  return bad('invalid boolean');
}

function parseInteger(digits: string, ranges: ParameterType['typeParams']): Parsed {
  const octal = /^([+-]?)0o?([0-7]+)$/i.exec(digits);
  const value = octal ? Number.parseInt(`${octal[1]}${octal[2]}`, 8) : Number(digits);
  if (
    !/^[+-]?(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|\d+)$/.test(digits) ||
    !Number.isSafeInteger(value)
  ) {
    return bad('invalid integer');
  }
  if (ranges === undefined) return good(value);
  // `min:max` ranges, or upstream's shorter `min` and `min,max`.
  const text = String(ranges);
  const [low, high] = text.split(text.includes(':') ? ':' : ',').map(Number);
  const within = value >= (low ?? value) && value <= (high ?? value);
  return within ? good(value) : bad(`out of range (${text})`);
}

function parseFloatNumber(text: string): Parsed {
  return /^[+-]?\d+(\.\d*)?([eE][+-]?\d+)?$/.test(text) ? good(Number(text)) : bad('invalid float');
}

function parseChoice(text: string, choices: ParameterType['typeParams']): Parsed {
  const found = Array.isArray(choices)
    ? choices.find((choice) => choice.toLowerCase() === text.toLowerCase())
    : undefined;
  return found === undefined ? bad('unknown option') : good(found);
}

function parseMask(text: string): Parsed {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > 0xffffffff)
    return bad('invalid mark: should be a 32-bit number');
  return value.toString(2).replaceAll('0', '').length >= 2
    ? good(value)
    : bad('invalid mark: needs at least two bits');
}

function parseList(text: string, parse: (item: string) => Parsed): Parsed {
  const values: unknown[] = [];
  for (const item of text.split(',').map((part) => part.trim())) {
    if (item === '') continue;
    const parsed = parse(item);
    if (!parsed.ok) return parsed;
    values.push(parsed.value);
  }
  return good(values);
}

function matching(pattern: RegExp, reason: string): (text: string) => Parsed {
  return (text) => (pattern.test(text) ? good(text) : bad(`${reason} ${JSON.stringify(text)}`));
}

function parsePort(text: string): number | undefined {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  return port >= 0 && port <= 65535 ? port : undefined;
}

/** `22`, `udp:68`, `tcp:10.0.0.0/8:22`, `tcp:[fd00::/8]:22`. */
function parseFailsafePort(text: string): Parsed {
  const match = /^(?:(tcp|udp):)?(?:(?:\[([0-9a-fA-F:./]+)\]|([\d./]+)):)?(\d+)$/i.exec(text);
  const port = match?.[4] === undefined ? undefined : parsePort(match[4]);
  if (!match || port === undefined)
    return bad(`ports should be <protocol>:<net>:<number> or <number>, not ${text}`);
  const net = match[2] ?? match[3];
  const cidr =
    net === undefined
      ? undefined
      : tryParseCidr(net.includes('/') ? net : `${net}/${net.includes(':') ? 128 : 32}`);
  if (net !== undefined && !cidr) return bad(`invalid CIDR in ${text}`);
  const failsafe: FailsafePort = {
    protocol: (match[1] ?? 'tcp').toLowerCase() === 'udp' ? 'udp' : 'tcp',
    port,
    ...(net === undefined ? {} : { net: net.includes('/') ? net : `${net}/${net.includes(':') ? 128 : 32}` }),
  };
  return good(failsafe);
}

function parsePortRange(text: string): Parsed {
  const parts = text.split(':');
  const first = parsePort(parts[0] ?? '');
  const last = parts.length === 1 ? first : parsePort(parts[1] ?? '');
  if (first === undefined || last === undefined || parts.length > 2 || first > last) {
    return bad(`invalid port range ${text}`);
  }
  const range: ConfigPortRange = { first, last };
  return good(range);
}

function parseInterfacePattern(text: string): Parsed {
  if (!text.startsWith('/')) return matching(/^[a-zA-Z0-9_.-]{1,15}$/, 'invalid Linux interface name')(text);
  return text.endsWith('/') && text.length > 2 && parseRegexp(text.slice(1, -1)).ok
    ? good(text)
    : bad(`invalid regexp ${text}`);
}

function parseRegexp(text: string): Parsed {
  try {
    new RegExp(text);
    return good(text);
  } catch {
    return bad('invalid regexp');
  }
}

function parsePairs(text: string, parse: (value: string) => Parsed): Parsed {
  const pairs: Record<string, unknown> = {};
  for (const item of text.split(',').map((part) => part.trim())) {
    if (item === '') continue;
    const equals = item.indexOf('=');
    if (equals < 0) return bad(`${item} is not KEY=VALUE`);
    const parsed = parse(item.slice(equals + 1).trim());
    if (!parsed.ok) return parsed;
    pairs[item.slice(0, equals).trim()] = parsed.value;
  }
  return good(pairs);
}
