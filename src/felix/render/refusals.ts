/**
 * What a kernel refuses is kept out of the rules, so that one rule or member stops none of the others.
 *
 * A refused rule of a policy or profile must not let through what it would have denied: an allowing or logging rule is
 * left out, a denying or passing one denies everything from there on. A refused rule of the fixed chains is left out.
 */
import type { IpVersion } from '../../ip/index.ts';
import type { RuleProblem } from '../dataplane.ts';
import { type Chain, chainKey, type Rule, type Table } from './ast.ts';
import type { RuleSettings } from './settings.ts';

/** Asks whether some items are taken, beside those that were taken before; the reason when they are not. */
export type Attempt<T> = (items: readonly T[], accepted: readonly T[]) => Promise<string | undefined>;

/** Questions per search: beyond them what is left counts as refused without being asked for one by one. */
const mostAttempts = 500;

/** Finds by halving which items are refused, and why. */
export async function findRefused<T>(
  items: readonly T[],
  attempt: Attempt<T>,
): Promise<ReadonlyMap<T, string>> {
  const refused = new Map<T, string>();
  const accepted: T[] = [];
  let left = mostAttempts;
  const visit = async (part: readonly T[]): Promise<void> => {
    if (part.length === 0) return;
    left--;
    const reason = await attempt(part, accepted);
    if (reason === undefined) accepted.push(...part);
    else if (part.length === 1 || left <= 0) for (const item of part) refused.set(item, reason);
    else {
      const middle = part.length >> 1;
      await visit(part.slice(0, middle));
      await visit(part.slice(middle));
    }
  };
  await visit(items);
  return refused;
}

/** What a trial found: by chain key the numbers of refused rules, by set the refused members. */
export interface Refused {
  readonly rules: ReadonlyMap<string, ReadonlyMap<number, string>>;
  readonly members: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

interface Quarantine {
  readonly subject: string;
  /** The rules as rendered: others get another chance. */
  readonly given: string;
  readonly rules: readonly Rule[];
  readonly reasons: readonly string[];
}

/** The chains of a host that the kernel does not take as they are. */
export class ChainRefusals {
  readonly #settings: RuleSettings;
  readonly #chains = new Map<string, Quarantine>();

  constructor(settings: RuleSettings) {
    this.#settings = settings;
  }

  /** The chain without what was refused of it. */
  accepted(version: IpVersion, chain: Chain): Chain {
    if (this.#chains.size === 0) return chain;
    const key = keyOf(version, chain);
    const known = this.#chains.get(key);
    if (!known) return chain;
    if (known.given === JSON.stringify(chain.rules)) return { ...chain, rules: known.rules };
    this.#chains.delete(key);
    return chain;
  }

  /** Notes refused rules of a chain, and returns the chain to be used instead. */
  add(version: IpVersion, chain: Chain, subject: string, refused: ReadonlyMap<number, string>): Chain {
    const ofUser = subject.startsWith('policy ') || subject.startsWith('profile ');
    const harmless = ({ actions: [first] }: Rule): boolean =>
      first?.do === 'log' || (first?.do === 'set-mark' && first.bits === this.#settings.marks.accept);
    const rules = chain.rules.flatMap((rule, i): readonly Rule[] => {
      if (!refused.has(i)) return [rule];
      return ofUser && !harmless(rule) ? denyAll(chain.table, this.#settings) : [];
    });
    const reasons = [...refused].map(([i, reason]) => `rule ${i + 1} of chain ${chain.name}: ${reason}`);
    this.#chains.set(keyOf(version, chain), { subject, given: JSON.stringify(chain.rules), rules, reasons });
    return { ...chain, rules };
  }

  /** A chain that is gone has no problem. */
  forget(version: IpVersion, key: string): void {
    this.#chains.delete(`${version} ${key}`);
  }

  *problems(): Generator<RuleProblem> {
    for (const { subject, reasons } of this.#chains.values())
      for (const reason of reasons) yield { subject, reason };
  }
}

/** What stands where a rule that denies or passes cannot. */
export function denyAll(table: Table, settings: RuleSettings): readonly Rule[] {
  const action = { do: table === 'filter' ? settings.filterDeny : 'drop' } as const;
  return [{ match: [], actions: [action], comment: 'a rule that cannot be programmed' }];
}

function keyOf(version: IpVersion, chain: Chain): string {
  return `${version} ${chainKey(chain.table, chain.name)}`;
}
