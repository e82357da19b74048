/** An inventory seen through a Kubespray release: groups by meaning, and every variable of every host evaluated. */
import { tryParseAddress } from '../../ip/index.ts';
import type { Host, LoadedInventory, Position } from '../inventory/index.ts';
import { HostScope, type Resolved } from '../template/host-scope.ts';
import { isList, isMapping, type Mapping, text, truthy, type Value } from '../values/value.ts';
import { defaultsOf, isSince, type Release } from '../variables/index.ts';

/** Groups by meaning, under their old and new names. */
const groupNames = {
  controlPlane: ['kube_control_plane', 'kube-master'],
  node: ['kube_node', 'kube-node'],
  etcd: ['etcd'],
  cluster: ['k8s_cluster', 'k8s-cluster'],
  reflector: ['calico_rr', 'calico-rr'],
} as const;

/** A meaning of {@link groupNames}. */
export type GroupRole = keyof typeof groupNames;

/** The view; everything in it is computed on demand and kept. */
export class ClusterView {
  private readonly scopes = new Map<Host, HostScope>();
  private readonly defaults: ReadonlyMap<string, Value>;
  private readonly groupCache = new Map<GroupRole, readonly Host[]>();
  private groupsValue: Mapping | undefined;
  private readonly hostVars: Mapping;
  constructor(
    readonly loaded: LoadedInventory,
    readonly release: Release,
    readonly etcdScheme: 'http' | 'https',
  ) {
    this.defaults = defaultsOf(release);
    this.hostVars = new LazyMapping((name) => {
      const host = loaded.inventory.hosts.get(name);
      return host && new LazyMapping((variable) => knownValue(this.scope(host).get(variable)));
    });
  }

  /** True from a release on. */
  since(release: string): boolean {
    return isSince(this.release, release);
  }

  /** The name of a group as this release writes it. */
  groupName(role: GroupRole): string {
    const [modern, old] = groupNames[role];
    return this.since('2.16') || old === undefined ? modern : old;
  }

  /** Members of a group in Ansible's order. */
  group(role: GroupRole): readonly Host[] {
    const known = this.groupCache.get(role);
    if (known) return known;
    const result = this.loaded.inventory.hostsOf(this.groupName(role));
    this.groupCache.set(role, result);
    return result;
  }

  /** Hosts that run calico-node. */
  cluster(): readonly Host[] {
    return this.group('cluster');
  }

  /** The host whose variables make cluster-wide resources. */
  first(): Host | undefined {
    return this.group('controlPlane')[0];
  }

  /** The host whose variables decide about the mesh: the first of the play. */
  playFirst(): Host | undefined {
    return this.cluster()[0];
  }

  /** Evaluated variables of a host. */
  scope(host: Host): HostScope {
    const known = this.scopes.get(host);
    if (known) return known;
    const variables = this.loaded.variables(host);
    const scope = new HostScope(
      (name) =>
        variables.get(name)?.value ??
        this.magic(host, name) ??
        this.defaults.get(name) ??
        (variables.has(name) ? null : undefined),
    );
    this.scopes.set(host, scope);
    return scope;
  }

  /** A variable with its absence or error. */
  resolve(host: Host, name: string): Resolved {
    return this.scope(host).get(name);
  }

  /** A variable's value; undefined if it has none or cannot be had (which a check reports). */
  value(host: Host | undefined, name: string): Value | undefined {
    return host && knownValue(this.resolve(host, name));
  }

  /** As text, the way a template prints it. */
  text(host: Host | undefined, name: string): string | undefined {
    const value = this.value(host, name);
    return value === undefined ? undefined : text(value);
  }

  /** As a `when:` condition sees it: text such as `false` is true. */
  flag(host: Host | undefined, name: string): boolean {
    const value = this.value(host, name);
    return value !== undefined && truthy(value);
  }

  /** True if the inventory itself sets it. */
  isSet(host: Host, name: string): boolean {
    return this.loaded.variables(host).has(name);
  }

  /** Where the value that a host sees was written. */
  origin(host: Host, name: string): Position | undefined {
    return this.loaded.variables(host).get(name)?.position;
  }

  /** The node's address and how it was found. */
  address(host: Host): { readonly address: string; readonly from: 'ip' | 'ansible_host' | 'fallback' } {
    const ip = this.text(host, 'ip');
    if (ip !== undefined && ip !== '') return { address: ip, from: 'ip' };
    if (this.since('2.28') && !this.flag(host, 'ipv4_stack')) {
      const six = this.text(host, 'ip6');
      if (six !== undefined && six !== '') return { address: six, from: 'ip' };
    }
    return this.fallback(host);
  }

  private fallback(host: Host): { readonly address: string; readonly from: 'ansible_host' | 'fallback' } {
    const variables = this.loaded.variables(host);
    const target = variables.get('ansible_host') ?? variables.get('ansible_ssh_host');
    const address = target === undefined ? host.name : text(target.value);
    if (tryParseAddress(address)) return { address, from: 'ansible_host' };
    return { address: '127.0.0.1', from: 'fallback' };
  }

  /** The address that others use for etcd. */
  accessAddress(host: Host): string {
    const access = this.text(host, 'access_ip');
    return access !== undefined && access !== '' ? access : this.address(host).address;
  }

  /** Hosts that run etcd: the group, or from 2.28 the control plane. */
  etcdHosts(): readonly Host[] {
    const group = this.group('etcd');
    return group.length === 0 && this.since('2.28') ? this.group('controlPlane') : group;
  }

  private magic(host: Host, name: string): Value | undefined {
    switch (name) {
      case 'inventory_hostname':
        return host.name;
      case 'inventory_hostname_short':
        return host.name.split('.')[0] ?? '';
      case 'group_names':
        return this.groupNamesOf(host);
      case 'groups':
        return this.groups();
      case 'hostvars':
        return this.hostVars;
      case 'ansible_ssh_host':
        return this.loaded.variables(host).get('ansible_host')?.value ?? host.name;
      case 'ansible_host':
        return this.loaded.variables(host).get('ansible_ssh_host')?.value ?? host.name;
      case 'fallback_ip':
        return this.fallback(host).address;
      case 'ansible_default_ipv4':
        return new Map([['address', this.address(host).address]]);
      case 'etcd_urls':
        return this.etcdUrls();
      case 'etcd_member_default': {
        const at = this.etcdHosts().indexOf(host);
        return at < 0 ? '' : `etcd${at + 1}`;
      }
      default:
        return undefined;
    }
  }

  /** Client URLs of etcd. */
  etcdUrls(): readonly string[] {
    return this.etcdHosts().map((host) => {
      const address = this.accessAddress(host);
      return `${this.etcdScheme}://${address.includes(':') ? `[${address}]` : address}:2379`;
    });
  }

  /** Groups of a host, sorted, without `all`. */
  groupNamesOf(host: Host): string[] {
    return this.loaded.inventory
      .groupsOf(host)
      .map((group) => group.name)
      .filter((name) => name !== 'all')
      .sort();
  }

  private groups(): Mapping {
    if (this.groupsValue) return this.groupsValue;
    const result = new Map<string, Value>();
    for (const name of this.loaded.inventory.groups.keys())
      result.set(
        name,
        this.loaded.inventory.hostsOf(name).map((host) => host.name),
      );
    this.groupsValue = result;
    return result;
  }
}

function knownValue(resolved: Resolved): Value | undefined {
  return resolved.kind === 'value' ? resolved.value : undefined;
}

/** A mapping whose entries are computed when they are asked for: `hostvars` must not evaluate every host. */
class LazyMapping extends Map<string, Value> {
  constructor(private readonly find: (key: string) => Value | undefined) {
    super();
  }

  override get(key: string): Value | undefined {
    return this.find(key);
  }

  override has(key: string): boolean {
    return this.find(key) !== undefined;
  }
}

/** Entries of a list of mappings; anything else is left out (a check reports it). */
export function mappingsIn(value: Value | undefined): readonly Mapping[] {
  return isList(value) ? value.filter(isMapping) : [];
}
