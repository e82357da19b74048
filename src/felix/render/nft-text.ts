/** Rules in the syntax of nftables. */
import { createHash } from 'node:crypto';
import {
  type Cidr,
  cidrCovers,
  compareCidrs,
  formatAddress,
  formatCidr,
  type IpVersion,
  lastAddress,
  parseCidr,
} from '../../ip/index.ts';
import type { IpSetKind, PortRange } from '../../policy/index.ts';
import type { Action, Match, Rule, Table } from './ast.ts';

/** A chain's body as it is written to the kernel. */
export interface NftBody {
  /** Rule texts without comments. */
  readonly lines: readonly string[];
  /** Comment per line: `cali:<digest of the whole body>.<line>`, by which a reader knows that the line is ours and untouched. */
  readonly comments: readonly string[];
}

const bodies = new WeakMap<readonly Rule[], Map<string, NftBody>>();

/** Renders a chain's rules. Chains that share a value of rules share the text. */
export function nftBody(rules: readonly Rule[], table: Table, version: IpVersion): NftBody {
  let known = bodies.get(rules);
  if (!known) {
    known = new Map();
    bodies.set(rules, known);
  }
  const key = `${table}${version}`;
  const existing = known.get(key);
  if (existing) return existing;
  const lines: string[] = [];
  const notes: (string | undefined)[] = [];
  for (const rule of rules) {
    for (const line of ruleLines(rule, table, version)) {
      lines.push(line);
      notes.push(rule.comment);
    }
  }
  const digest = createHash('sha1')
    .update(`${lines.join('\n')}\n${notes.join('\n')}`)
    .digest('base64url')
    .slice(0, 12);
  const comments = lines.map((_, i) => {
    const note = notes[i];
    const mark = `cali:${digest}.${i}`;
    return note === undefined ? mark : `${mark}; ${escapeComment(note)}`.slice(0, 120);
  });
  const body = { lines, comments };
  known.set(key, body);
  return body;
}

/** Comments are quoted and have no escapes; 128 bytes at most. */
function escapeComment(text: string): string {
  return text.replace(/[^\x20-\x7e]|["\\]/g, '_');
}

/** One rule may be several lines: nftables has no "or" between a port and a set. */
function ruleLines(rule: Rule, table: Table, version: IpVersion): readonly string[] {
  let alternatives: string[][] = [[]];
  for (const match of rule.match) {
    const options = optionsOf(match, version);
    alternatives = alternatives.flatMap((line) => options.map((option) => [...line, option]));
  }
  const actions = rule.actions.map((action) => actionText(action, table, version));
  return alternatives.map((line) => [...line, ...actions].join(' '));
}

function optionsOf(match: Match, version: IpVersion): readonly string[] {
  if (match.on === 'ports-or-sets') return portsOrSets(match, version);
  // Asking the status of a packet without a connection matches nothing, not even the negation: it would pass by.
  if (match.on === 'dnat' && match.not) return ['ct state invalid,untracked', matchText(match, version)];
  return [matchText(match, version)];
}

function portsOrSets(match: Extract<Match, { on: 'ports-or-sets' }>, version: IpVersion): readonly string[] {
  const options: string[] = [];
  const { side, ports } = match;
  if (ports.length > 0) options.push(matchText({ on: 'ports', side, ports }, version));
  for (const set of match.sets) options.push(matchText({ on: 'port-set', side, set }, version));
  return options;
}

function matchText(match: Match, version: IpVersion): string {
  const ip = version === 4 ? 'ip' : 'ip6';
  const no = 'not' in match && match.not ? '!= ' : '';
  switch (match.on) {
    case 'mark':
      return `meta mark & ${hex(match.mask)} == ${hex(match.value)}`;
    case 'ct-state':
      return `ct state ${match.states.join(',')}`;
    case 'protocol':
      return `meta l4proto ${no}${match.protocol}`;
    case 'nets':
      return `${ip} ${address(match.side)} ${no}${anonymousSet(outermost(match.nets))}`;
    case 'set':
      return `${ip} ${address(match.side)} ${no}@${match.set}`;
    case 'port-set':
      return `${ip} ${address(match.side)} . meta l4proto . th ${port(match.side)} ${no}@${match.set}`;
    case 'ports':
      return `th ${port(match.side)} ${no}${anonymousSet(mergeRanges(match.ports))}`;
    case 'ports-or-sets':
      return '';
    case 'icmp':
      return icmpText(match, version);
    case 'interface':
      return `${nameOf(match.direction)} ${no}"${match.name}"`;
    case 'local':
      return `fib ${address(match.side)}${match.ofOut ? ' . oif' : ''} type ${no}local`;
    case 'dnat':
      return `ct status & dnat ${match.not ? '== 0' : '== dnat'}`;
    case 'reverse-path-fails':
      return 'fib saddr . mark . iif oif missing';
    case 'rate':
      return `limit rate ${match.rate} burst ${match.burst} packets`;
  }
}

function icmpText(match: Extract<Match, { on: 'icmp' }>, version: IpVersion): string {
  const icmp = version === 4 ? 'icmp' : 'icmpv6';
  const { type, code, not } = match;
  if (code === undefined) return `${icmp} type ${not ? '!= ' : ''}${type}`;
  // Two negations would exclude each of them; what is meant excludes the pair.
  if (not) return `${icmp} type . ${icmp} code != { ${type} . ${code} }`;
  return `${icmp} type ${type} ${icmp} code ${code}`;
}

function actionText(action: Action, table: Table, version: IpVersion): string {
  switch (action.do) {
    case 'accept':
    case 'drop':
    case 'reject':
    case 'return':
    case 'notrack':
      return action.do;
    case 'jump':
    case 'goto':
      return `${action.do} ${table}-${action.chain}`;
    case 'dispatch':
      return `${nameOf(action.by)} vmap @${table}-${action.map}`;
    case 'log':
      return `log prefix "${action.prefix}" level info`;
    case 'set-mark':
      return `meta mark set meta mark | ${hex(action.bits)}`;
    case 'clear-mark':
      return `meta mark set meta mark & ${hex(0xffffffff - action.bits)}`;
    case 'masquerade':
      return `masquerade${action.ports ? ` to ${portMapping(action.ports)}` : ''} fully-random`;
    case 'snat':
      return `snat to ${natTarget(action.to, version)}${action.ports ? portMapping(action.ports) : ''} fully-random`;
    case 'dnat':
      return `dnat to ${action.to}`;
  }
}

function portMapping({ first, last }: PortRange): string {
  return `:${first}-${last}`;
}

function natTarget(to: string, version: IpVersion): string {
  return version === 6 ? `[${to}]` : to;
}

/** The interface by name: indexes change hands when interfaces come and go. */
function nameOf(direction: 'in' | 'out'): string {
  return direction === 'in' ? 'iifname' : 'oifname';
}

function address(side: 'source' | 'destination'): string {
  return side === 'source' ? 'saddr' : 'daddr';
}

function port(side: 'source' | 'destination'): string {
  return side === 'source' ? 'sport' : 'dport';
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`;
}

function anonymousSet(elements: readonly string[]): string {
  return elements.length === 1 ? elements[0]! : `{ ${elements.join(', ')} }`;
}

/** Anonymous sets refuse overlaps too. */
function outermost(nets: readonly string[]): readonly string[] {
  const sorted = nets.map(parseCidr).sort(compareCidrs);
  const kept: Cidr[] = [];
  for (const net of sorted) {
    const last = kept.at(-1);
    if (!last || !cidrCovers(last, net)) kept.push(net);
  }
  return kept.map(netText);
}

/** nft has no element for everything, and takes a range for it. */
function netText(net: Cidr): string {
  if (net.prefix > 0) return formatCidr(net);
  return `${formatAddress(net)}-${formatAddress(lastAddress(net))}`;
}

function mergeRanges(ports: readonly PortRange[]): readonly string[] {
  const sorted = [...ports].sort((a, b) => a.first - b.first);
  const merged: { first: number; last: number }[] = [];
  for (const range of sorted) {
    const last = merged.at(-1);
    if (last && range.first <= last.last + 1) last.last = Math.max(last.last, range.last);
    else merged.push({ ...range });
  }
  return merged.map(({ first, last }) => (first === last ? String(first) : `${first}-${last}`));
}

/** Definition of a named set's type. */
export function setType(kind: IpSetKind, version: IpVersion): string {
  const addressType = version === 4 ? 'ipv4_addr' : 'ipv6_addr';
  switch (kind) {
    case 'ip':
      return `type ${addressType};`;
    case 'net':
      return `type ${addressType}; flags interval;`;
    case 'ip-port':
      return `type ${addressType} . inet_proto . inet_service;`;
  }
}

/** A set member as an element: `10.0.0.1,tcp:80` is `10.0.0.1 . tcp . 80`. */
export function elementText(member: string): string {
  const comma = member.indexOf(',');
  if (comma < 0) return member;
  const [protocol = '', number = ''] = member.slice(comma + 1).split(':');
  return `${member.slice(0, comma)} . ${protocol === 'icmpv6' ? 'ipv6-icmp' : protocol} . ${number}`;
}
