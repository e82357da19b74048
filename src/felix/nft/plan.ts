/**
 * Commands that bring a table from one state to another, in one transaction.
 *
 * The order is what the kernel needs: what is referred to comes before what refers to it, and goes after it; members
 * leave an interval set before others come, as overlaps are refused at any moment of the transaction.
 */
import type { IpVersion } from '../../ip/index.ts';
import type { DriftReport } from '../dataplane.ts';
import { elementText, type HostRules, nftBody, type RuleDelta, setType } from '../render/index.ts';
import { baseChainSpec, baseChains } from './base-chains.ts';
import { hookKey, type TableState } from './table-state.ts';

/** `ip calico` or `ip6 calico`. */
export function tableOf(version: IpVersion): string {
  return version === 4 ? 'ip calico' : 'ip6 calico';
}

const elementsPerCommand = 500;

/** Collects commands by the stage in which they must run. */
class Transaction {
  readonly #table: string;
  readonly #stages: readonly string[][] = [[], [], [], [], [], []];

  constructor(version: IpVersion) {
    this.#table = tableOf(version);
  }

  /** Sets and maps, then chains, then rules, then entries that refer to chains. */
  declareSet(name: string, type: string): void {
    this.#stages[0]!.push(`add set ${this.#table} ${name} { ${type} }`);
  }

  declareMap(name: string): void {
    this.#stages[0]!.push(`add map ${this.#table} ${name} { type ifname : verdict; }`);
  }

  declareChain(name: string, spec = ''): void {
    this.#stages[1]!.push(`add chain ${this.#table} ${name}${spec === '' ? '' : ` ${spec}`}`);
  }

  flushChain(name: string): void {
    this.#stages[2]!.push(`flush chain ${this.#table} ${name}`);
  }

  addRule(chain: string, line: string, comment: string): void {
    this.#stages[3]!.push(`add rule ${this.#table} ${chain} ${line} comment "${comment}"`);
  }

  removeElements(name: string, elements: readonly string[]): void {
    this.#elements(3, 'delete', name, elements);
  }

  addElements(name: string, elements: readonly string[]): void {
    this.#elements(4, 'add', name, elements);
  }

  deleteChain(name: string): void {
    this.#stages[5]!.push(`delete chain ${this.#table} ${name}`);
  }

  deleteSet(kind: 'set' | 'map', name: string): void {
    this.#stages[5]!.push(`delete ${kind} ${this.#table} ${name}`);
  }

  get commands(): readonly string[] {
    return this.#stages.flat();
  }

  #elements(stage: number, verb: 'add' | 'delete', name: string, elements: readonly string[]): void {
    for (let at = 0; at < elements.length; at += elementsPerCommand) {
      const part = elements.slice(at, at + elementsPerCommand).join(', ');
      this.#stages[stage]!.push(`${verb} element ${this.#table} ${name} { ${part} }`);
    }
  }
}

function addBody(transaction: Transaction, rules: HostRules, version: IpVersion, key: string): void {
  const chain = rules.chain(version, key);
  if (!chain) return;
  const { lines, comments } = nftBody(chain.rules, chain.table, version);
  lines.forEach((line, i) => {
    transaction.addRule(key, line, comments[i]!);
  });
}

/** Entries of a verdict map as elements. The chain is in the table that the map's name begins with. */
function mapElements(map: string, entries: Iterable<readonly [string, string]>): readonly string[] {
  const table = map.slice(0, map.indexOf('-'));
  return [...entries].map(([name, chain]) => `"${name}" : goto ${table}-${chain}`);
}

/**
 * Commands for what changed, over a table that is as `programmed` says.
 *
 * @param programmed chains in the kernel, and entries of maps
 */
export function planDelta(
  rules: HostRules,
  version: IpVersion,
  delta: RuleDelta,
  programmed: {
    readonly chains: ReadonlySet<string>;
    readonly maps: ReadonlyMap<string, ReadonlyMap<string, string>>;
  },
): readonly string[] {
  const transaction = new Transaction(version);
  for (const [name, { kind, members }] of delta.sets) {
    transaction.declareSet(name, setType(kind, version));
    transaction.addElements(name, [...members].map(elementText));
  }
  for (const [name, { added, removed }] of delta.members) {
    transaction.removeElements(name, removed.map(elementText));
    transaction.addElements(name, added.map(elementText));
  }
  for (const [key, chain] of delta.chains) {
    if (!chain) {
      if (!programmed.chains.has(key)) continue;
      transaction.flushChain(key);
      transaction.deleteChain(key);
      continue;
    }
    if (programmed.chains.has(key)) transaction.flushChain(key);
    else transaction.declareChain(key);
    addBody(transaction, rules, version, key);
  }
  for (const [map, entries] of delta.maps) planMap(transaction, map, entries, programmed.maps.get(map));
  for (const name of delta.deletedSets) transaction.deleteSet('set', name);
  return transaction.commands;
}

function planMap(
  transaction: Transaction,
  map: string,
  wanted: ReadonlyMap<string, string>,
  have: ReadonlyMap<string, string> | undefined,
): void {
  if (!have) transaction.declareMap(map);
  const gone = [...(have ?? [])].filter(([name, chain]) => wanted.get(name) !== chain);
  const fresh = [...wanted].filter(([name, chain]) => have?.get(name) !== chain);
  transaction.removeElements(
    map,
    gone.map(([name]) => `"${name}"`),
  );
  transaction.addElements(map, mapElements(map, fresh));
}

/** Commands that make the table what the rules say, whatever it is, and what differed. */
export function planFull(
  rules: HostRules,
  version: IpVersion,
  actual: TableState,
): { readonly commands: readonly string[]; readonly drift: DriftReport } {
  const family = tableOf(version);
  const missing: string[] = [];
  const different: string[] = [];
  const stray: string[] = [];
  if (actual.exists && mustStartAnew(rules, version, actual)) {
    // A set or hook of another type cannot be changed; the kernel replaces the whole table in one step.
    const { commands } = planFull(rules, version, {
      ...actual,
      exists: false,
      chains: new Map(),
      sets: new Map(),
      maps: new Map(),
    });
    const drift = { missing: [], different: [`table ${family}`], stray: [] };
    return { commands: [`delete table ${family}`, ...commands], drift };
  }
  const transaction = new Transaction(version);
  const table = actual.exists ? [] : [`add table ${family}`];
  if (!actual.exists) missing.push(`table ${family}`);
  const named = (kind: string, name: string) => `${kind} ${family} ${name}`;

  for (const [name, { kind, members }] of rules.sets(version)) {
    const have = actual.sets.get(name);
    if (!have) {
      if (actual.exists) missing.push(named('set', name));
      transaction.declareSet(name, setType(kind, version));
    }
    const removed = [...(have?.members ?? [])].filter((member) => !members.has(member));
    const added = [...members].filter((member) => !have?.members.has(member));
    if (have && removed.length + added.length > 0) different.push(named('set', name));
    transaction.removeElements(name, removed.map(elementText));
    transaction.addElements(name, added.map(elementText));
  }
  for (const [name, base] of baseChains) {
    const have = actual.chains.get(name);
    if (!have) {
      if (actual.exists) missing.push(named('chain', name));
      transaction.declareChain(name, baseChainSpec(base));
    } else if (have.comments.length > 0 && !rules.chain(version, name)) {
      different.push(named('chain', name));
      transaction.flushChain(name);
    }
  }
  const wanted = new Set<string>(baseChains.keys());
  for (const [key, chain] of rules.chains(version)) {
    wanted.add(key);
    const have = actual.chains.get(key);
    const { comments } = nftBody(chain.rules, chain.table, version);
    if (have && have.comments.length === comments.length && have.comments.every((c, i) => c === comments[i]))
      continue;
    if (have) {
      different.push(named('chain', key));
      transaction.flushChain(key);
    } else if (!baseChains.has(key)) {
      if (actual.exists) missing.push(named('chain', key));
      transaction.declareChain(key);
    }
    addBody(transaction, rules, version, key);
  }
  const maps = rules.maps(version);
  for (const [map, entries] of maps) {
    const have = actual.maps.get(map);
    const table = map.slice(0, map.indexOf('-'));
    const targets = new Map([...entries].map(([name, chain]) => [name, `${table}-${chain}`]));
    if (!have) {
      if (actual.exists) missing.push(named('map', map));
      transaction.declareMap(map);
    }
    const gone = [...(have ?? [])].filter(([name, target]) => targets.get(name) !== target);
    const fresh = [...entries].filter(([name]) => have?.get(name) !== targets.get(name));
    if (have && gone.length + fresh.length > 0) different.push(named('map', map));
    transaction.removeElements(
      map,
      gone.map(([name]) => `"${name}"`),
    );
    transaction.addElements(map, mapElements(map, fresh));
  }
  for (const [name] of actual.chains) {
    if (wanted.has(name)) continue;
    stray.push(named('chain', name));
    transaction.flushChain(name);
    transaction.deleteChain(name);
  }
  for (const [name] of actual.maps) {
    if (maps.has(name)) continue;
    stray.push(named('map', name));
    transaction.deleteSet('map', name);
  }
  for (const [name] of actual.sets) {
    if (rules.sets(version).has(name)) continue;
    stray.push(named('set', name));
    transaction.deleteSet('set', name);
  }
  return { commands: [...table, ...transaction.commands], drift: { missing, different, stray } };
}

function mustStartAnew(rules: HostRules, version: IpVersion, actual: TableState): boolean {
  for (const [name, base] of baseChains) {
    const have = actual.chains.get(name);
    if (have && have.hook !== hookKey(base.type, base.hook, base.priority)) return true;
  }
  for (const [name, { kind }] of rules.sets(version)) {
    const have = actual.sets.get(name);
    if (have && have.type !== listedType(kind, version)) return true;
  }
  return false;
}

function listedType(kind: 'ip' | 'net' | 'ip-port', version: IpVersion): string {
  const address = version === 4 ? 'ipv4_addr' : 'ipv6_addr';
  if (kind === 'net') return `${address} interval`;
  return kind === 'ip' ? address : `${address} inet_proto inet_service`;
}
