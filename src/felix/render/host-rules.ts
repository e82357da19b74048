/**
 * The rule model of a host: program, interfaces and settings in, chains, maps and sets of each IP version out.
 *
 * Changes are noted, {@link HostRules.take} renders what they touched and says what differs. Every chain belongs to the
 * units that made it (a policy, a workload, the static part) and goes with the last of them.
 */

import { messageOf } from '../../errors.ts';
import type { IpVersion } from '../../ip/index.ts';
import type { IpSetKind, ProgramEntries, ProgramKind, ProgramUpdate } from '../../policy/index.ts';
import type { Encapsulation, HostInterface, RuleChange, RuleProblem } from '../dataplane.ts';
import { type Chain, chainKey, type Rule } from './ast.ts';
import { type EndpointContext, hostEndpointRules, workloadChains } from './endpoint-chains.ts';
import { assignHostEndpoints, type HostEndpointAssignment } from './host-endpoint-interfaces.ts';
import { anyInterface, chainName, chainNameLimit, policyChainId } from './names.ts';
import { natChains } from './nat-chains.ts';
import { policyRules } from './policy-rules.ts';
import { ChainRefusals, denyAll, type Refused } from './refusals.ts';
import { RuleSets } from './rule-sets.ts';
import type { RuleSettings } from './settings.ts';
import { dispatchChains, hostChainName, staticChains } from './static-chains.ts';

type Tables = { readonly [K in ProgramKind]: Map<string, ProgramEntries[K]> };
type PolicyTable = 'raw' | 'mangle' | 'filter';

/** What differs in one IP version since the last call. Keys of chains and maps are those of `chainKey`. */
export interface RuleDelta {
  readonly chains: ReadonlyMap<string, Chain | undefined>;
  readonly maps: ReadonlyMap<string, ReadonlyMap<string, string>>;
  /** Sets that are new or were replaced, with all members. */
  readonly sets: ReadonlyMap<string, RuleSet>;
  readonly members: ReadonlyMap<
    string,
    { readonly added: readonly string[]; readonly removed: readonly string[] }
  >;
  readonly deletedSets: ReadonlySet<string>;
}

/** A set of the kernel. `address` sets hold single addresses, `net` sets also blocks. */
export interface RuleSet {
  readonly kind: IpSetKind;
  readonly members: ReadonlySet<string>;
}

/** One IP version. */
interface Family {
  readonly version: IpVersion;
  readonly chains: Map<string, { chain: Chain; owners: number }>;
  readonly unitChains: Map<string, readonly string[]>;
  readonly maps: Map<string, ReadonlyMap<string, string>>;
  readonly dirtyChains: Set<string>;
  readonly dirtyMaps: Set<string>;
  readonly sets: RuleSets;
}

/** See the file's comment. */
export class HostRules {
  readonly #settings: RuleSettings;
  readonly #families: readonly Family[];
  readonly #program: Tables = {
    policy: new Map(),
    profile: new Map(),
    'ip-set': new Map(),
    workload: new Map(),
    'host-endpoint': new Map(),
    route: new Map(),
    vtep: new Map(),
    host: new Map(),
    pool: new Map(),
    config: new Map(),
    'service-cidrs': new Map(),
    ready: new Map(),
  };
  #interfaces: readonly HostInterface[] = [];
  #encapsulation: Encapsulation = { ipip: false, vxlan: false, vxlanV6: false };
  #assignment: HostEndpointAssignment = { byInterface: new Map(), any: undefined, effect: new Map() };
  /** Policies and profiles that host endpoints apply in mangle POSTROUTING as well. */
  #mangled: ReadonlySet<string> = new Set();
  readonly #dirty = new Set<string>([
    'static',
    'nat',
    'host-endpoints',
    'hosts',
    'pools',
    'this-host',
    'rpf-skip',
  ]);
  readonly #activeWorkloads = new Map<string, string>();
  readonly #byInterface = new Map<string, Set<string>>();
  readonly #refusals: ChainRefusals;
  /** Units that cannot be rendered, and why. */
  readonly #unrendered = new Map<string, string>();

  constructor(settings: RuleSettings) {
    this.#settings = settings;
    this.#refusals = new ChainRefusals(settings);
    const versions: readonly IpVersion[] = settings.ipv6 ? [4, 6] : [4];
    this.#families = versions.map((version) => ({
      version,
      chains: new Map(),
      unitChains: new Map(),
      maps: new Map(dispatchChains.map(({ table, name }) => [chainKey(table, name), new Map()])),
      dirtyChains: new Set(),
      dirtyMaps: new Set(),
      sets: new RuleSets(version, settings.dataplane),
    }));
  }

  /** Interfaces per host endpoint. */
  get hostEndpointInterfaces(): ReadonlyMap<string, readonly string[]> {
    return this.#assignment.effect;
  }

  /** Objects of the program that are not in force as they are written. */
  get problems(): readonly RuleProblem[] {
    const found = [...this.#refusals.problems()];
    for (const [unit, reason] of this.#unrendered) found.push({ subject: this.#subject(unit), reason });
    for (const { sets } of this.#families) {
      for (const { id, member, reason } of sets.problems())
        found.push({ subject: `ip-set ${id}`, reason: `member ${member}: ${reason}` });
    }
    const unique = new Map(found.map((one) => [`${one.subject}\n${one.reason}`, one]));
    return [...unique.values()];
  }

  /** Goes on without what a kernel refused; nothing of it appears in the next {@link HostRules.take}. */
  refuse(version: IpVersion, { rules, members }: Refused): void {
    const family = this.#family(version);
    for (const [key, refused] of rules) {
      const held = family.chains.get(key);
      if (!held) continue;
      const unit = [...family.unitChains].find(([, keys]) => keys.includes(key))?.[0];
      const subject = unit === undefined ? `chain ${key}` : this.#subject(unit);
      held.chain = this.#refusals.add(version, held.chain, subject, refused);
    }
    for (const [name, refused] of members) family.sets.refuse(name, refused);
  }

  /** IP versions that are rendered. */
  get versions(): readonly IpVersion[] {
    return this.#families.map(({ version }) => version);
  }

  /** A chain as it is now. */
  chain(version: IpVersion, key: string): Chain | undefined {
    return this.#family(version).chains.get(key)?.chain;
  }

  /** All chains of a version. */
  *chains(version: IpVersion): Generator<readonly [string, Chain]> {
    for (const [key, { chain }] of this.#family(version).chains) yield [key, chain];
  }

  /** All dispatch maps of a version: interface → chain name. */
  maps(version: IpVersion): ReadonlyMap<string, ReadonlyMap<string, string>> {
    return this.#family(version).maps;
  }

  /** All sets of a version. */
  sets(version: IpVersion): ReadonlyMap<string, RuleSet> {
    return this.#family(version).sets.all;
  }

  /** Notes what changed. */
  update(change: RuleChange): void {
    if (change.interfaces) {
      this.#interfaces = change.interfaces;
      this.#mark('host-endpoints', 'this-host', 'nat');
    }
    if (change.encapsulation) {
      this.#encapsulation = change.encapsulation;
      this.#mark('static', 'nat', 'hosts');
    }
    for (const update of change.updates) this.#note(update);
  }

  /** Renders what became dirty; per IP version what differs. */
  take(): ReadonlyMap<IpVersion, RuleDelta> {
    this.#assignHostEndpoints();
    // Spoofed prefixes are asked of the workloads that are active, which the others decide.
    const late = this.#dirty.delete('rpf-skip');
    for (const unit of this.#dirty) this.#renderSafely(unit);
    if (late) this.#renderSafely('rpf-skip');
    this.#dirty.clear();
    return new Map(
      this.#families.map((family) => {
        const delta: RuleDelta = {
          chains: new Map([...family.dirtyChains].map((key) => [key, family.chains.get(key)?.chain])),
          maps: new Map([...family.dirtyMaps].map((key) => [key, family.maps.get(key) ?? new Map()])),
          ...family.sets.take(),
        };
        family.dirtyChains.clear();
        family.dirtyMaps.clear();
        return [family.version, delta];
      }),
    );
  }

  #family(version: IpVersion): Family {
    return this.#families.find((family) => family.version === version)!;
  }

  #mark(...units: readonly string[]): void {
    for (const unit of units) this.#dirty.add(unit);
  }

  #note(update: ProgramUpdate): void {
    if (update.op === 'members') {
      for (const { sets } of this.#families) sets.change(update.id, update.added, update.removed);
      return;
    }
    const { kind, key } = update;
    const table = this.#program[kind] as Map<string, unknown>;
    const before = table.get(key);
    const after = update.op === 'put' ? update.value : undefined;
    if (after === undefined) table.delete(key);
    else table.set(key, after);
    switch (kind) {
      case 'policy':
      case 'profile':
        this.#mark(`${kind} ${key}`);
        return;
      case 'workload': {
        const old = before as ProgramEntries['workload'] | undefined;
        const now = after as ProgramEntries['workload'] | undefined;
        this.#claimInterface(key, old?.interfaceName, now?.interfaceName);
        if (
          (old?.allowSpoofedSourcePrefixes.length ?? 0) + (now?.allowSpoofedSourcePrefixes.length ?? 0) >
          0
        ) {
          this.#mark('rpf-skip');
        }
        if (this.#settings.floatingIps) this.#mark('nat');
        return;
      }
      case 'host-endpoint':
        this.#mark('host-endpoints');
        return;
      case 'ip-set': {
        const set = after as ProgramEntries['ip-set'] | undefined;
        for (const { sets } of this.#families) {
          if (set) sets.put(key, set.kind, set.members);
          else sets.delete(key);
        }
        return;
      }
      case 'pool':
        this.#mark('pools', 'nat');
        return;
      case 'host':
      case 'vtep':
        this.#mark('hosts');
        return;
      case 'service-cidrs':
        this.#mark('static');
        return;
      default:
        return;
    }
  }

  /** Two endpoints on one interface: the smallest identity is active, the others wait. */
  #claimInterface(key: string, before: string | undefined, after: string | undefined): void {
    for (const name of new Set([before, after])) {
      if (name === undefined) continue;
      const claims = this.#byInterface.get(name) ?? new Set();
      if (name === after) claims.add(key);
      else claims.delete(key);
      if (claims.size > 0) this.#byInterface.set(name, claims);
      else this.#byInterface.delete(name);
      this.#mark(`interface ${name}`);
    }
  }

  #assignHostEndpoints(): void {
    if (!this.#dirty.has('host-endpoints')) return;
    const anyShape = () =>
      `${this.#assignment.any !== undefined} ${this.#assignment.any?.preDnatTiers.length}`;
    const before = anyShape();
    this.#assignment = assignHostEndpoints(
      this.#program['host-endpoint'].values(),
      this.#interfaces,
      this.#settings.workloadPrefixes,
    );
    if (before !== anyShape()) this.#mark('static');
    const mangled = new Set<string>();
    const winners = [...this.#assignment.byInterface.values()];
    if (this.#assignment.any) winners.push(this.#assignment.any);
    for (const endpoint of winners) {
      for (const tier of endpoint.tiers) for (const key of tier.egress) mangled.add(`policy ${key}`);
      for (const name of endpoint.profiles) mangled.add(`profile ${name}`);
    }
    for (const unit of mangled) if (!this.#mangled.has(unit)) this.#mark(unit);
    for (const unit of this.#mangled) if (!mangled.has(unit)) this.#mark(unit);
    this.#mangled = mangled;
  }

  /** What cannot be rendered costs no other unit: a policy or profile denies, an interface has no way in or out. */
  #renderSafely(unit: string): void {
    try {
      this.#unrendered.delete(unit);
      this.#render(unit);
    } catch (error) {
      this.#unrendered.set(unit, messageOf(error));
      for (const family of this.#families) this.#closeUnit(family, unit);
    }
  }

  #closeUnit(family: Family, unit: string): void {
    const [kind, key] = [unit.slice(0, unit.indexOf(' ')), unit.slice(unit.indexOf(' ') + 1)];
    if (kind === 'interface') {
      this.#activeWorkloads.delete(key);
      this.#setUnit(family, unit, []);
      this.#setMapEntry(family, 'filter-cali-to-wl-dispatch', key, undefined);
      this.#setMapEntry(family, 'filter-cali-from-wl-dispatch', key, undefined);
    }
    if (kind !== 'policy' && kind !== 'profile') return;
    const policy = this.#program.policy.get(key);
    const own: PolicyTable =
      kind === 'profile' || !policy
        ? 'filter'
        : policy.untracked
          ? 'raw'
          : policy.preDnat
            ? 'mangle'
            : 'filter';
    const names =
      kind === 'policy'
        ? (['ingress', 'egress'] as const).map((direction) => this.#policyChain(key, direction))
        : ['cali-pri-', 'cali-pro-'].map((prefix) =>
            chainName(prefix, key, chainNameLimit(this.#settings.dataplane)),
          );
    const tables: readonly PolicyTable[] =
      own === 'filter' && this.#mangled.has(unit) ? ['filter', 'mangle'] : [own];
    const chains = tables.flatMap((table) =>
      names.map((name) => ({ table, name, rules: denyAll(table, this.#settings) })),
    );
    this.#setUnit(family, unit, chains);
  }

  /** A unit as the program names it. */
  #subject(unit: string): string {
    if (!unit.startsWith('interface ')) return unit;
    const name = unit.slice('interface '.length);
    const key = this.#activeWorkloads.get(name) ?? [...(this.#byInterface.get(name) ?? [])][0];
    return key === undefined ? unit : `workload ${key}`;
  }

  #render(unit: string): void {
    const space = unit.indexOf(' ');
    const kind = space < 0 ? unit : unit.slice(0, space);
    const key = unit.slice(space + 1);
    for (const family of this.#families) {
      switch (kind) {
        case 'policy':
          this.#setUnit(family, unit, this.#policyChains(family, key));
          break;
        case 'profile':
          this.#setUnit(family, unit, this.#profileChains(family, key));
          break;
        case 'interface':
          this.#renderWorkload(family, unit, key);
          break;
        case 'static':
          this.#setUnit(family, unit, this.#staticChains(family));
          break;
        case 'rpf-skip':
          this.#setUnit(family, unit, [this.#spoofingChain(family)]);
          break;
        case 'nat':
          this.#setUnit(family, unit, this.#natChains(family));
          break;
        case 'host-endpoints':
          this.#renderHostEndpoints(family, unit);
          break;
        case 'hosts':
          this.#hostSets(family);
          break;
        case 'pools':
          this.#poolSets(family);
          break;
        case 'this-host': {
          const own = this.#interfaces
            .filter(({ name }) => !this.#settings.workloadPrefixes.some((prefix) => name.startsWith(prefix)))
            .flatMap((one) => (family.version === 4 ? one.ipv4 : one.ipv6));
          const loopback = family.version === 4 ? ['127.0.0.0', '127.0.0.1'] : ['::1'];
          family.sets.replace('this-host', 'ip', [...own, ...loopback]);
          break;
        }
      }
    }
  }

  #staticChains({ version }: Family): readonly Chain[] {
    return staticChains({
      version,
      settings: this.#settings,
      encapsulation: this.#encapsulation,
      anyHostEndpoint: this.#assignment.any !== undefined,
      anyPreDnat: (this.#assignment.any?.preDnatTiers.length ?? 0) > 0,
      serviceCidrs: this.#program['service-cidrs'].get('default') ?? [],
    });
  }

  #natChains({ version }: Family): readonly Chain[] {
    const devices = ['tunl0', version === 4 ? 'vxlan.calico' : 'vxlan-v6.calico'];
    const { ipip, vxlan, vxlanV6 } = this.#encapsulation;
    return natChains({
      version,
      settings: this.#settings,
      natOutgoing: [...this.#program.pool.values()].some(
        (pool) => pool.natOutgoing && pool.cidr.includes(':') === (version === 6),
      ),
      tunnelDevices: this.#interfaces
        .filter(({ name }) => devices.includes(name) && (name !== 'tunl0' || ipip))
        .filter((one) => (version === 4 ? one.ipv4 : one.ipv6).length > 0)
        .map(({ name }) => name)
        .sort(),
      vxlan: version === 4 ? vxlan : vxlanV6,
      workloads: this.#program.workload.values(),
    });
  }

  #spoofingChain({ version }: Family): Chain {
    const rules: Rule[] = [];
    const workloads = [...this.#activeWorkloads]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([, key]) => this.#program.workload.get(key) ?? []);
    for (const workload of this.#settings.spoofingAllowed ? workloads : []) {
      for (const net of workload.allowSpoofedSourcePrefixes) {
        if (net.includes(':') !== (version === 6)) continue;
        rules.push({
          match: [
            { on: 'interface', direction: 'in', name: workload.interfaceName },
            { on: 'nets', side: 'source', nets: [net] },
          ],
          actions: [{ do: 'accept' }],
        });
      }
    }
    return { table: 'raw', name: 'cali-rpf-skip', rules };
  }

  #policyChains({ version }: Family, key: string): readonly Chain[] {
    const policy = this.#program.policy.get(key);
    if (!policy) return [];
    const own: PolicyTable = policy.untracked ? 'raw' : policy.preDnat ? 'mangle' : 'filter';
    const tables: readonly PolicyTable[] =
      own === 'filter' && this.#mangled.has(`policy ${key}`) ? ['filter', 'mangle'] : [own];
    const owner = { tier: policy.tier, ...policy.id };
    return tables.flatMap((table) =>
      (table === own ? (['ingress', 'egress'] as const) : (['egress'] as const)).map((direction) => ({
        table,
        name: this.#policyChain(key, direction),
        rules: policyRules(direction === 'ingress' ? policy.inbound : policy.outbound, {
          settings: this.#settings,
          version,
          table,
          owner,
        }),
      })),
    );
  }

  #policyChain(key: string, direction: 'ingress' | 'egress'): string {
    const [kind = '', namespace = '', ...rest] = key.split('/');
    const id = { kind, name: rest.join('/'), ...(namespace === '' ? {} : { namespace }) };
    const prefix = direction === 'ingress' ? 'cali-pi-' : 'cali-po-';
    return chainName(prefix, policyChainId(id), chainNameLimit(this.#settings.dataplane));
  }

  #profileChains({ version }: Family, name: string): readonly Chain[] {
    const profile = this.#program.profile.get(name);
    if (!profile) return [];
    const tables: readonly PolicyTable[] = this.#mangled.has(`profile ${name}`)
      ? ['filter', 'mangle']
      : ['filter'];
    const limit = chainNameLimit(this.#settings.dataplane);
    return tables.flatMap((table) =>
      (table === 'filter' ? (['cali-pri-', 'cali-pro-'] as const) : (['cali-pro-'] as const)).map(
        (prefix) => ({
          table,
          name: chainName(prefix, name, limit),
          rules: policyRules(prefix === 'cali-pri-' ? profile.inbound : profile.outbound, {
            settings: this.#settings,
            version,
            table,
            owner: { tier: 'default', kind: 'Profile', name },
          }),
        }),
      ),
    );
  }

  #endpointContext(table: PolicyTable, groups: Chain[]): EndpointContext {
    return {
      settings: this.#settings,
      table,
      policyChain: (key, direction) => this.#policyChain(key, direction),
      addGroup: (chain) => groups.push(chain),
    };
  }

  #renderWorkload(family: Family, unit: string, name: string): void {
    const keys = [...(this.#byInterface.get(name) ?? [])];
    const order = (key: string): string => {
      const { orchestrator, workload, endpoint } = this.#program.workload.get(key)!.id;
      return `${orchestrator}\n${workload}\n${endpoint}\n${key}`;
    };
    const key = keys.sort((a, b) => (order(a) < order(b) ? -1 : 1))[0];
    const workload = key === undefined ? undefined : this.#program.workload.get(key);
    const usable =
      workload !== undefined &&
      (workload.allowSpoofedSourcePrefixes.length === 0 || this.#settings.spoofingAllowed);
    if (key === undefined || !usable) {
      this.#activeWorkloads.delete(name);
      this.#setUnit(family, unit, []);
      this.#setMapEntry(family, 'filter-cali-to-wl-dispatch', name, undefined);
      this.#setMapEntry(family, 'filter-cali-from-wl-dispatch', name, undefined);
      return;
    }
    this.#activeWorkloads.set(name, key);
    const groups: Chain[] = [];
    const chains = workloadChains(workload, this.#endpointContext('filter', groups));
    this.#setUnit(family, unit, [...groups, ...chains]);
    this.#setMapEntry(family, 'filter-cali-to-wl-dispatch', name, chains[0]!.name);
    this.#setMapEntry(family, 'filter-cali-from-wl-dispatch', name, chains[1]!.name);
  }

  #renderHostEndpoints(family: Family, unit: string): void {
    const chains: Chain[] = [];
    const maps = new Map<string, Map<string, string>>();
    for (const { table, name } of dispatchChains) {
      if (!name.endsWith('-wl-dispatch')) maps.set(chainKey(table, name), new Map());
    }
    const { byInterface, any } = this.#assignment;
    for (const [name, endpoint] of [...byInterface, ...(any ? [[anyInterface, any] as const] : [])]) {
      for (const [table, dispatch, prefix, type, direction] of hostEndpointChains) {
        if (table === 'raw' && name === anyInterface) continue;
        if (type === 'pre-dnat' && name === anyInterface && endpoint.preDnatTiers.length === 0) continue;
        const groups: Chain[] = [];
        const chain = hostChainName(prefix, name, this.#settings);
        const rules = hostEndpointRules(endpoint, type, direction, this.#endpointContext(table, groups));
        chains.push(...groups, { table, name: chain, rules });
        if (name !== anyInterface) maps.get(chainKey(table, dispatch))!.set(name, chain);
      }
    }
    this.#setUnit(family, unit, chains);
    for (const [key, entries] of maps) {
      if (sameEntries(family.maps.get(key), entries)) continue;
      family.maps.set(key, entries);
      family.dirtyMaps.add(key);
    }
  }

  #hostSets({ version, sets }: Family): void {
    const external = this.#settings.externalNodes.filter((net) => net.includes(':') === (version === 6));
    const { ipip, vxlan, vxlanV6 } = this.#encapsulation;
    if ((version === 4 && ipip) || this.#settings.natExcludesHosts) {
      const hosts = [...this.#program.host.values()].flatMap(
        (host) => (version === 4 ? host.ipv4 : host.ipv6) ?? [],
      );
      sets.replace('all-hosts-net', 'net', [...hosts, ...external]);
    } else sets.delete('all-hosts-net');
    if (version === 4 ? vxlan : vxlanV6) {
      const own = new Set(this.#interfaces.flatMap((one) => (version === 4 ? one.ipv4 : one.ipv6)));
      const vteps = [...this.#program.vtep.values()]
        .flatMap((vtep) => (version === 4 ? vtep.ipv4 : vtep.ipv6)?.parentAddress ?? [])
        .filter((address) => !own.has(address));
      sets.replace('all-vxlan-net', 'net', [...vteps, ...external]);
    } else sets.delete('all-vxlan-net');
  }

  #poolSets({ version, sets }: Family): void {
    const pools = [...this.#program.pool.values()].filter(
      (pool) => pool.cidr.includes(':') === (version === 6),
    );
    sets.replace(
      'network-ip-pools',
      'net',
      pools.map(({ cidr }) => cidr),
    );
    sets.replace(
      'masq-ipam-pools',
      'net',
      pools.filter((pool) => pool.natOutgoing).map(({ cidr }) => cidr),
    );
  }

  /** Replaces the chains of a unit. Group chains may have several owners; others have one. */
  #setUnit(family: Family, unit: string, chains: readonly Chain[]): void {
    const keys = new Map<string, Chain>(
      chains.map((chain) => [
        chainKey(chain.table, chain.name),
        this.#refusals.accepted(family.version, chain),
      ]),
    );
    const before = family.unitChains.get(unit) ?? [];
    const kept = new Set(before);
    for (const [key, chain] of keys) {
      const existing = family.chains.get(key);
      if (!existing) {
        family.chains.set(key, { chain, owners: 1 });
        family.dirtyChains.add(key);
        continue;
      }
      if (!kept.has(key)) existing.owners++;
      // A group's name is made of its content.
      if (existing.chain !== chain && !isGroup(chain.name)) {
        existing.chain = chain;
        family.dirtyChains.add(key);
      }
    }
    for (const key of before) {
      if (keys.has(key)) continue;
      const existing = family.chains.get(key);
      if (!existing) continue;
      existing.owners--;
      if (existing.owners > 0) continue;
      family.chains.delete(key);
      family.dirtyChains.add(key);
      this.#refusals.forget(family.version, key);
    }
    if (keys.size > 0) family.unitChains.set(unit, [...keys.keys()]);
    else family.unitChains.delete(unit);
  }

  #setMapEntry(family: Family, map: string, name: string, chain: string | undefined): void {
    const entries = family.maps.get(map)! as Map<string, string>;
    if (entries.get(name) === chain) return;
    if (chain === undefined) entries.delete(name);
    else entries.set(name, chain);
    family.dirtyMaps.add(map);
  }
}

/** Chains of a host endpoint: table, dispatcher, prefix, list, direction. */
const hostEndpointChains = [
  ['raw', 'cali-from-host-endpoint', 'cali-fh-', 'untracked', 'ingress'],
  ['raw', 'cali-to-host-endpoint', 'cali-th-', 'untracked', 'egress'],
  ['mangle', 'cali-from-host-endpoint', 'cali-fh-', 'pre-dnat', 'ingress'],
  ['mangle', 'cali-to-host-endpoint', 'cali-th-', 'normal', 'egress'],
  ['filter', 'cali-from-host-endpoint', 'cali-fh-', 'normal', 'ingress'],
  ['filter', 'cali-to-host-endpoint', 'cali-th-', 'normal', 'egress'],
  ['filter', 'cali-from-hep-forward', 'cali-fhfw-', 'forward', 'ingress'],
  ['filter', 'cali-to-hep-forward', 'cali-thfw-', 'forward', 'egress'],
] as const;

function isGroup(name: string): boolean {
  return name.startsWith('cali-gi-') || name.startsWith('cali-go-');
}

function sameEntries(a: ReadonlyMap<string, string> | undefined, b: ReadonlyMap<string, string>): boolean {
  if (!a || a.size !== b.size) return false;
  for (const [key, value] of b) if (a.get(key) !== value) return false;
  return true;
}
