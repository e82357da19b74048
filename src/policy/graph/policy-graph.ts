/**
 * The calculation graph: resources in, the host's program out.
 *
 * Updates are only noted; {@link PolicyGraph.flush} resolves what they touched and hands over the difference. The
 * program depends on the resources that are there, never on how they came. Upstream source: felix/calc.
 */
import type { Key } from '../../datastore/port.ts';
import type { SyncConsumer, SyncStatus, SyncUpdate } from '../../datastore/syncer.types.ts';
import { messageOf } from '../../errors.ts';
import type { Resource } from '../../resources/resource.ts';
import { matchesLabels, parseSelector } from '../../selector/index.ts';
import { hostEndpointItem, type LabelledItem, networkSetItem, workloadItem } from '../model/endpoint.ts';
import { translateClusterPolicy } from '../model/kubernetes-cluster-policy.ts';
import { translateKubernetesPolicy } from '../model/kubernetes-policy.ts';
import {
  type ParsedProfile,
  policyKinds,
  translatePolicy,
  translateProfile,
} from '../model/translate-policy.ts';
import type { ParsedRule } from '../model/translate-rule.ts';
import type {
  PolicyId,
  PolicyProgram,
  ProfileProgram,
  ProgramEntries,
  ProgramKind,
  ProgramRule,
  ProgramSource,
  ProgramUpdate,
} from '../program.ts';
import { policyKey } from '../program.ts';
import { hostEndpointProgram, workloadProgram } from './endpoint-programs.ts';
import { IpSetIndex } from './ip-set-index.ts';
import { blockInfo, configText, nodeInfo, poolInfo, serviceCidrs } from './passthrough.ts';
import { PolicyResolver } from './policy-resolver.ts';
import { RouteResolver } from './route-resolver.ts';
import { scanRule } from './rule-scanner.ts';
import { ServiceSets } from './service-sets.ts';

/** The profile that every client sees although it is stored nowhere. */
const defaultAllow: Resource = {
  apiVersion: 'projectcalico.org/v3',
  kind: 'Profile',
  metadata: { name: 'projectcalico-default-allow' },
  spec: { ingress: [{ action: 'Allow' }], egress: [{ action: 'Allow' }] },
};

/** What the graph needs to know. */
export interface PolicyGraphOptions {
  /** Name of the node whose program it is. */
  readonly hostname: string;
  /** Told of resources that cannot be used; all others are. */
  readonly onInvalid?: (object: string, reason: string) => void;
}

interface LocalEndpoint {
  readonly kind: 'workload' | 'host-endpoint';
  readonly resource: Resource;
  readonly profiles: readonly string[];
}

type Tables = { readonly [K in ProgramKind]: Map<string, ProgramEntries[K]> };

/** See the module's comment. */
export class PolicyGraph implements SyncConsumer, ProgramSource {
  readonly #hostname: string;
  readonly #options: PolicyGraphOptions;
  readonly #sets = new IpSetIndex();
  readonly #services = new ServiceSets();
  readonly #routes: RouteResolver;
  readonly #resolver: PolicyResolver;
  readonly #profiles = new Map<string, ParsedProfile>();
  readonly #profileUses = new Map<string, number>();
  readonly #local = new Map<string, LocalEndpoint>();
  readonly #felixConfigs = new Map<string, Resource>();
  /** Sets that the rules of a program entry hold. */
  readonly #claims = new Map<string, readonly string[]>();
  readonly #dirtyPolicies = new Set<string>();
  readonly #dirtyProfiles = new Set<string>();
  readonly #dirtyEndpoints = new Set<string>();
  /** Changes of the kinds that are kept without calculation. */
  readonly #simple: ProgramUpdate[] = [];
  #configDirty = true;
  #status: SyncStatus = 'waiting';
  readonly #tables: Tables = {
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

  constructor(options: PolicyGraphOptions) {
    this.#hostname = options.hostname;
    this.#options = options;
    this.#routes = new RouteResolver(options.hostname);
    this.#resolver = new PolicyResolver({
      endpoint: (id) => this.#dirtyEndpoints.add(id),
      policyActivity: (key) => this.#dirtyPolicies.add(key),
    });
    this.#setProfile(defaultAllow.metadata.name, defaultAllow);
    this.#setSimple('ready', 'default', false);
    this.#setSimple('service-cidrs', 'default', []);
  }

  onStatus(status: SyncStatus): void {
    this.#status = status;
  }

  onUpdates(updates: readonly SyncUpdate[]): void {
    for (const update of updates) {
      const key = update.type === 'put' ? update.kv.key : update.key;
      const value = update.type === 'put' ? update.kv.value : undefined;
      try {
        this.#update(key, value);
      } catch (error) {
        // An object that cannot be read counts as absent: it must not cost any other.
        this.#update(key, undefined);
        this.#options.onInvalid?.(nameOfKey(key), messageOf(error));
      }
    }
  }

  entries<K extends ProgramKind>(kind: K): ReadonlyMap<string, ProgramEntries[K]> {
    return kind === 'route'
      ? (this.#routes.routes as ReadonlyMap<string, ProgramEntries[K]>)
      : this.#tables[kind];
  }

  flush(): readonly ProgramUpdate[] {
    if (this.#status !== 'in-sync') return [];
    this.#flushConfig();
    const puts: ProgramUpdate[] = [];
    const deletes: ProgramUpdate[] = [];
    this.#flushEndpoints(puts, deletes);
    const rules: ProgramUpdate[] = [];
    this.#flushPolicies(rules, deletes);
    this.#flushProfiles(rules, deletes);
    const { before, after } = this.#flushSets();
    const routes = this.#routes.takeChanges();
    const simple = this.#simple.splice(0);
    return [
      ...simple,
      ...before,
      ...rules,
      ...puts,
      ...deletes,
      ...after,
      ...routes.deleted.map((key): ProgramUpdate => ({ op: 'delete', kind: 'route', key })),
      ...routes.put.map(([key, value]): ProgramUpdate => ({ op: 'put', kind: 'route', key, value })),
    ];
  }

  #update(key: Key, value: unknown): void {
    if (key.type === 'block') {
      this.#routes.setBlock(key.cidr, value === undefined ? undefined : blockInfo(value as never));
      return;
    }
    if (key.type !== 'resource') return;
    const resource = value as Resource | undefined;
    const { kind, name } = key;
    const path = key.namespace === undefined ? name : `${key.namespace}/${name}`;
    const id: PolicyId = { kind, name, ...(key.namespace === undefined ? {} : { namespace: key.namespace }) };
    if (policyKinds.has(kind)) {
      // Staged policies are never enforced, so the host's program has no place for them.
      if (kind.startsWith('Staged')) return;
      this.#setPolicy(id, resource);
      return;
    }
    switch (kind) {
      case 'KubernetesNetworkPolicy':
        this.#setPolicy(id, resource && translateKubernetesPolicy(resource, this.#options.onInvalid));
        return;
      case 'KubernetesClusterNetworkPolicy':
        this.#setPolicy(id, resource && translateClusterPolicy(resource, this.#options.onInvalid));
        return;
      case 'Tier':
        this.#setTier(name, resource);
        return;
      case 'Profile':
        if (name !== defaultAllow.metadata.name) this.#setProfile(name, resource);
        return;
      case 'WorkloadEndpoint':
        this.#setEndpoint('workload', path, resource, workloadItem);
        return;
      case 'HostEndpoint':
        this.#setEndpoint('host-endpoint', path, resource, hostEndpointItem);
        return;
      case 'NetworkSet':
      case 'GlobalNetworkSet':
        this.#setItem(`set ${path}`, resource && networkSetItem(resource));
        return;
      case 'EndpointSlice':
        this.#services.setSlice(path, resource);
        return;
      case 'Node':
        this.#setNode(name, resource);
        return;
      case 'IPPool': {
        const pool = resource && poolInfo(resource);
        this.#routes.setPool(name, pool);
        this.#setSimple('pool', name, pool);
        return;
      }
      case 'FelixConfiguration':
        if (resource) this.#felixConfigs.set(name, resource);
        else this.#felixConfigs.delete(name);
        this.#configDirty = true;
        return;
      case 'BGPConfiguration':
        if (name === 'default') this.#setSimple('service-cidrs', 'default', serviceCidrs(resource));
        return;
      case 'ClusterInformation':
        if (name === 'default')
          this.#setSimple('ready', 'default', resource?.spec['datastoreReady'] === true);
        return;
    }
  }

  #setPolicy(id: PolicyId, resource: Resource | undefined): void {
    const key = policyKey(id);
    this.#dirtyPolicies.add(key);
    const policy = resource && translatePolicy(resource, id);
    // Parsed here so that a selector that cannot be read is found before anything is changed.
    if (policy) this.#resolver.setPolicy(key, policy, parseSelector(policy.selector));
    else this.#resolver.deletePolicy(key);
  }

  #setTier(name: string, resource: Resource | undefined): void {
    const spec = resource?.spec as { order?: number | null; defaultAction?: string } | undefined;
    this.#resolver.setTier(
      name,
      spec && {
        name,
        order: spec.order ?? Number.POSITIVE_INFINITY,
        defaultAction: spec.defaultAction?.toLowerCase() === 'pass' ? 'pass' : 'deny',
      },
    );
  }

  #setProfile(name: string, resource: Resource | undefined): void {
    const profile = resource && translateProfile(resource);
    if (profile) this.#profiles.set(name, profile);
    else this.#profiles.delete(name);
    this.#resolver.setParent(name, profile?.labels);
    this.#sets.setParent(name, profile?.labels);
    this.#dirtyProfiles.add(name);
  }

  #setItem(id: string, item: LabelledItem | undefined): void {
    if (item) this.#sets.setItem(id, item);
    else this.#sets.deleteItem(id);
  }

  #setEndpoint(
    kind: LocalEndpoint['kind'],
    path: string,
    resource: Resource | undefined,
    itemOf: (resource: Resource) => LabelledItem,
  ): void {
    const id = `${kind} ${path}`;
    const item = resource && itemOf(resource);
    const usable = kind === 'host-endpoint' || Boolean(resource?.spec['interfaceName']);
    this.#setItem(id, usable ? item : undefined);
    const old = this.#local.get(id);
    if (resource && item && usable && resource.spec['node'] === this.#hostname) {
      this.#local.set(id, { kind, resource, profiles: item.parents });
      this.#countProfiles(item.parents, 1);
      this.#resolver.setEndpoint(id, item.labels, item.parents);
      this.#dirtyEndpoints.add(id);
    } else if (old) {
      this.#local.delete(id);
      this.#resolver.deleteEndpoint(id);
      this.#dirtyEndpoints.add(id);
    }
    if (old) this.#countProfiles(old.profiles, -1);
  }

  #countProfiles(names: readonly string[], change: 1 | -1): void {
    for (const name of names) {
      const uses = (this.#profileUses.get(name) ?? 0) + change;
      if (uses === 0) this.#profileUses.delete(name);
      else this.#profileUses.set(name, uses);
      this.#dirtyProfiles.add(name);
    }
  }

  #setNode(name: string, resource: Resource | undefined): void {
    const info = resource && nodeInfo(resource);
    this.#routes.setHost(name, info?.host, info?.tunnels ?? []);
    this.#setSimple('host', name, info?.host);
    this.#setSimple('vtep', name, info?.vtep);
    if (name === this.#hostname) this.#configDirty = true;
  }

  #setSimple<K extends ProgramKind>(kind: K, key: string, value: ProgramEntries[K] | undefined): void {
    const table: Map<string, ProgramEntries[K]> = this.#tables[kind];
    if (value === undefined) {
      if (table.delete(key)) this.#simple.push({ op: 'delete', kind, key });
      return;
    }
    if (table.has(key) && JSON.stringify(table.get(key)) === JSON.stringify(value)) return;
    table.set(key, value);
    this.#simple.push({ op: 'put', kind, key, value } as ProgramUpdate);
  }

  #flushConfig(): void {
    if (!this.#configDirty) return;
    this.#configDirty = false;
    const labels = this.#tables.host.get(this.#hostname)?.labels ?? {};
    this.#setSimple('config', 'default', {
      global: configText(this.#felixConfigs.get('default')),
      selected: configText(this.#selectedConfig(labels)),
      node: configText(this.#felixConfigs.get(`node.${this.#hostname}`)),
    });
  }

  /** Of the configurations whose nodeSelector matches, the oldest; ties by name. */
  #selectedConfig(labels: Readonly<Record<string, string>>): Resource | undefined {
    const matching = [...this.#felixConfigs.values()].filter(({ spec }) => {
      const selector = spec['nodeSelector'];
      if (typeof selector !== 'string' || selector === '') return false;
      try {
        return matchesLabels(parseSelector(selector), labels);
      } catch {
        return false;
      }
    });
    const age = ({ metadata }: Resource) => `${metadata.creationTimestamp ?? ''} ${metadata.name}`;
    return matching.sort((a, b) => (age(a) < age(b) ? -1 : 1))[0];
  }

  #flushEndpoints(puts: ProgramUpdate[], deletes: ProgramUpdate[]): void {
    for (const id of this.#dirtyEndpoints) {
      const endpoint = this.#local.get(id);
      const kind = id.startsWith('workload ') ? 'workload' : 'host-endpoint';
      const key = id.slice(kind.length + 1);
      if (!endpoint) {
        if (this.#tables[kind].delete(key)) deletes.push({ op: 'delete', kind, key });
        if (kind === 'workload') this.#routes.setLocalWorkload(key, []);
        continue;
      }
      const lists = this.#resolver.listsOf(id);
      if (kind === 'workload') {
        const value = workloadProgram(endpoint.resource, lists);
        this.#routes.setLocalWorkload(key, [...value.ipv4Nets, ...value.ipv6Nets]);
        this.#tables.workload.set(key, value);
        puts.push({ op: 'put', kind, key, value });
      } else {
        const value = hostEndpointProgram(endpoint.resource, lists);
        this.#tables['host-endpoint'].set(key, value);
        puts.push({ op: 'put', kind, key, value });
      }
    }
    this.#dirtyEndpoints.clear();
  }

  #flushPolicies(puts: ProgramUpdate[], deletes: ProgramUpdate[]): void {
    for (const key of this.#dirtyPolicies) {
      const policy = this.#resolver.isActive(key) ? this.#resolver.policy(key) : undefined;
      if (!policy) {
        this.#claim(`policy ${key}`, []);
        if (this.#tables.policy.delete(key)) deletes.push({ op: 'delete', kind: 'policy', key });
        continue;
      }
      const value: PolicyProgram = {
        id: policy.id,
        tier: policy.tier,
        ...this.#scan(`policy ${key}`, policy.rules),
        untracked: policy.untracked,
        preDnat: policy.preDnat,
        staged: policy.staged,
      };
      this.#tables.policy.set(key, value);
      puts.push({ op: 'put', kind: 'policy', key, value });
    }
    this.#dirtyPolicies.clear();
  }

  #flushProfiles(puts: ProgramUpdate[], deletes: ProgramUpdate[]): void {
    for (const name of this.#dirtyProfiles) {
      if (!this.#profileUses.has(name)) {
        this.#claim(`profile ${name}`, []);
        if (this.#tables.profile.delete(name)) deletes.push({ op: 'delete', kind: 'profile', key: name });
        continue;
      }
      const profile = this.#profiles.get(name);
      const value: ProfileProgram = profile
        ? { name, ...this.#scan(`profile ${name}`, profile.rules) }
        : missingProfile(name);
      if (!profile) this.#claim(`profile ${name}`, []);
      this.#tables.profile.set(name, value);
      puts.push({ op: 'put', kind: 'profile', key: name, value });
    }
    this.#dirtyProfiles.clear();
  }

  #flushSets(): { before: ProgramUpdate[]; after: ProgramUpdate[] } {
    const before: ProgramUpdate[] = [];
    const after: ProgramUpdate[] = [];
    const table = this.#tables['ip-set'];
    for (const source of [this.#sets, this.#services]) {
      const changes = source.takeChanges();
      for (const key of changes.added) {
        const { id, kind, members } = source.get(key)!;
        const value = { id, kind, members };
        table.set(key, value);
        before.push({ op: 'put', kind: 'ip-set', key, value });
      }
      for (const delta of changes.deltas) before.push({ op: 'members', ...delta });
      for (const key of changes.removed) {
        table.delete(key);
        after.push({ op: 'delete', kind: 'ip-set', key });
      }
    }
    return { before, after };
  }

  #scan(
    owner: string,
    rules: () => { readonly inbound: readonly ParsedRule[]; readonly outbound: readonly ParsedRule[] },
  ): { readonly inbound: readonly ProgramRule[]; readonly outbound: readonly ProgramRule[] } {
    const claims = { sets: this.#sets, services: this.#services, claimed: [] as string[] };
    try {
      const { inbound, outbound } = rules();
      const scanned = {
        inbound: inbound.map((rule) => scanRule(rule, claims)),
        outbound: outbound.map((rule) => scanRule(rule, claims)),
      };
      this.#claim(owner, claims.claimed);
      return scanned;
    } catch (error) {
      // What is in force but cannot be read must open nothing: without rules, the end of the tier decides.
      this.#claim(owner, claims.claimed);
      this.#claim(owner, []);
      this.#options.onInvalid?.(owner, messageOf(error));
      return { inbound: [], outbound: [] };
    }
  }

  /** Replaces the sets that an owner holds; new ones are claimed already, so that a set in both lives on. */
  #claim(owner: string, sets: readonly string[]): void {
    for (const id of this.#claims.get(owner) ?? []) {
      if (id.startsWith('svc')) this.#services.release(id);
      else this.#sets.release(id);
    }
    if (sets.length > 0) this.#claims.set(owner, sets);
    else this.#claims.delete(owner);
  }
}

function missingProfile(name: string): ProfileProgram {
  const side = {
    nets: [],
    notNets: [],
    ports: [],
    notPorts: [],
    namedPortSets: [],
    notNamedPortSets: [],
    sets: [],
    notSets: [],
    portSets: [],
  };
  const deny = (direction: 'ingress' | 'egress'): ProgramRule => ({
    action: 'deny',
    source: side,
    destination: side,
    origin: { direction, index: 0 },
  });
  return { name, inbound: [deny('ingress')], outbound: [deny('egress')] };
}

function nameOfKey(key: Key): string {
  if (key.type !== 'resource') return JSON.stringify(key);
  return `${key.kind}(${key.namespace === undefined ? '' : `${key.namespace}/`}${key.name})`;
}
