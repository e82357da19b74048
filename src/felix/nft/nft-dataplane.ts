/** The packet filter in nftables: tables `ip calico` and `ip6 calico`, and nothing of anybody else's. */
import type { IpVersion } from '../../ip/index.ts';
import type { Namespace } from '../../linux/netns/index.ts';
import { type ElementKind, NftContext, NftElements, watchNftables } from '../../linux/nftables/index.ts';
import {
  type DriftReport,
  type MetricValues,
  noDrift,
  type RuleChange,
  type RuleDataplane,
  type RuleOutcome,
} from '../dataplane.ts';
import { removeIptables } from '../iptables/remove-iptables.ts';
import { type Log, silentLog } from '../log.ts';
import { HostRules, type RuleSettings } from '../render/index.ts';
import { elementKind, planDelta, planFull, type TablePlan, tableOf } from './plan.ts';
import { noTable, readTable, type TableState } from './table-state.ts';
import { tryInNftables } from './trial.ts';

/** What {@link createNftDataplane} needs. */
export interface NftDataplaneOptions {
  readonly settings: RuleSettings;
  /** The network namespace to work in; the process's own without it. */
  readonly namespace?: Namespace;
  readonly log?: Log;
}

/** What an IP version's table holds. */
type Programmed = ReadonlyMap<
  IpVersion,
  { readonly chains: Set<string>; readonly maps: Map<string, ReadonlyMap<string, string>> }
>;

/** Transactions beyond this length run on another thread: the event loop must not wait for them. */
const asyncBeyond = 20_000;

/** Makes the dataplane; nothing is touched before the first apply. */
export function createNftDataplane(options: NftDataplaneOptions): RuleDataplane {
  return new NftDataplane(options);
}

class NftDataplane implements RuleDataplane {
  readonly name = 'nftables';
  readonly #options: NftDataplaneOptions;
  readonly #log: Log;
  readonly #rules: HostRules;
  readonly #context: NftContext;
  readonly #elements: NftElements;
  /** What the kernel has, as far as we wrote it; `undefined` when that is not known. */
  #programmed: Programmed | undefined;
  #ownGenerations: { readonly first: number; readonly last: number } = { first: 0, last: -1 };
  #working = false;
  /** The other dataplane's rules were looked for. */
  #alone = false;
  #foreign: (() => void) | undefined;
  readonly #counters = new Map<string, number>();

  constructor(options: NftDataplaneOptions) {
    this.#options = options;
    this.#log = options.log ?? silentLog;
    this.#rules = new HostRules(options.settings);
    const where = options.namespace ? { namespace: options.namespace } : {};
    this.#context = new NftContext(where);
    this.#elements = new NftElements(where);
  }

  async apply(change: RuleChange): Promise<RuleOutcome> {
    this.#rules.update(change);
    const deltas = this.#rules.take();
    const programmed = this.#programmed;
    if (!programmed) await this.#bringWhatIsTaken();
    else {
      try {
        const plans = [...deltas].map(([version, delta]) =>
          planDelta(this.#rules, version, delta, programmed.get(version)!),
        );
        await this.#commit(joined(plans));
        this.#remember(deltas, programmed);
      } catch (error) {
        // Somebody may have changed what we built upon: look, and do it from there.
        this.#log.warn('nftables transaction failed, reading the tables again', { error: String(error) });
        this.#programmed = undefined;
        await this.#bringWhatIsTaken();
      }
    }
    return { problems: this.#rules.problems, hostEndpoints: this.#rules.hostEndpointInterfaces };
  }

  async resync(): Promise<DriftReport> {
    // Before the first apply there is nothing to compare with.
    if (!this.#programmed) return noDrift;
    return this.#bringWhatIsTaken();
  }

  onForeignChange(listener: () => void): () => void {
    const { namespace } = this.#options;
    const stop = watchNftables({
      ...(namespace ? { namespace } : {}),
      onTransaction: ({ generation, tables }) => {
        if (![...tables].some((table) => this.#rules.versions.some((version) => tableOf(version) === table)))
          return;
        const own = this.#ownGenerations;
        if (this.#working || (generation >= own.first && generation <= own.last)) return;
        listener();
      },
      onOverrun: listener,
    });
    this.#foreign = listener;
    return () => {
      this.#foreign = undefined;
      stop();
    };
  }

  metrics(): MetricValues {
    const metrics = new Map(this.#counters);
    for (const version of this.#rules.versions) {
      const label = `{ip_version="${version}"}`;
      let chains = 0;
      let rules = 0;
      for (const [, chain] of this.#rules.chains(version)) {
        chains++;
        rules += chain.rules.length;
      }
      metrics.set(`felix_nft_chains${label}`, chains);
      metrics.set(`felix_nft_rules${label}`, rules);
      metrics.set(`felix_nft_sets${label}`, this.#rules.sets(version).size);
      metrics.set(`felix_nft_maps${label}`, this.#rules.maps(version).size);
    }
    return metrics;
  }

  close(): void {
    this.#context.close();
    this.#elements.close();
  }

  /** The same without what this kernel refuses: that must not stop the rest. */
  async #bringWhatIsTaken(): Promise<DriftReport> {
    try {
      return await this.#bringFully();
    } catch (error) {
      let found = 0;
      for (const version of this.#rules.versions) {
        const refused = await tryInNftables(this.#rules, version).catch((failure: unknown) => {
          this.#log.warn('cannot tell which rule the kernel refuses', { error: String(failure) });
          return undefined;
        });
        if (!refused) continue;
        found += refused.rules.size + refused.members.size;
        this.#rules.refuse(version, refused);
      }
      if (found === 0) throw error;
      this.#count('felix_nft_refusals');
      this.#log.warn('nftables refuses a part of the program, going on without it', { objects: found });
      return this.#bringFully();
    }
  }

  /** Reads the kernel and writes the difference to what the rules say. */
  async #bringFully(): Promise<DriftReport> {
    const drift = { missing: [] as string[], different: [] as string[], stray: [] as string[] };
    const plans: TablePlan[] = [];
    for (const version of this.#rules.versions) {
      const full = planFull(this.#rules, version, await this.#read(version));
      plans.push(full.plan);
      drift.missing.push(...full.drift.missing);
      drift.different.push(...full.drift.different);
      drift.stray.push(...full.drift.stray);
    }
    // Rules of a time with IPv6 would go on to drop by policies that nobody keeps up to date.
    const stale = !this.#options.settings.ipv6 && (await this.#read(6)).exists;
    const plan = joined(plans);
    await this.#commit(stale ? { ...plan, remove: [...plan.remove, `delete table ${tableOf(6)}`] } : plan);
    await this.#leaveIptables();
    this.#programmed = new Map(
      this.#rules.versions.map((version) => [
        version,
        {
          chains: new Set([...this.#rules.chains(version)].map(([key]) => key)),
          maps: new Map([...this.#rules.maps(version)].map(([map, entries]) => [map, new Map(entries)])),
        },
      ]),
    );
    return drift;
  }

  /** Once ours are in force, rules that an agent with iptables left would only drop by policies of then. */
  async #leaveIptables(): Promise<void> {
    if (this.#alone) return;
    this.#alone = true;
    try {
      const removed = await removeIptables(this.#context, this.#options.namespace);
      if (removed.length > 0)
        this.#log.info('removed what iptables held of ours', { objects: removed.length });
    } catch (error) {
      this.#log.warn('cannot tell whether iptables holds rules of ours', { error: String(error) });
    }
  }

  async #read(version: IpVersion): Promise<TableState> {
    this.#count('felix_nft_list_calls');
    const family = version === 4 ? 'ip' : 'ip6';
    const wanted = this.#rules.versions.includes(version) ? this.#rules.sets(version) : new Map();
    try {
      const objects = await this.#context.list(`list table ${tableOf(version)}`, { terse: true });
      return readTable(objects, (name, type) => {
        const set = wanted.get(name);
        if (type !== undefined && !set) return new Set();
        const kind: ElementKind = type === undefined ? 'interface-goto' : elementKind(set.kind);
        return this.#elements.read(family, 'calico', name, kind);
      });
    } catch (error) {
      if (String((error as { output?: string }).output ?? error).includes('No such file')) return noTable;
      this.#count('felix_nft_list_errors');
      throw error;
    }
  }

  async #commit(plan: TablePlan): Promise<void> {
    this.#working = true;
    const before = this.#elements.generation();
    let own = 0;
    const run = async (commands: readonly string[]): Promise<void> => {
      if (commands.length === 0) return;
      this.#count('felix_nft_calls');
      own++;
      const text = commands.join('\n');
      if (text.length > asyncBeyond) await this.#context.runAsync(text);
      else this.#context.run(text);
    };
    try {
      await run(plan.declare);
      if (plan.members.length > 0) own += this.#elements.commit(plan.members);
      await run(plan.rules);
      if (plan.entries.length > 0) own += this.#elements.commit(plan.entries);
      await run(plan.remove);
    } catch (error) {
      this.#count('felix_nft_errors');
      throw error;
    } finally {
      const after = this.#elements.generation();
      this.#ownGenerations = { first: before + 1, last: after };
      this.#working = false;
      if (after > before + own) this.#foreign?.();
    }
  }

  #remember(deltas: ReturnType<HostRules['take']>, programmed: Programmed): void {
    for (const [version, delta] of deltas) {
      const state = programmed.get(version)!;
      for (const [key, chain] of delta.chains) {
        if (chain) state.chains.add(key);
        else state.chains.delete(key);
      }
      for (const [map, entries] of delta.maps) state.maps.set(map, new Map(entries));
    }
  }

  #count(name: string): void {
    this.#counters.set(name, (this.#counters.get(name) ?? 0) + 1);
  }
}

function joined(plans: readonly TablePlan[]): TablePlan {
  return {
    declare: plans.flatMap(({ declare }) => declare),
    members: plans.flatMap(({ members }) => members),
    rules: plans.flatMap(({ rules }) => rules),
    entries: plans.flatMap(({ entries }) => entries),
    remove: plans.flatMap(({ remove }) => remove),
  };
}
