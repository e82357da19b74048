/** Values that upstream takes as number or text. Upstream: api/pkg/lib/numorstring. */

/** A port range. */
export interface PortSpan {
  readonly first: number;
  readonly last: number;
}

/** Protocols that have a name, with their numbers. */
export const protocolNumbers: Readonly<Record<string, number>> = {
  ICMP: 1,
  TCP: 6,
  UDP: 17,
  ICMPv6: 58,
  SCTP: 132,
  UDPLite: 136,
};

/** Reads an AS number: decimal or `hi.lo`; upstream's reason when it is none. */
export function parseAsNumber(text: string): number | { readonly reason: string } {
  const reason = `invalid AS Number format (${text})`;
  const parts = text.split('.');
  if (parts.length > 2 || parts.some((part) => !/^\d+$/.test(part))) return { reason };
  const [high, low] = parts.map(Number);
  if (low === undefined) return high! <= 0xffffffff ? high! : { reason };
  return high! <= 0xffff && low <= 0xffff ? high! * 65536 + low : { reason };
}

/** Reads the text of a port: a number, `min:max` (kept as text) or a name; upstream's reason when it is none. */
export function parsePort(text: string): number | string | { readonly reason: string } {
  if (/^\d+$/.test(text)) {
    const number = Number(text);
    return number <= 65535 ? number : { reason: `invalid port range (${text})` };
  }
  const range = /^(\d+):(\d+)$/.exec(text);
  if (range) {
    const [first, last] = [Number(range[1]), Number(range[2])];
    if (first > 65535 || last > 65535) return { reason: `invalid port range (${text})` };
    if (first > last) {
      const reason = `minimum port number (${first}) is greater than maximum port number (${last}) in port range`;
      return { reason };
    }
    return first === last ? first : `${first}:${last}`;
  }
  return /^[a-zA-Z0-9_.-]{1,128}$/.test(text) ? text : { reason: `invalid name for named port (${text})` };
}

/** The numbers of a decoded port; `undefined` for a named one. */
export function portSpan(port: number | string): PortSpan | undefined {
  if (typeof port === 'number') return { first: port, last: port };
  const range = /^(\d+):(\d+)$/.exec(port);
  return range ? { first: Number(range[1]), last: Number(range[2]) } : undefined;
}

/** Whether a decoded protocol has ports. */
export function protocolSupportsPorts(protocol: number | string): boolean {
  return typeof protocol === 'number'
    ? [6, 17, 132].includes(protocol)
    : ['tcp', 'udp', 'sctp'].includes(protocol.toLowerCase());
}

/** Nanoseconds of a Go duration such as `1h2m3.5s`; upstream's reason when it is none. */
export function parseGoDuration(text: string): number | { readonly reason: string } {
  if (text === '0' || text === '+0' || text === '-0') return 0;
  const match = /^([-+])?((?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/.exec(text);
  if (!match) {
    const quoted = JSON.stringify(text);
    const unitless = /^[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))*(?:\d+\.?\d*|\.\d+)$/.test(text);
    if (unitless) return { reason: `time: missing unit in duration ${quoted}` };
    const unit = /^[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))*(?:\d+\.?\d*|\.\d+)([^0-9.]+)/.exec(
      text,
    );
    if (unit) return { reason: `time: unknown unit ${JSON.stringify(unit[1])} in duration ${quoted}` };
    return { reason: `time: invalid duration ${quoted}` };
  }
  let total = 0;
  for (const [, amount, unit] of match[2]!.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g)) {
    total += Number(amount) * nanoseconds[unit!]!;
  }
  return match[1] === '-' ? -total : total;
}

/** Go's text of a duration in nanoseconds, as `time.Duration` prints it: `1m30s`, `500ms`. */
export function formatGoDuration(value: number): string {
  const sign = value < 0 ? '-' : '';
  const nanos = Math.abs(value);
  if (nanos === 0) return '0s';
  if (nanos < 1e3) return `${sign}${nanos}ns`;
  if (nanos < 1e6) return `${sign}${nanos / 1e3}µs`;
  if (nanos < 1e9) return `${sign}${nanos / 1e6}ms`;
  const hours = Math.floor(nanos / 3600e9);
  const minutes = Math.floor((nanos % 3600e9) / 60e9);
  const seconds = (nanos % 60e9) / 1e9;
  const tail = `${seconds}s`;
  if (hours > 0) return `${sign}${hours}h${minutes}m${tail}`;
  return minutes > 0 ? `${sign}${minutes}m${tail}` : sign + tail;
}

const nanoseconds: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};
