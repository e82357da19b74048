/**
 * Commands that bring a table from one state to another, in one steps.
 *
 * The order is what the kernel needs: what is referred to comes before what refers to it, and goes after it; members
 * leave an interval set before others come, as overlaps are refused at any moment of the steps.
 */
import type { IpVersion } from '../../ip/index.ts';
import type { ElementChange, ElementKind } from '../../linux/nftables/index.ts';
import { type IpSetKind, protocolNumber } from '../../policy/index.ts';
import type { DriftReport } from '../dataplane.ts';
import { type HostRules, nftBody, type RuleDelta, setType } from '../render/index.ts';
import { baseChainSpec, baseChains } from './base-chains.ts';
import { hookKey, type TableState } from './table-state.ts';

/** `ip calico` or `ip6 calico`. */
export function tableOf(version: IpVersion): string {
  return version === 4 ? 'ip calico' : 'ip6 calico';
}

/** Steps in the order in which they are taken; those of one kind are one steps. */
export interface TablePlan {
  /** Tables, sets and maps that rules will refer to. */
  readonly declare: readonly string[];
  /** Members of sets, so that no rule sees a new set empty. */
  readonly members: readonly ElementChange[];
  /** Chains and their rules: policy changes from one moment to the next. */
  readonly rules: readonly string[];
  /** Entries of dispatch maps, which need their chains. */
  readonly entries: readonly ElementChange[];
  /** What nothing refers to any more. */
  readonly remove: readonly string[];
}

/** Collects what is to be done for a table. */
class Steps implements TablePlan {
  readonly declare: string[] = [];
  readonly members: ElementChange[] = [];
  readonly entries: ElementChange[] = [];
  readonly #family: 'ip' | 'ip6';
  readonly #table: string;
  readonly #chains: string[] = [];
  readonly #flushes: string[] = [];
  readonly #rules: string[] = [];
  readonly #emptied: string[] = [];
  readonly #gone: string[] = [];

  constructor(version: IpVersion) {
    this.#family = version === 4 ? 'ip' : 'ip6';
    this.#table = tableOf(version);
  }

  get rules(): readonly string[] {
    return [...this.#chains, ...this.#flushes, ...this.#rules];
  }

  get remove(): readonly string[] {
    return [...this.#emptied, ...this.#gone];
  }

  declareSet(name: string, type: string): void {
    this.declare.push(`add set ${this.#table} ${name} { ${type} }`);
  }

  declareMap(name: string): void {
    this.declare.push(`add map ${this.#table} ${name} { type ifname : verdict; }`);
  }

  declareChain(name: string, spec = ''): void {
    this.#chains.push(`add chain ${this.#table} ${name}${spec === '' ? '' : ` ${spec}`}`);
  }

  flushChain(name: string): void {
    this.#flushes.push(`flush chain ${this.#table} ${name}`);
  }

  addRule(chain: string, line: string, comment: string): void {
    this.#rules.push(`add rule ${this.#table} ${chain} ${line} comment "${comment}"`);
  }

  changeMembers(set: string, kind: IpSetKind, removed: readonly string[], added: readonly string[]): void {
    if (removed.length + added.length === 0) return;
    this.members.push({
      family: this.#family,
      table: 'calico',
      set,
      kind: elementKind(kind),
      removed: removed.map(elementKey),
      added: added.map(elementKey),
    });
  }

  changeEntries(set: string, removed: readonly string[], added: readonly string[]): void {
    if (removed.length + added.length === 0) return;
    this.entries.push({ family: this.#family, table: 'calico', set, kind: 'interface-goto', removed, added });
  }

  /** Emptied only when no entry leads to it any more: an empty chain would let packets go on. */
  deleteChain(name: string): void {
    this.#emptied.push(`flush chain ${this.#table} ${name}`);
    this.#gone.push(`delete chain ${this.#table} ${name}`);
  }

  deleteSet(kind: 'set' | 'map', name: string): void {
    this.#gone.push(`delete ${kind} ${this.#table} ${name}`);
  }
}

/** What the kernel's elements of a set are. */
export function elementKind(kind: IpSetKind): ElementKind {
  switch (kind) {
    case 'ip':
      return 'address';
    case 'net':
      return 'interval';
    case 'ip-port':
      return 'address-protocol-port';
  }
}

/** A member of the program as an element: protocols are numbers there. */
export function elementKey(member: string): string {
  const comma = member.indexOf(',');
  if (comma < 0) return member;
  const [protocol = '', port = ''] = member.slice(comma + 1).split(':');
  return `${member.slice(0, comma)},${protocolNumber(protocol) ?? 0}:${port}`;
}

function addBody(steps: Steps, rules: HostRules, version: IpVersion, key: string): void {
  const chain = rules.chain(version, key);
  if (!chain) return;
  const { lines, comments } = nftBody(chain.rules, chain.table, version);
  lines.forEach((line, i) => {
    steps.addRule(key, line, comments[i]!);
  });
}

/** Entries of a verdict map as elements. The chain is in the table that the map's name begins with. */
function mapElements(map: string, entries: Iterable<readonly [string, string]>): readonly string[] {
  const table = map.slice(0, map.indexOf('-'));
  return [...entries].map(([name, chain]) => `${name}>${table}-${chain}`);
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
): TablePlan {
  const steps = new Steps(version);
  for (const [name, { kind, members }] of delta.sets) {
    steps.declareSet(name, setType(kind, version));
    steps.changeMembers(name, kind, [], [...members]);
  }
  for (const [name, { added, removed }] of delta.members) {
    const kind = rules.sets(version).get(name)?.kind;
    if (kind) steps.changeMembers(name, kind, removed, added);
  }
  for (const [key, chain] of delta.chains) {
    if (!chain) {
      if (!programmed.chains.has(key)) continue;
      steps.deleteChain(key);
      continue;
    }
    if (programmed.chains.has(key)) steps.flushChain(key);
    else steps.declareChain(key);
    addBody(steps, rules, version, key);
  }
  for (const [map, entries] of delta.maps) planMap(steps, map, entries, programmed.maps.get(map));
  for (const name of delta.deletedSets) steps.deleteSet('set', name);
  return steps;
}

function planMap(
  steps: Steps,
  map: string,
  wanted: ReadonlyMap<string, string>,
  have: ReadonlyMap<string, string> | undefined,
): void {
  if (!have) steps.declareMap(map);
  const gone = [...(have ?? [])].filter(([name, chain]) => wanted.get(name) !== chain);
  const fresh = [...wanted].filter(([name, chain]) => have?.get(name) !== chain);
  steps.changeEntries(map, mapElements(map, gone), mapElements(map, fresh));
}

/** Commands that make the table what the rules say, whatever it is, and what differed. */
export function planFull(
  rules: HostRules,
  version: IpVersion,
  actual: TableState,
): { readonly plan: TablePlan; readonly drift: DriftReport } {
  const family = tableOf(version);
  const missing: string[] = [];
  const different: string[] = [];
  const stray: string[] = [];
  if (actual.exists && mustStartAnew(rules, version, actual)) {
    // A set or hook of another type cannot be changed.
    const { plan } = planFull(rules, version, {
      ...actual,
      exists: false,
      chains: new Map(),
      sets: new Map(),
      maps: new Map(),
    });
    const drift = { missing: [], different: [`table ${family}`], stray: [] };
    return { plan: { ...plan, declare: [`delete table ${family}`, ...plan.declare] }, drift };
  }
  const steps = new Steps(version);
  if (!actual.exists) {
    missing.push(`table ${family}`);
    steps.declare.push(`add table ${family}`);
  }
  const named = (kind: string, name: string) => `${kind} ${family} ${name}`;

  for (const [name, { kind, members }] of rules.sets(version)) {
    const have = actual.sets.get(name);
    if (!have) {
      if (actual.exists) missing.push(named('set', name));
      steps.declareSet(name, setType(kind, version));
    }
    const keys = new Set([...members].map(elementKey));
    const removed = [...(have?.members ?? [])].filter((member) => !keys.has(member));
    const added = [...keys].filter((member) => !have?.members.has(member));
    if (have && removed.length + added.length > 0) different.push(named('set', name));
    steps.changeMembers(name, kind, removed, added);
  }
  for (const [name, base] of baseChains) {
    const have = actual.chains.get(name);
    if (!have) {
      if (actual.exists) missing.push(named('chain', name));
      steps.declareChain(name, baseChainSpec(base));
    } else if (have.comments.length > 0 && !rules.chain(version, name)) {
      different.push(named('chain', name));
      steps.flushChain(name);
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
      steps.flushChain(key);
    } else if (!baseChains.has(key)) {
      if (actual.exists) missing.push(named('chain', key));
      steps.declareChain(key);
    }
    addBody(steps, rules, version, key);
  }
  const maps = rules.maps(version);
  for (const [map, entries] of maps) {
    const have = actual.maps.get(map);
    if (!have) {
      if (actual.exists) missing.push(named('map', map));
      steps.declareMap(map);
    }
    const keys = new Set(mapElements(map, entries));
    const removed = [...(have ?? [])].filter((entry) => !keys.has(entry));
    const added = [...keys].filter((entry) => !have?.has(entry));
    if (have && removed.length + added.length > 0) different.push(named('map', map));
    steps.changeEntries(map, removed, added);
  }
  for (const [name] of actual.chains) {
    if (wanted.has(name)) continue;
    stray.push(named('chain', name));
    steps.deleteChain(name);
  }
  for (const [name] of actual.maps) {
    if (maps.has(name)) continue;
    stray.push(named('map', name));
    steps.deleteSet('map', name);
  }
  for (const [name] of actual.sets) {
    if (rules.sets(version).has(name)) continue;
    stray.push(named('set', name));
    steps.deleteSet('set', name);
  }
  return { plan: steps, drift: { missing, different, stray } };
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
