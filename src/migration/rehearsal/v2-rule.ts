/** A rule of the v1 data model, and what it matches. Pure. Upstream: libcalico-go 2.x: lib/backend/model/rule.go. */
import { cidrContains, parseAddress, tryParseCidr } from '../../ip/index.ts';
import { type Packet, protocolNumber } from '../../policy/index.ts';
import { matchesLabels, type Selector, tryParseSelector } from '../../selector/index.ts';
import type { V2Endpoint } from './v2-network.ts';

type PortText = number | string;

/** Members of one side, each also with `!` before it. */
interface Side {
  readonly net?: string;
  readonly nets?: readonly string[];
  readonly tag?: string;
  readonly selector?: string;
  readonly ports?: readonly PortText[];
}

/** As stored; every member may be missing. */
export type V2Rule = {
  readonly action?: string;
  readonly ip_version?: number;
  readonly protocol?: string | number;
  readonly '!protocol'?: string | number;
  readonly icmp_type?: number;
  readonly icmp_code?: number;
  readonly '!icmp_type'?: number;
  readonly '!icmp_code'?: number;
} & Readonly<Record<string, unknown>>;

type Finder = (address: string) => readonly V2Endpoint[];

/** The four sides of a rule. */
export function sidesOf(
  rule: V2Rule,
): readonly { readonly end: 'src' | 'dst'; readonly negated: boolean; readonly side: Side }[] {
  return (['src', 'dst'] as const).flatMap((end) =>
    [false, true].map((negated) => {
      const member = (name: string) => rule[`${negated ? '!' : ''}${end}_${name}`] ?? undefined;
      const side = Object.fromEntries(
        ['net', 'nets', 'tag', 'selector', 'ports'].flatMap((name) => {
          const value = member(name);
          return value === undefined || value === '' ? [] : [[name, value]];
        }),
      );
      return { end, negated, side };
    }),
  );
}

/** Nets of a side: the list and the single one. */
export function netsOf(side: Side): readonly string[] {
  return [...(side.nets ?? []), ...(side.net ? [side.net] : [])];
}

/** Whether every condition holds. */
export function v2RuleMatches(rule: V2Rule, packet: Packet, at: Finder): boolean {
  if (rule.ip_version && rule.ip_version !== packet.version) return false;
  const is = (protocol: string | number) => protocolNumber(protocol) === packet.protocol;
  if (rule.protocol != null && rule.protocol !== '' && !is(rule.protocol)) return false;
  if (rule['!protocol'] != null && rule['!protocol'] !== '' && is(rule['!protocol'])) return false;
  const icmp = (type: number | undefined, code: number | undefined) =>
    (type == null || packet.icmpType === type) && (code == null || packet.icmpCode === code);
  if (!icmp(rule.icmp_type, rule.icmp_code)) return false;
  const excludes = rule['!icmp_type'] != null || rule['!icmp_code'] != null;
  if (excludes && icmp(rule['!icmp_type'], rule['!icmp_code'])) return false;
  return sidesOf(rule).every(({ end, negated, side }) => sideMatches(side, end, negated, packet, at));
}

function sideMatches(side: Side, end: 'src' | 'dst', negated: boolean, packet: Packet, at: Finder): boolean {
  const text = end === 'src' ? packet.source : packet.destination;
  const port = end === 'src' ? packet.sourcePort : packet.destinationPort;
  const address = parseAddress(text);
  const endpoints = at(text);
  const conditions: boolean[] = [];
  const nets = netsOf(side);
  if (nets.length > 0) {
    // Nets of the other family say nothing to this packet: without any of its own the rule is not for it.
    conditions.push(
      nets.some((net) => {
        const cidr = tryParseCidr(net);
        return cidr !== undefined && cidrContains(cidr, address);
      }),
    );
  }
  if (side.tag !== undefined) conditions.push(endpoints.some(({ tags }) => tags.has(side.tag!)));
  if (side.selector !== undefined) {
    const selector = parsed(side.selector);
    conditions.push(
      selector !== undefined && endpoints.some(({ labels }) => matchesLabels(selector, labels)),
    );
  }
  if (side.ports?.length)
    conditions.push(side.ports.some((one) => portMatches(one, port, packet, endpoints)));
  return negated ? !conditions.some(Boolean) : conditions.every(Boolean);
}

const selectors = new Map<string, Selector | undefined>();

/** Parsed once: every pair of endpoints asks for it. */
function parsed(text: string): Selector | undefined {
  if (!selectors.has(text)) {
    const selector = tryParseSelector(text);
    selectors.set(text, 'op' in selector ? selector : undefined);
  }
  return selectors.get(text);
}

function portMatches(
  wanted: PortText,
  port: number | undefined,
  { protocol }: Packet,
  endpoints: readonly V2Endpoint[],
): boolean {
  if (port === undefined) return false;
  const range = /^(\d+)(?::(\d+))?$/.exec(String(wanted));
  if (range) return port >= Number(range[1]) && port <= Number(range[2] ?? range[1]);
  return endpoints.some(({ ports }) =>
    ports.some(
      (one) => one.name === wanted && one.port === port && protocolNumber(one.protocol ?? '') === protocol,
    ),
  );
}
