/**
 * What the program asks of the host's network: routes, neighbours, forwarding entries, tunnel devices and interface
 * settings, kept as desired state of one reconciler each. Work per update is proportional to what it touches.
 */

import { release } from 'node:os';
import { cidrContains, tryParseAddress, tryParseCidr } from '../../ip/index.ts';
import { type Namespace, protocol, type Route, type RtNetlink } from '../../linux/index.ts';
import type { ProgramEntries, ProgramUpdate, RouteProgram, WorkloadProgram } from '../../policy/index.ts';
import type { ResolvedConfig } from '../config/index.ts';
import type { Encapsulation } from '../dataplane.ts';
import type { HostLinks } from '../host/host-links.ts';
import {
  type InterfaceSettings,
  interfaceSettingsDriver,
  workloadInterfaceSettings,
} from '../host/workload-interface.ts';
import { Reconciler } from '../reconcile/index.ts';
import {
  clusterRouteWishes,
  type ForwardingWish,
  forwardingDriver,
  forwardingKey,
  type LeavingAddresses,
  type NeighbourWish,
  neighbourDriver,
  neighbourKey,
  programmedRoutes,
  RouteTable,
  routeDriver,
  routeKey,
  tunnelDevice,
  workloadId,
  workloadRouteWishes,
} from '../routes/index.ts';
import {
  checksumOffloadBroken,
  detectMtus,
  type Mtus,
  type TunnelWish,
  tunnelDriver,
  vxlanMac,
} from '../tunnels/index.ts';
import { isOurRoute } from './route-ownership.ts';

/** What the state needs of its surroundings. */
export interface NetworkStateOptions {
  readonly nodeName: string;
  readonly config: ResolvedConfig;
  readonly netlink: RtNetlink;
  readonly links: HostLinks;
  readonly namespace?: Namespace;
  readonly defaultReversePathFilter: string;
  /** Whether an interface is too young for its unknown routes to be strays. */
  readonly isYoung: (index: number) => boolean;
  readonly leaving: LeavingAddresses;
}

/** See the file's comment. */
export class NetworkState {
  readonly routes: { readonly 4: Reconciler<Route>; readonly 6: Reconciler<Route> };
  readonly neighbours: { readonly 4: Reconciler<NeighbourWish>; readonly 6: Reconciler<NeighbourWish> };
  readonly forwarding: Reconciler<ForwardingWish>;
  readonly tunnels: Reconciler<TunnelWish>;
  readonly interfaces: Reconciler<InterfaceSettings>;

  readonly #options: NetworkStateOptions;
  readonly #tables: { readonly 4: RouteTable; readonly 6: RouteTable };
  /** Which key a destination has in the reconciler: it changes with the route's metric. */
  readonly #routeKeys = { 4: new Map<string, string>(), 6: new Map<string, string>() } as const;
  readonly #workloads = new Map<string, WorkloadProgram>();
  readonly #byInterface = new Map<string, Set<string>>();
  readonly #activeOn = new Map<string, string>();
  readonly #clusterRoutes = new Map<string, RouteProgram>();
  readonly #routesOf = new Map<string, Set<string>>();
  readonly #vteps = new Map<string, ProgramEntries['vtep']>();
  readonly #hosts = new Map<string, ProgramEntries['host']>();
  readonly #pools = new Map<string, ProgramEntries['pool']>();
  readonly #vtepEntries = new Map<string, { neighbours: string[]; forwarding: string[] }>();
  /** Names of the interfaces that hold this host's addresses, as of the last look. */
  #parents: { readonly 4: string | undefined; readonly 6: string | undefined } = {
    4: undefined,
    6: undefined,
  };

  constructor(options: NetworkStateOptions) {
    this.#options = options;
    const { netlink, links, config } = options;
    const nameOf = (index: number) => links.at(index)?.name;
    const ownership = {
      protocol: this.#protocol,
      isWorkload: (index: number) => this.isWorkloadInterface(nameOf(index) ?? ''),
      isYoung: options.isYoung,
      nameOf,
      removesExternal: config.config.RemoveExternalRoutes,
      ...programmedRoutes(config.config.ProgramClusterRoutes),
    };
    const routes = (version: 4 | 6) =>
      new Reconciler(
        routeDriver(
          netlink,
          version,
          (route) => this.routes[version].desired.has(routeKey(route)) || isOurRoute(route, ownership),
          nameOf,
          options.leaving,
        ),
      );
    this.routes = { 4: routes(4), 6: routes(6) };
    const ownNeighbours = (index: number) =>
      ownership.isWorkload(index) || this.#vxlanIndexes().includes(index);
    const neighbours = (version: 4 | 6) =>
      new Reconciler(neighbourDriver(netlink, version, ownNeighbours, nameOf));
    this.neighbours = { 4: neighbours(4), 6: neighbours(6) };
    this.forwarding = new Reconciler(forwardingDriver(netlink, () => this.#vxlanIndexes(), nameOf));
    this.tunnels = new Reconciler(tunnelDriver(netlink, options.namespace));
    this.interfaces = new Reconciler(
      interfaceSettingsDriver(() => this.interfaces.desired, options.namespace),
    );
    const table = (version: 4 | 6) =>
      new RouteTable(
        (name) => links.get(name),
        (dst, route) => this.#wantRoute(version, dst, route),
      );
    this.#tables = { 4: table(4), 6: table(6) };
  }

  /** All reconcilers in the order in which they are applied: devices and addresses before the routes through them. */
  get reconcilers(): readonly Reconciler<unknown>[] {
    const all = [
      this.interfaces,
      this.tunnels,
      this.neighbours[4],
      this.neighbours[6],
      this.forwarding,
      this.routes[4],
      this.routes[6],
    ];
    return all as unknown as readonly Reconciler<unknown>[];
  }

  /** Local endpoints of the program by key. */
  get workloads(): ReadonlyMap<string, WorkloadProgram> {
    return this.#workloads;
  }

  /** Number of interfaces that routes of an IP version are wanted through. */
  routedInterfaces(version: 4 | 6): number {
    return this.#tables[version].deviceCount;
  }

  /** Number of hosts of the cluster. */
  get hostCount(): number {
    return this.#hosts.size;
  }

  /** Whether the interface is of the kind that pods have. */
  isWorkloadInterface(name: string): boolean {
    return this.#options.config.config.InterfacePrefix.some((prefix) => name.startsWith(prefix));
  }

  /** The tunnels that the pools (or explicit settings) ask for. */
  get encapsulation(): Encapsulation {
    const { config } = this.#options.config;
    const pools = [...this.#pools.values()];
    const six = (cidr: string) => cidr.includes(':');
    return {
      ipip: config.IpInIpEnabled ?? pools.some((pool) => !six(pool.cidr) && pool.ipipMode !== 'Never'),
      vxlan: config.VXLANEnabled ?? pools.some((pool) => !six(pool.cidr) && pool.vxlanMode !== 'Never'),
      vxlanV6:
        config.Ipv6Support &&
        config.VXLANEnabled !== false &&
        pools.some((pool) => six(pool.cidr) && pool.vxlanMode !== 'Never'),
    };
  }

  /** The MTUs in force. */
  get mtus(): Mtus {
    const { config } = this.#options.config;
    return detectMtus(
      [...this.#options.links.all()].map((link) => ({
        name: link.name,
        up: link.up && link.operUp,
        mtu: link.mtu,
      })),
      {
        pattern: config.MTUIfacePattern,
        ipip: config.IpInIpMtu,
        vxlan: config.VXLANMTU,
        vxlanV6: config.VXLANMTUV6,
      },
      this.encapsulation,
    );
  }

  /** Takes updates of the program in; kinds that are not the network's are passed over. */
  take(updates: readonly ProgramUpdate[]): void {
    let hostMatters = false;
    for (const update of updates) {
      if (update.op === 'members') continue;
      const value = update.op === 'put' ? update : undefined;
      if (update.kind === 'vtep' || update.kind === 'host' || update.kind === 'pool') hostMatters = true;
      switch (update.kind) {
        case 'workload':
          this.#setWorkload(update.key, value?.kind === 'workload' ? value.value : undefined);
          break;
        case 'route':
          this.#setRoute(update.key, value?.kind === 'route' ? value.value : undefined);
          break;
        case 'vtep':
          this.#set(this.#vteps, update.key, value?.kind === 'vtep' ? value.value : undefined);
          this.#refreshVtep(update.key);
          for (const key of this.#routesOf.get(update.key) ?? []) this.#refreshRoute(key);
          break;
        case 'host':
          this.#set(this.#hosts, update.key, value?.kind === 'host' ? value.value : undefined);
          break;
        case 'pool':
          this.#set(this.#pools, update.key, value?.kind === 'pool' ? value.value : undefined);
          break;
        default:
      }
    }
    if (hostMatters) this.refreshHost();
  }

  /** Looks again at whatever depends on an interface that changed. */
  interfaceChanged(name: string, lostRoutes: boolean): void {
    if (this.isWorkloadInterface(name)) this.#refreshInterface(name);
    const index = this.#options.links.get(name)?.index;
    for (const version of [4, 6] as const) {
      const destinations = this.#tables[version].deviceChanged(name);
      if (!lostRoutes) continue;
      for (const dst of destinations) this.routes[version].doubt(this.#routeKeys[version].get(dst) ?? dst);
      for (const [key, wish] of this.neighbours[version].desired) {
        if (wish.index === index) this.neighbours[version].doubt(key);
      }
    }
    if (lostRoutes) this.interfaces.doubt(name);
    if (name === tunnelDevice.vxlan || name === tunnelDevice.vxlanV6) {
      if (lostRoutes) for (const key of this.forwarding.desired.keys()) this.forwarding.doubt(key);
      for (const node of this.#vteps.keys()) this.#refreshVtep(node);
    }
    this.refreshHost();
  }

  /** Reconsiders what depends on the host as a whole: tunnel devices, parent interface, MTUs. */
  refreshHost(): void {
    const { nodeName } = this.#options;
    const encapsulation = this.encapsulation;
    const mtus = this.mtus;
    const own = this.#hosts.get(nodeName);
    this.tunnels.want(
      tunnelDevice.ipip,
      encapsulation.ipip
        ? {
            kind: 'ipip',
            mtu: mtus.ipip,
            ...(own?.ipipTunnelAddress === undefined ? {} : { address: `${own.ipipTunnelAddress}/32` }),
          }
        : undefined,
    );
    this.tunnels.want(tunnelDevice.vxlan, encapsulation.vxlan ? this.#vxlanWish(4, mtus.vxlan) : undefined);
    this.tunnels.want(
      tunnelDevice.vxlanV6,
      encapsulation.vxlanV6 ? this.#vxlanWish(6, mtus.vxlanV6) : undefined,
    );
    const parents = { 4: this.#findParent(4), 6: this.#findParent(6) };
    if (parents[4] === this.#parents[4] && parents[6] === this.#parents[6]) return;
    this.#parents = parents;
    for (const key of this.#clusterRoutes.keys()) this.#refreshRoute(key);
  }

  /** Whether everything of an endpoint's network is in the kernel. */
  isProgrammed(key: string): boolean {
    const workload = this.#workloads.get(key);
    if (workload?.state !== 'active' || this.#activeOn.get(workload.interfaceName) !== key) return false;
    const link = this.#options.links.get(workload.interfaceName);
    if (!link?.up || !this.interfaces.isProgrammed(link.name)) return false;
    if (this.#options.config.config.RouteSyncDisabled) return true;
    return ([4, 6] as const).every((version) =>
      workloadRouteWishes(workload, version, this.#workloadSettings(version)).every((wish) => {
        const routeId = routeKey(wish);
        return !this.#supports(version) || this.routes[version].isProgrammed(routeId);
      }),
    );
  }

  /** The index of a device that frames are sent through, by name. */
  #vxlanIndexes(): readonly number[] {
    return [tunnelDevice.vxlan, tunnelDevice.vxlanV6].flatMap(
      (name) => this.#options.links.get(name)?.index ?? [],
    );
  }

  get #protocol(): number {
    const { config, origins } = this.#options.config;
    return origins.DeviceRouteProtocol === 'default' ? protocol.calico : config.DeviceRouteProtocol;
  }

  #priority(version: 4 | 6): number {
    const { config, origins } = this.#options.config;
    if (version === 6) return config.IPv6NormalRoutePriority;
    return origins.IPv4NormalRoutePriority === 'default' ? 0 : config.IPv4NormalRoutePriority;
  }

  #source(version: 4 | 6): { readonly source?: string } {
    const { config } = this.#options.config;
    const source = version === 4 ? config.DeviceRouteSourceAddress : config.DeviceRouteSourceAddressIPv6;
    return source === '' ? {} : { source };
  }

  #supports(version: 4 | 6): boolean {
    return version === 4 || this.#options.config.config.Ipv6Support;
  }

  #workloadSettings(version: 4 | 6) {
    return {
      protocol: this.#protocol,
      priority: this.#priority(version),
      floatingIps: this.#options.config.config.FloatingIPs === 'Enabled',
      ...this.#source(version),
    };
  }

  #set<V>(map: Map<string, V>, key: string, value: V | undefined): void {
    if (value === undefined) map.delete(key);
    else map.set(key, value);
  }

  #setWorkload(key: string, workload: WorkloadProgram | undefined): void {
    const before = this.#workloads.get(key);
    this.#set(this.#workloads, key, workload);
    for (const name of new Set([before?.interfaceName, workload?.interfaceName])) {
      if (name === undefined) continue;
      const keys = this.#byInterface.get(name) ?? new Set();
      if (workload?.interfaceName === name) keys.add(key);
      else keys.delete(key);
      if (keys.size === 0) this.#byInterface.delete(name);
      else this.#byInterface.set(name, keys);
      this.#refreshInterface(name);
    }
  }

  /** Of several endpoints on one interface the one with the smallest identity is active. */
  #refreshInterface(name: string): void {
    const { links, config, defaultReversePathFilter } = this.#options;
    const candidates = [...(this.#byInterface.get(name) ?? [])].flatMap((key) => {
      const workload = this.#workloads.get(key);
      return workload ? [{ key, workload, id: workloadId(workload.id) }] : [];
    });
    candidates.sort((a, b) => (a.id < b.id ? -1 : 1));
    const active = candidates[0];
    const before = this.#activeOn.get(name);
    if (before !== undefined && before !== active?.key) this.#withdraw(before);
    if (active) this.#activeOn.set(name, active.key);
    else this.#activeOn.delete(name);
    const link = links.get(name);
    this.interfaces.want(
      name,
      link?.up
        ? workloadInterfaceSettings(name, {
            ipv6: config.config.Ipv6Support,
            defaultReversePathFilter,
            allowsSpoofing: (active?.workload.allowSpoofedSourcePrefixes.length ?? 0) > 0,
          })
        : undefined,
    );
    if (!active) return;
    for (const version of [4, 6] as const) {
      if (!this.#supports(version)) continue;
      const wishes = workloadRouteWishes(active.workload, version, this.#workloadSettings(version));
      this.#tables[version].want(`workload ${active.key}`, wishes);
    }
    const neighbours =
      active.workload.state === 'active' && link?.up && active.workload.mac !== undefined
        ? active.workload.ipv4Nets.map((net) => ({
            index: link.index,
            address: net.slice(0, net.indexOf('/')),
            mac: active.workload.mac ?? '',
          }))
        : [];
    this.#wantNeighbours(`workload ${active.key}`, 4, neighbours);
  }

  #withdraw(key: string): void {
    for (const version of [4, 6] as const) this.#tables[version].want(`workload ${key}`, []);
    this.#wantNeighbours(`workload ${key}`, 4, []);
  }

  #wantNeighbours(source: string, version: 4 | 6, wishes: readonly NeighbourWish[]): void {
    const entry = this.#vtepEntries.get(source) ?? { neighbours: [], forwarding: [] };
    const keys = wishes.map(neighbourKey);
    for (const key of entry.neighbours)
      if (!keys.includes(key)) this.neighbours[version].want(key, undefined);
    for (const wish of wishes) this.neighbours[version].want(neighbourKey(wish), wish);
    entry.neighbours = keys;
    if (keys.length === 0 && entry.forwarding.length === 0) this.#vtepEntries.delete(source);
    else this.#vtepEntries.set(source, entry);
  }

  #wantRoute(version: 4 | 6, dst: string, route: Route | undefined): void {
    if (this.#options.config.config.RouteSyncDisabled) return;
    const keys = this.#routeKeys[version];
    const before = keys.get(dst);
    const key = route && routeKey(route);
    if (before !== undefined && before !== key) this.routes[version].want(before, undefined);
    if (key === undefined) {
      keys.delete(dst);
      return;
    }
    keys.set(dst, key);
    this.routes[version].want(key, route);
  }

  #setRoute(key: string, route: RouteProgram | undefined): void {
    const before = this.#clusterRoutes.get(key);
    if (before?.node !== undefined) this.#routesOf.get(before.node)?.delete(key);
    this.#set(this.#clusterRoutes, key, route);
    if (route?.node !== undefined) {
      const keys = this.#routesOf.get(route.node) ?? new Set();
      this.#routesOf.set(route.node, keys.add(key));
    }
    if (route) this.#refreshRoute(key);
    else for (const version of [4, 6] as const) this.#tables[version].want(`route ${key}`, []);
    // Whether a tunnel end needs a route of its own depends on the blocks of its host.
    for (const node of new Set([before?.node, route?.node])) {
      for (const other of this.#routesOf.get(node ?? '') ?? [])
        if (this.#isTunnelEnd(other)) this.#refreshRoute(other);
    }
  }

  #isTunnelEnd(key: string): boolean {
    const types = this.#clusterRoutes.get(key)?.types;
    return types?.includes('remote-tunnel') === true && !types.includes('remote-workload');
  }

  /** Whether a tunnel end is inside a block of its host, whose route leads to it already. */
  #isInsideBlock(route: RouteProgram): boolean {
    const end = tryParseAddress(route.dst.slice(0, route.dst.indexOf('/')));
    for (const key of this.#routesOf.get(route.node ?? '') ?? []) {
      const block = this.#clusterRoutes.get(key);
      const cidr = block?.types.includes('remote-workload') ? tryParseCidr(block.dst) : undefined;
      if (end && cidr && cidrContains(cidr, end)) return true;
    }
    return false;
  }

  #refreshRoute(key: string): void {
    const route = this.#clusterRoutes.get(key);
    if (!route) return;
    const version = route.dst.includes(':') ? 6 : 4;
    if (!this.#supports(version)) return;
    if (this.#isTunnelEnd(key) && this.#isInsideBlock(route)) {
      this.#tables[version].want(`route ${key}`, []);
      return;
    }
    const wishes = clusterRouteWishes(route, {
      parent: this.#parents[version],
      ...programmedRoutes(this.#options.config.config.ProgramClusterRoutes),
      protocol: this.#protocol,
      priority: version === 6 ? this.#priority(6) : 0,
      ...this.#source(version),
      vtep: (node) => this.#vteps.get(node),
    });
    this.#tables[version].want(`route ${key}`, wishes);
  }

  /** Name of the interface that holds this host's address. */
  #findParent(version: 4 | 6): string | undefined {
    const own = this.#hosts.get(this.#options.nodeName);
    const address = version === 4 ? own?.ipv4 : own?.ipv6;
    return address === undefined ? undefined : this.#options.links.holding(address)?.name;
  }

  #vxlanWish(version: 4 | 6, mtu: number): TunnelWish | undefined {
    const { nodeName, config, links } = this.#options;
    const vtep = this.#vteps.get(nodeName);
    const end = version === 4 ? vtep?.ipv4 : vtep?.ipv6;
    const parent = end && links.holding(end.parentAddress);
    if (!end || !parent) return undefined;
    return {
      kind: 'vxlan',
      address: `${end.tunnelAddress}/${version === 4 ? 32 : 128}`,
      mtu,
      mac: end.mac || vxlanMac(nodeName, version),
      checksumOffload: !checksumOffloadBroken(
        config.config.FeatureDetectOverride['ChecksumOffloadBroken'],
        release(),
      ),
      vxlan: {
        vni: config.config.VXLANVNI,
        port: config.config.VXLANPort,
        local: end.parentAddress,
        parent: parent.index,
        learning: false,
      },
    };
  }

  /** Neighbour and forwarding entry of another host's tunnel end, once our device exists. */
  #refreshVtep(node: string): void {
    const vtep = this.#vteps.get(node);
    const forwarding: ForwardingWish[] = [];
    for (const version of [4, 6] as const) {
      const end = version === 4 ? vtep?.ipv4 : vtep?.ipv6;
      const device = this.#options.links.get(version === 4 ? tunnelDevice.vxlan : tunnelDevice.vxlanV6);
      const wanted = end !== undefined && device !== undefined && node !== this.#options.nodeName;
      const mac = end?.mac || vxlanMac(node, version);
      this.#wantNeighbours(
        `vtep${version} ${node}`,
        version,
        wanted ? [{ index: device.index, address: end.tunnelAddress, mac }] : [],
      );
      if (wanted) forwarding.push({ index: device.index, mac, destination: end.parentAddress });
    }
    const source = `forwarding ${node}`;
    const entry = this.#vtepEntries.get(source) ?? { neighbours: [], forwarding: [] };
    const keys = forwarding.map(forwardingKey);
    for (const key of entry.forwarding) if (!keys.includes(key)) this.forwarding.want(key, undefined);
    for (const wish of forwarding) this.forwarding.want(forwardingKey(wish), wish);
    entry.forwarding = keys;
    if (keys.length === 0) this.#vtepEntries.delete(source);
    else this.#vtepEntries.set(source, entry);
  }
}
