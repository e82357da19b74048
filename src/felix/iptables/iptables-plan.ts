/** What to write so that a table is as wanted. */
import type { Table } from '../render/index.ts';
import { hashOf, type IptablesState } from './iptables-state.ts';

/** A table as it should be. */
export interface WantedTable {
  /** Our chains. */
  readonly chains: ReadonlyMap<string, readonly string[]>;
  /** Our rules in the kernel's chains: at the top (or bottom, when appended), and always at the bottom. */
  readonly hooks: ReadonlyMap<string, { readonly lead: readonly string[]; readonly tail: readonly string[] }>;
}

/** Names of what differed. */
export interface TableDrift {
  readonly missing: string[];
  readonly different: string[];
  readonly stray: string[];
}

/** Input of iptables-restore for a table; empty when nothing differs. */
export function planTable(
  table: Table,
  wanted: WantedTable,
  actual: IptablesState,
  append: boolean,
): { readonly input: readonly string[]; readonly drift: TableDrift } {
  const drift: TableDrift = { missing: [], different: [], stray: [] };
  const declare: string[] = [];
  const add: string[] = [];
  const remove: string[] = [];
  for (const [name, lines] of wanted.chains) {
    const have = actual.chains.get(name);
    if (have && have.length === lines.length && lines.every((line, i) => hashOf(line) === have[i])) continue;
    (have ? drift.different : drift.missing).push(`chain ${table} ${name}`);
    declare.push(`:${name} - [0:0]`);
    for (const line of lines) add.push(`-A ${name} ${line}`);
  }
  for (const [name, { lead, tail }] of wanted.hooks) {
    const have = actual.hooks.get(name) ?? [];
    if (hooked(have, lead, tail, append)) continue;
    drift.different.push(`chain ${table} ${name}`);
    // From the last one, as each deletion moves those behind it.
    for (let i = have.length; i > 0; i--) if (have[i - 1] !== '') add.push(`-D ${name} ${i}`);
    if (append) for (const line of lead) add.push(`-A ${name} ${line}`);
    else for (const line of [...lead].reverse()) add.push(`-I ${name} 1 ${line}`);
    for (const line of tail) add.push(`-A ${name} ${line}`);
  }
  for (const [name, have] of actual.hooks) {
    if (wanted.hooks.has(name)) continue;
    for (let i = have.length; i > 0; i--) {
      if (have[i - 1] === '') continue;
      drift.stray.push(`rule ${i} of chain ${table} ${name}`);
      add.push(`-D ${name} ${i}`);
    }
  }
  for (const name of actual.chains.keys()) {
    if (wanted.chains.has(name)) continue;
    drift.stray.push(`chain ${table} ${name}`);
    declare.push(`:${name} - [0:0]`);
    remove.push(`-X ${name}`);
  }
  const body = [...declare, ...add, ...remove];
  return { input: body.length === 0 ? [] : [`*${table}`, ...body, 'COMMIT'], drift };
}

/** Our rules stand where they belong, in order, and nowhere else. */
function hooked(
  have: readonly string[],
  lead: readonly string[],
  tail: readonly string[],
  append: boolean,
): boolean {
  const head = lead.map(hashOf);
  const end = tail.map(hashOf);
  const ours = have.filter((hash) => hash !== '');
  if (ours.length !== head.length + end.length) return false;
  const expected = append ? [...head, ...end] : end;
  const last = expected.length === 0 ? [] : have.slice(-expected.length);
  const first = append ? [] : have.slice(0, head.length);
  return last.every((hash, i) => hash === expected[i]) && first.every((hash, i) => hash === head[i]);
}
