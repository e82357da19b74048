/** Rules of policies and profiles as chain rules. Upstream source: felix/rules/policy.go. */
import type { IpVersion } from '../../ip/index.ts';
import {
  type ProgramRule,
  protocolNumber,
  type RuleProtocol,
  type RuleSide,
  ruleForFamily,
} from '../../policy/index.ts';
import type { Action, Match, Rule, Side } from './ast.ts';
import { setName } from './names.ts';
import type { RuleSettings } from './settings.ts';

/** Where the rules stand: what allow and deny mean differs. */
export interface PolicyContext {
  readonly settings: RuleSettings;
  readonly version: IpVersion;
  /** Deny is the configured action in the filter table alone: the kernel rejects nowhere else. */
  readonly table: 'raw' | 'mangle' | 'filter';
  /** For log prefixes and comments. */
  readonly owner: {
    readonly tier: string;
    readonly kind: string;
    readonly name: string;
    readonly namespace?: string;
  };
}

/** The chain of a list of rules. */
export function policyRules(rules: readonly ProgramRule[], context: PolicyContext): readonly Rule[] {
  return rules.flatMap((rule) => {
    const mine = ruleForFamily(rule, context.version);
    if (!mine || (mine.protocol !== undefined && sameProtocol(mine.protocol, mine.notProtocol))) return [];
    return ruleOf(mine, context);
  });
}

function sameProtocol(a: RuleProtocol, b: RuleProtocol | undefined): boolean {
  return b !== undefined && protocolNumber(a) === protocolNumber(b);
}

/** What denies in a table. */
export function denyAction(settings: RuleSettings, table: PolicyContext['table']): Action {
  return { do: table === 'filter' ? settings.filterDeny : 'drop' };
}

function ruleOf(rule: ProgramRule, context: PolicyContext): readonly Rule[] {
  const { settings } = context;
  const match = matchesOf(rule, context);
  const { marks } = settings;
  const comment = commentOf(rule);
  const one = (actions: readonly Action[], extra: readonly Match[] = []): readonly Rule[] => [
    { match: [...match, ...extra], actions, ...(comment === undefined ? {} : { comment }) },
  ];
  switch (rule.action) {
    case 'allow':
      return one([{ do: 'set-mark', bits: marks.accept }, { do: 'return' }]);
    case 'pass':
      return one([{ do: 'set-mark', bits: marks.pass }, { do: 'return' }]);
    case 'deny':
      return one([denyAction(settings, context.table)]);
    case 'log':
      return one(
        [{ do: 'log', prefix: logPrefix(context) }],
        settings.logRate === undefined
          ? []
          : [{ on: 'rate', rate: settings.logRate, burst: settings.logBurst }],
      );
  }
}

function matchesOf(rule: ProgramRule, { version, settings }: PolicyContext): readonly Match[] {
  const matches: Match[] = [];
  const number = rule.protocol === undefined ? undefined : protocolNumber(rule.protocol);
  if (number !== undefined) matches.push({ on: 'protocol', protocol: number });
  // Beside a protocol, excluding another one says nothing.
  const excluded = number === undefined ? rule.notProtocol : undefined;
  const notNumber = excluded === undefined ? undefined : protocolNumber(excluded);
  if (notNumber !== undefined) matches.push({ on: 'protocol', protocol: notNumber, not: true });
  const nameOf = (id: string): string => setName(id, version, settings.dataplane);
  matches.push(...sideMatches(rule.source, 'source', nameOf));
  matches.push(...sideMatches(rule.destination, 'destination', nameOf));
  if (rule.icmp) matches.push({ on: 'icmp', ...rule.icmp });
  if (rule.notIcmp) matches.push({ on: 'icmp', ...rule.notIcmp, not: true });
  return matches;
}

function sideMatches(entity: RuleSide, side: Side, nameOf: (id: string) => string): readonly Match[] {
  const matches: Match[] = [];
  if (entity.nets.length > 0) matches.push({ on: 'nets', side, nets: entity.nets });
  if (entity.notNets.length > 0) matches.push({ on: 'nets', side, nets: entity.notNets, not: true });
  for (const id of entity.sets) matches.push({ on: 'set', side, set: nameOf(id) });
  for (const id of entity.notSets) matches.push({ on: 'set', side, set: nameOf(id), not: true });
  if (entity.namedPortSets.length > 0) {
    matches.push({ on: 'ports-or-sets', side, ports: entity.ports, sets: entity.namedPortSets.map(nameOf) });
  } else if (entity.ports.length > 0) {
    matches.push({ on: 'ports', side, ports: entity.ports });
  }
  if (entity.notPorts.length > 0) matches.push({ on: 'ports', side, ports: entity.notPorts, not: true });
  for (const id of entity.notNamedPortSets)
    matches.push({ on: 'port-set', side, set: nameOf(id), not: true });
  for (const id of entity.portSets) matches.push({ on: 'port-set', side, set: nameOf(id) });
  return matches;
}

/** `%t` tier, `%k` kind, `%n` name, `%p` namespace and name. The kernel keeps 127 bytes of a prefix. */
function logPrefix({ settings, owner }: PolicyContext): string {
  const words: Readonly<Record<string, string>> = {
    t: owner.tier,
    k: owner.kind,
    n: owner.name,
    p: owner.namespace === undefined ? owner.name : `${owner.namespace}/${owner.name}`,
  };
  const text = settings.logPrefix.replace(/%([tknp])/g, (_, word: string) => words[word] ?? '');
  return `${text.replace(/[^\x20-\x7e]|["\\]/g, '_').slice(0, 120)}: `;
}

function commentOf(rule: ProgramRule): string | undefined {
  const annotations = Object.entries(rule.origin.annotations ?? {});
  if (annotations.length === 0) return undefined;
  return annotations
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${value}`)
    .join(', ');
}
