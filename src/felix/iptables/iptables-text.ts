/** Rules in the syntax of iptables-restore. What one line cannot say becomes lines that work with scratch marks. */
import { createHash } from 'node:crypto';
import type { IpVersion } from '../../ip/index.ts';
import type { PortRange } from '../../policy/index.ts';
import type { Action, Match, Rule, RuleSettings } from '../render/index.ts';

/** What the text depends on. */
export interface IptablesContext {
  readonly version: IpVersion;
  readonly settings: RuleSettings;
}

/** A chain as restore takes it: rule texts without `-A CHAIN`, each with its hash as a comment. */
export function hashedLines(chain: string, lines: readonly string[]): readonly string[] {
  // Each hash covers all rules before it: equal lists of hashes are equal chains.
  let hash = createHash('sha224').update(chain).digest();
  return lines.map((line) => {
    hash = createHash('sha224').update(hash).update(line).digest();
    return `-m comment --comment "cali:${hash.toString('base64url').slice(0, 16)}" ${line}`;
  });
}

/** Lines of a rule, without comments. Dispatches are the chain renderer's. */
export function ruleLines(rule: Rule, context: IptablesContext): readonly string[] {
  // A line has one -s and one -d: a second list of nets for a side goes to the scratch marks.
  const first = (['source', 'destination'] as const).map((side) =>
    rule.match.find((match) => match.on === 'nets' && match.side === side && match.nets.length === 1),
  );
  const isHard = (match: Match) => isComplex(match) || (match.on === 'nets' && !first.includes(match));
  const complex = rule.match.filter(isHard);
  const simple = rule.match.filter((match) => !isHard(match));
  const note = rule.comment === undefined ? '' : `-m comment --comment "${noteText(rule.comment)}" `;
  const actions = rule.actions.map((action) => actionText(action));
  if (complex.length === 0) {
    const text = matchesText(simple, context);
    return actions.map((action) => `${note}${text}${action}`);
  }
  const { lines, condition } = scratchLines(complex, simple, context);
  const text = matchesText([...simple, condition], context);
  return [...lines, ...actions.map((action) => `${note}${text}${action}`)];
}

/** More than one alternative, or more than one thing to exclude: no single line can hold it. */
function isComplex(match: Match): boolean {
  switch (match.on) {
    case 'nets':
      return match.nets.length > 1;
    case 'ports':
      return slots(match.ports) > 15;
    case 'ports-or-sets':
      return match.sets.length + chunks(match.ports).length > 1;
    default:
      return false;
  }
}

/** Sets scratch0 where all the matches hold. */
function scratchLines(
  complex: readonly Match[],
  simple: readonly Match[],
  context: IptablesContext,
): { readonly lines: readonly string[]; readonly condition: Match } {
  const { scratch0, scratch1 } = context.settings.marks;
  const protocol = simple.filter((match) => match.on === 'protocol' && !match.not);
  const line = (matches: readonly Match[], action: Action): string =>
    `${matchesText([...protocol, ...matches], context)}${actionText(action)}`;
  const isSet = (bit: number): Match => ({ on: 'mark', mask: bit, value: bit });
  const isClear = (bit: number): Match => ({ on: 'mark', mask: bit, value: 0 });
  const positive = complex.filter((match) => !isNegated(match));
  const negative = complex.filter(isNegated);
  const lines: string[] = [
    matchesText([], context) + actionText({ do: 'clear-mark', bits: scratch0 + scratch1 }),
  ];
  if (positive.length === 0) lines.push(actionText({ do: 'set-mark', bits: scratch0 }));
  positive.forEach((match, i) => {
    const bit = i === 0 ? scratch0 : scratch1;
    for (const option of optionsOf(match)) lines.push(line([option], { do: 'set-mark', bits: bit }));
    if (i === 0) return;
    lines.push(line([isClear(scratch1)], { do: 'clear-mark', bits: scratch0 }));
    lines.push(line([], { do: 'clear-mark', bits: scratch1 }));
  });
  for (const match of negative) {
    for (const option of optionsOf(match)) lines.push(line([option], { do: 'clear-mark', bits: scratch0 }));
  }
  return { lines, condition: isSet(scratch0) };
}

function isNegated(match: Match): boolean {
  return 'not' in match && match.not === true;
}

/** The alternatives of a complex match, each of which a line can hold, without its negation. */
function optionsOf(match: Match): readonly Match[] {
  switch (match.on) {
    case 'nets':
      return match.nets.map((net) => ({ on: 'nets', side: match.side, nets: [net] }));
    case 'ports':
      return chunks(match.ports).map((ports) => ({ on: 'ports', side: match.side, ports }));
    case 'ports-or-sets':
      return [
        ...chunks(match.ports).map((ports): Match => ({ on: 'ports', side: match.side, ports })),
        ...match.sets.map((set): Match => ({ on: 'port-set', side: match.side, set })),
      ];
    default:
      return [match];
  }
}

/** multiport has 15 slots; a range takes two. */
function slots(ports: readonly PortRange[]): number {
  return ports.reduce((sum, { first, last }) => sum + (first === last ? 1 : 2), 0);
}

function chunks(ports: readonly PortRange[]): readonly (readonly PortRange[])[] {
  const result: PortRange[][] = [];
  for (const port of ports) {
    const last = result.at(-1);
    if (last && slots([...last, port]) <= 15) last.push(port);
    else result.push([port]);
  }
  return result;
}

function matchesText(matches: readonly Match[], context: IptablesContext): string {
  // The protocol must stand before what it gives a meaning to.
  const sorted = [...matches].sort((a, b) => Number(b.on === 'protocol') - Number(a.on === 'protocol'));
  return sorted.map((match) => `${matchText(match, context)} `).join('');
}

function matchText(match: Match, { version }: IptablesContext): string {
  const no = isNegated(match) ? '! ' : '';
  switch (match.on) {
    case 'mark':
      return `-m mark --mark ${hex(match.value)}/${hex(match.mask)}`;
    case 'ct-state':
      return `-m conntrack --ctstate ${match.states.join(',').toUpperCase()}`;
    case 'protocol':
      return `${no}-p ${match.protocol}`;
    case 'nets':
      return `${no}${match.side === 'source' ? '-s' : '-d'} ${match.nets[0]}`;
    case 'set':
      return `-m set ${no}--match-set ${match.set} ${match.side === 'source' ? 'src' : 'dst'}`;
    case 'port-set':
      return `-m set ${no}--match-set ${match.set} ${match.side === 'source' ? 'src,src' : 'dst,dst'}`;
    case 'ports': {
      const list = match.ports.map(({ first, last }) => (first === last ? first : `${first}:${last}`));
      return `-m multiport ${no}--${match.side === 'source' ? 'sports' : 'dports'} ${list.join(',')}`;
    }
    case 'ports-or-sets': {
      const [only] = optionsOf(match);
      return only ? matchText(only, { version } as IptablesContext) : '';
    }
    case 'icmp': {
      const kind = match.code === undefined ? String(match.type) : `${match.type}/${match.code}`;
      return version === 4 ? `-m icmp ${no}--icmp-type ${kind}` : `-m icmp6 ${no}--icmpv6-type ${kind}`;
    }
    case 'interface':
      return `${no}${match.direction === 'in' ? '-i' : '-o'} ${match.name.replace(/\*$/, '+')}`;
    case 'local':
      return `-m addrtype ${no}--${match.side === 'source' ? 'src' : 'dst'}-type LOCAL${match.ofOut ? ' --limit-iface-out' : ''}`;
    case 'dnat':
      return `-m conntrack ${no}--ctstate DNAT`;
    case 'reverse-path-fails':
      return '-m rpfilter --invert --validmark';
    case 'rate':
      return `-m limit --limit ${match.rate} --limit-burst ${match.burst}`;
  }
}

function actionText(action: Action): string {
  switch (action.do) {
    case 'accept':
    case 'drop':
    case 'reject':
    case 'return':
      return `-j ${action.do.toUpperCase()}`;
    case 'notrack':
      return '-j CT --notrack';
    case 'jump':
      return `-j ${action.chain}`;
    case 'goto':
      return `-g ${action.chain}`;
    case 'dispatch':
      return '';
    case 'log':
      return `-j LOG --log-prefix "${action.prefix.slice(0, 29)}" --log-level 5`;
    case 'set-mark':
      return `-j MARK --set-xmark ${hex(action.bits)}/${hex(action.bits)}`;
    case 'clear-mark':
      return `-j MARK --set-xmark 0x0/${hex(action.bits)}`;
    case 'masquerade':
      return `-j MASQUERADE${action.ports ? ` --to-ports ${action.ports.first}-${action.ports.last}` : ''} --random-fully`;
    case 'snat':
      return `-j SNAT --to-source ${action.to}${action.ports ? `:${action.ports.first}-${action.ports.last}` : ''} --random-fully`;
    case 'dnat':
      return `-j DNAT --to-destination ${action.to}`;
  }
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

function noteText(text: string): string {
  return text.replace(/[^\x20-\x7e]|["\\]/g, '_').slice(0, 200);
}
