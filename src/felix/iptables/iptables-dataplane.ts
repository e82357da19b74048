/** The packet filter in iptables and ipset: chains `cali-…`, and our rules in the kernel's chains; nothing of others. */
import type { IpVersion } from '../../ip/index.ts';
import { readIpsets, restoreIpsets } from '../../linux/ipset/index.ts';
import { type Iptables, type IptablesVariant, iptables } from '../../linux/iptables/index.ts';
import type { Namespace } from '../../linux/netns/index.ts';
import { NftContext } from '../../linux/nftables/index.ts';
import {
  type DriftReport,
  type MetricValues,
  noDrift,
  type RuleChange,
  type RuleDataplane,
  type RuleOutcome,
} from '../dataplane.ts';
import { type Log, silentLog } from '../log.ts';
import { HostRules, type RuleSettings, type Table } from '../render/index.ts';
import { planAllSets, planSetDelta } from './ipset-plan.ts';
import { iptablesChains } from './iptables-chains.ts';
import { planTable, type WantedTable } from './iptables-plan.ts';
import { hashOf, type IptablesState, parseSave } from './iptables-state.ts';
import { tryInIptables } from './trial.ts';

/** What {@link createIptablesDataplane} needs. */
export interface IptablesDataplaneOptions {
  readonly settings: RuleSettings;
  readonly variant: IptablesVariant;
  /** Seconds that restore waits for the lock; 0 is iptables' own default. */
  readonly lockSeconds?: number;
  readonly namespace?: Namespace;
  readonly log?: Log;
}

const tables: readonly Table[] = ['raw', 'mangle', 'nat', 'filter'];

/** Makes the dataplane; nothing is touched before the first apply. */
export function createIptablesDataplane(options: IptablesDataplaneOptions): RuleDataplane {
  return new IptablesDataplane(options);
}

class IptablesDataplane implements RuleDataplane {
  readonly name = 'iptables';
  readonly #options: IptablesDataplaneOptions;
  readonly #log: Log;
  readonly #rules: HostRules;
  readonly #programs: ReadonlyMap<IpVersion, Iptables>;
  /** What the kernel has as far as we wrote it, per version and table. */
  #programmed: Map<string, IptablesState> | undefined;
  /** The other dataplane's tables were looked for. */
  #alone = false;
  readonly #counters = new Map<string, number>();

  constructor(options: IptablesDataplaneOptions) {
    this.#options = options;
    this.#log = options.log ?? silentLog;
    this.#rules = new HostRules(options.settings);
    const lock = { seconds: options.lockSeconds ?? 0 };
    this.#programs = new Map(
      this.#rules.versions.map((version) => [version, iptables(version, options.variant, lock)]),
    );
  }

  async apply(change: RuleChange): Promise<RuleOutcome> {
    this.#rules.update(change);
    const deltas = this.#rules.take();
    const programmed = this.#programmed;
    if (!programmed) await this.#bringWhatIsTaken();
    else {
      try {
        const { maxIpsetSize } = this.#options.settings;
        const plans = [...deltas].map(([version, delta]) => planSetDelta(delta, version, maxIpsetSize));
        await this.#inside(() => restoreIpsets(plans.flatMap(({ before }) => before)));
        for (const [version, delta] of deltas) {
          const touched = new Set([...delta.chains.keys(), ...delta.maps.keys()].map(tableOfKey));
          for (const table of tables.filter((one) => touched.has(one))) {
            await this.#writeTable(version, table, programmed.get(`${version} ${table}`)!, programmed);
          }
        }
        await this.#inside(() => restoreIpsets(plans.flatMap(({ after }) => after)));
      } catch (error) {
        this.#log.warn('iptables refused a change, reading the tables again', { error: String(error) });
        this.#programmed = undefined;
        await this.#bringWhatIsTaken();
      }
    }
    return { problems: this.#rules.problems, hostEndpoints: this.#rules.hostEndpointInterfaces };
  }

  async resync(): Promise<DriftReport> {
    if (!this.#programmed) return noDrift;
    return this.#bringWhatIsTaken();
  }

  metrics(): MetricValues {
    return this.#counters;
  }

  close(): void {}

  /** Reads and repairs, without what iptables refuses: that must not stop the rest. */
  async #bringWhatIsTaken(): Promise<DriftReport> {
    try {
      return await this.#bringFully();
    } catch (error) {
      let found = 0;
      for (const [version, program] of this.#programs) {
        const trial = { rules: this.#rules, version, settings: this.#options.settings, program };
        const refused = await tryInIptables(trial).catch((failure: unknown) => {
          this.#log.warn('cannot tell which rule iptables refuses', { error: String(failure) });
          return undefined;
        });
        if (!refused) continue;
        found += refused.rules.size + refused.members.size;
        this.#rules.refuse(version, refused);
      }
      if (found === 0) throw error;
      this.#count('felix_iptables_refusals');
      this.#log.warn('iptables refuses a part of the program, going on without it', { objects: found });
      return this.#bringFully();
    }
  }

  async #bringFully(): Promise<DriftReport> {
    const drift = { missing: [] as string[], different: [] as string[], stray: [] as string[] };
    const note = (one: DriftReport) => {
      drift.missing.push(...one.missing);
      drift.different.push(...one.different);
      drift.stray.push(...one.stray);
    };
    const { maxIpsetSize } = this.#options.settings;
    const sets = await this.#inside(() => readIpsets());
    const plans = this.#rules.versions.map((version) =>
      planAllSets(this.#rules.sets(version), sets, version, maxIpsetSize),
    );
    plans.forEach(note);
    await this.#inside(() => restoreIpsets(plans.flatMap(({ before }) => before)));
    const programmed = new Map<string, IptablesState>();
    for (const [version, program] of this.#programs) {
      for (const table of tables) {
        this.#count('felix_iptables_save_calls');
        const actual = parseSave(await this.#inside(() => program.save(table)));
        note(await this.#writeTable(version, table, actual, programmed));
      }
    }
    if (!this.#options.settings.ipv6) await this.#removeIpv6();
    await this.#inside(() => restoreIpsets(plans.flatMap(({ after }) => after)));
    this.#leaveNftables();
    this.#programmed = programmed;
    return drift;
  }

  /** Once ours are in force, tables that an agent with nftables left would only drop by policies of then. */
  #leaveNftables(): void {
    if (this.#alone) return;
    this.#alone = true;
    const { namespace } = this.#options;
    let nft: NftContext | undefined;
    try {
      nft = new NftContext(namespace ? { namespace } : {});
      const listed = nft.run('list tables');
      const own = ['ip calico', 'ip6 calico', 'arp calico-arp'].filter((name) =>
        listed.includes(`table ${name}\n`),
      );
      if (own.length > 0) nft.run(own.map((name) => `delete table ${name}`).join('\n'));
    } catch (error) {
      this.#log.debug('nftables cannot be asked for tables of ours', { error: String(error) });
    } finally {
      nft?.close();
    }
  }

  /** Rules of a time with IPv6 would go on to drop by policies that nobody keeps up to date. */
  async #removeIpv6(): Promise<void> {
    const { variant, lockSeconds } = this.#options;
    const program = iptables(6, variant, { seconds: lockSeconds ?? 0 });
    try {
      for (const table of tables) {
        const actual = parseSave(await this.#inside(() => program.save(table)));
        const { input } = planTable(table, { chains: new Map(), hooks: new Map() }, actual, false);
        if (input.length > 0) await this.#inside(() => program.restore(`${input.join('\n')}\n`));
      }
    } catch (error) {
      // A kernel without ip6tables has no rules of that time either; IPv4 must not wait for it.
      this.#log.debug('ip6tables cannot be asked for rules of ours', { error: String(error) });
    }
  }

  async #writeTable(
    version: IpVersion,
    table: Table,
    actual: IptablesState,
    programmed: Map<string, IptablesState>,
  ): Promise<DriftReport> {
    const wanted = this.#wanted(version, table);
    const { input, drift } = planTable(table, wanted, actual, this.#options.settings.appendChains);
    if (input.length > 0) {
      this.#count('felix_iptables_restore_calls');
      const program = this.#programs.get(version)!;
      try {
        await this.#inside(() => program.restore(`${input.join('\n')}\n`));
      } catch (error) {
        this.#count('felix_iptables_restore_errors');
        throw error;
      }
    }
    programmed.set(`${version} ${table}`, stateOf(wanted));
    return drift;
  }

  #wanted(version: IpVersion, table: Table): WantedTable {
    const chains = new Map<string, readonly string[]>();
    const hooks = new Map<string, { lead: readonly string[]; tail: readonly string[] }>();
    for (const [, chain] of this.#rules.chains(version)) {
      if (chain.table !== table) continue;
      for (const { name, lines } of iptablesChains(chain, this.#rules, version, this.#options.settings)) {
        if (name !== name.toUpperCase()) chains.set(name, lines);
        else {
          // Only the jump stands first; what follows it in FORWARD comes after the rules of others.
          const always = table === 'nat' && name === 'POSTROUTING';
          hooks.set(
            name,
            always ? { lead: [], tail: lines } : { lead: lines.slice(0, 1), tail: lines.slice(1) },
          );
        }
      }
    }
    return { chains, hooks };
  }

  #inside<T>(act: () => T): T {
    const { namespace } = this.#options;
    return namespace ? namespace.run(act) : act();
  }

  #count(name: string): void {
    this.#counters.set(name, (this.#counters.get(name) ?? 0) + 1);
  }
}

function tableOfKey(key: string): Table {
  return key.slice(0, key.indexOf('-')) as Table;
}

/** The state after a write, with nobody else's rules: incremental writes need not know those. */
function stateOf(wanted: WantedTable): IptablesState {
  return {
    chains: new Map([...wanted.chains].map(([name, lines]) => [name, lines.map(hashOf)])),
    hooks: new Map([...wanted.hooks].map(([name, { lead, tail }]) => [name, [...lead, ...tail].map(hashOf)])),
  };
}
