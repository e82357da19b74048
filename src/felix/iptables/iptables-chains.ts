/** Chains of the rule model as chains of iptables: dispatch maps become trees of gotos. */
import type { IpVersion } from '../../ip/index.ts';
import {
  type Chain,
  chainKey,
  type HostRules,
  type Rule,
  type RuleSettings,
  type Table,
} from '../render/index.ts';
import { hashedLines, ruleLines } from './iptables-text.ts';

/** A chain of a table: its lines, hashes included. */
export interface IptablesChain {
  readonly table: Table;
  readonly name: string;
  readonly lines: readonly string[];
}

/** Renders a chain with the child chains that its dispatch needs. */
export function iptablesChains(
  chain: Chain,
  rules: HostRules,
  version: IpVersion,
  settings: RuleSettings,
): readonly IptablesChain[] {
  const context = { version, settings };
  const at = chain.rules.findIndex(({ actions }) => actions[0]?.do === 'dispatch');
  const linesOf = (list: readonly Rule[]) => list.flatMap((rule) => ruleLines(rule, context));
  if (at < 0) return [finished(chain.table, chain.name, linesOf(chain.rules))];
  const dispatch = chain.rules[at]!.actions[0]!;
  if (dispatch.do !== 'dispatch') return [];
  const entries = rules.maps(version).get(chainKey(chain.table, dispatch.map)) ?? new Map<string, string>();
  const flag = dispatch.by === 'in' ? '-i' : '-o';
  const after = linesOf(chain.rules.slice(at + 1));
  const children: IptablesChain[] = [];
  const gotos: string[] = [];
  for (const [prefix, names] of byNextCharacter([...entries.keys()].sort())) {
    if (names.length === 1) gotos.push(`${flag} ${names[0]} -g ${entries.get(names[0]!)}`);
    else {
      const child = `${chain.name}-${prefix.at(-1)}`;
      gotos.push(`${flag} ${prefix}+ -g ${child}`);
      // What follows the dispatch stands in the child too: a goto does not come back.
      const own = names.map((name) => `${flag} ${name} -g ${entries.get(name)}`);
      children.push(finished(chain.table, child, [...own, ...after]));
    }
  }
  const lines = [...linesOf(chain.rules.slice(0, at)), ...gotos, ...after];
  return [...children, finished(chain.table, chain.name, lines)];
}

function finished(table: Table, name: string, lines: readonly string[]): IptablesChain {
  return { table, name, lines: hashedLines(name, lines) };
}

/** Groups names by the character after their common prefix; the key is that prefix and the character. */
function byNextCharacter(names: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const groups = new Map<string, string[]>();
  const first = names[0] ?? '';
  const last = names.at(-1) ?? '';
  let common = 0;
  while (common < first.length && first[common] === last[common]) common++;
  for (const name of names) {
    // A name that is the prefix itself can only stand alone.
    const key = name.length === common ? `${name} ` : name.slice(0, common + 1);
    const group = groups.get(key);
    if (group) group.push(name);
    else groups.set(key, [name]);
  }
  return groups;
}
