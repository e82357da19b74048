/** Rules, shared by policies and profiles. Pure. Upstream: lib/upgrade/converters/rules.go. */

import { formatCidr } from '../ip/index.ts';
import { DecodeError, type Decoder, flag, integer, list, members, number, text, textMap } from './decode.ts';
import { goCidr } from './go-net.ts';

const cidr: Decoder<string> = (value, where) => {
  const source = text(value, where);
  // An empty text stands for "no net" and is dropped later.
  if (source === '') return source;
  const parsed = source.includes('/') || source.length > 0 ? goCidr(source) : undefined;
  if (!parsed) throw new DecodeError(`${where}: ${JSON.stringify(source)} is not a CIDR`);
  return formatCidr(parsed);
};

/** A protocol: name as given, or number. */
const protocol: Decoder<string | number> = (value, where) =>
  typeof value === 'string' && !/^\d+$/.test(value) ? value : integer(0, 255)(Number(value), where);

/** A port, a `min:max` range, or the name of a named port. */
const port: Decoder<string | number> = (value, where) => {
  if (typeof value === 'number') return integer(0, 65535)(value, where);
  const source = text(value, where);
  if (/^\d+$/.test(source)) return integer(0, 65535)(Number(source), where);
  const range = /^(\d+):(\d+)$/.exec(source);
  if (range) {
    const first = integer(0, 65535)(Number(range[1]), where);
    const last = integer(0, 65535)(Number(range[2]), where);
    if (first > last) throw new DecodeError(`${where}: the range ${source} runs backwards`);
    return first === last ? first : source;
  }
  if (!/^[a-zA-Z0-9_.-]{1,128}$/.test(source))
    throw new DecodeError(`${where}: ${JSON.stringify(source)} is not a port`);
  return source;
};

const decodeRule = members({
  action: text,
  ip_version: integer(-0x80000000, 0x7fffffff),
  protocol,
  '!protocol': protocol,
  icmp_type: integer(-0x80000000, 0x7fffffff),
  icmp_code: integer(-0x80000000, 0x7fffffff),
  '!icmp_type': integer(-0x80000000, 0x7fffffff),
  '!icmp_code': integer(-0x80000000, 0x7fffffff),
  ...sideDecoders('src'),
  ...sideDecoders('dst'),
});

/** A v1 rule. */
export type V1Rule = ReturnType<typeof decodeRule>;

/** The document of a policy. */
export const decodePolicy = members({
  order: number,
  inbound_rules: list(decodeRule),
  outbound_rules: list(decodeRule),
  selector: text,
  untracked: flag,
  pre_dnat: flag,
  apply_on_forward: flag,
  types: list(text),
  annotations: textMap,
});

/** The document of a profile's rules. */
export const decodeProfileRules = members({
  inbound_rules: list(decodeRule),
  outbound_rules: list(decodeRule),
});

/** A v3 rule, as it is stored. */
export type V3Rule = Readonly<Record<string, unknown>>;

/** Converts a list of rules; a `null` rule allows. @throws DecodeError for a `null` among the nets */
export function convertRules(
  rules: readonly (V1Rule | undefined)[] | undefined,
): readonly V3Rule[] | undefined {
  return rules && rules.length > 0 ? rules.map((rule) => convertRule(rule ?? {})) : undefined;
}

/** The namespace label has a new name wherever it stands in a selector. */
export function convertSelector(selector: string | undefined): string {
  return (selector ?? '').replaceAll('calico/k8s_ns', 'projectcalico.org/namespace');
}

function convertRule(rule: V1Rule): V3Rule {
  return defined({
    action: convertAction(rule.action ?? ''),
    ipVersion: rule.ip_version,
    protocol: convertProtocol(rule.protocol),
    notProtocol: convertProtocol(rule['!protocol']),
    icmp: icmp(rule.icmp_type, rule.icmp_code),
    notICMP: icmp(rule['!icmp_type'], rule['!icmp_code']),
    source: convertSide(rule, 'src'),
    destination: convertSide(rule, 'dst'),
  });
}

function convertAction(action: string): string {
  if (action === '') return 'Allow';
  if (action === 'next-tier') return 'Pass';
  const known = { allow: 'Allow', deny: 'Deny', log: 'Log', pass: 'Pass' } as const;
  return known[action.toLowerCase() as keyof typeof known] ?? action;
}

/** Protocol names in their v3 spelling; other text and numbers are kept. */
export function convertProtocol(value: string | number | undefined): string | number | undefined {
  if (typeof value !== 'string') return value;
  const known = ['TCP', 'UDP', 'ICMP', 'ICMPv6', 'SCTP', 'UDPLite'];
  return known.find((name) => name.toLowerCase() === value.toLowerCase()) ?? value;
}

function icmp(type: number | undefined, code: number | undefined): unknown {
  return type === undefined && code === undefined ? undefined : defined({ type, code });
}

function convertSide(rule: V1Rule, side: 'src' | 'dst'): V3Rule {
  return defined({
    nets: nets(rule[`${side}_nets`], rule[`${side}_net`]),
    notNets: nets(rule[`!${side}_nets`], rule[`!${side}_net`]),
    selector: joinTag(convertSelector(rule[`${side}_selector`]), rule[`${side}_tag`]),
    notSelector: joinTag(convertSelector(rule[`!${side}_selector`]), rule[`!${side}_tag`]),
    ports: ports(rule[`${side}_ports`]),
    notPorts: ports(rule[`!${side}_ports`]),
  });
}

/** A tag is a label with an empty value. */
function joinTag(selector: string, tag: string | undefined): string | undefined {
  if (tag === undefined || tag === '') return selector === '' ? undefined : selector;
  return selector === '' ? `${tag} == ''` : `(${selector}) && ${tag} == ''`;
}

/** The list in its order, then the single net last. */
function nets(
  many: readonly (string | undefined)[] | undefined,
  one: string | undefined,
): readonly string[] | undefined {
  const all = [...(many ?? []), ...(one === undefined ? [] : [one])];
  if (all.includes(undefined)) throw new DecodeError('a list of nets holds null');
  const real = all.filter((net): net is string => net !== undefined && net !== '');
  return real.length > 0 ? real : undefined;
}

function ports(
  many: readonly (string | number | undefined)[] | undefined,
): readonly (string | number)[] | undefined {
  if (!many || many.length === 0) return undefined;
  return many.map((one) => one ?? 0);
}

/** An object without its `undefined` members. */
export function defined(source: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(source).filter(([, value]) => value !== undefined));
}

function sideDecoders<S extends 'src' | 'dst'>(side: S) {
  const one = { tag: text, net: cidr, nets: list(cidr), selector: text, ports: list(port) } as const;
  type Names = keyof typeof one;
  type Decoders = { readonly [N in Names as `${S}_${N}` | `!${S}_${N}`]: (typeof one)[N] };
  return Object.fromEntries(
    Object.entries(one).flatMap(([name, decoder]) => [
      [`${side}_${name}`, decoder],
      [`!${side}_${name}`, decoder],
    ]),
  ) as unknown as Decoders;
}
