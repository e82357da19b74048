/**
 * Routes that this host may have to program: pools, blocks, borrowed addresses, hosts, tunnel addresses, own workloads.
 *
 * Upstream source: felix/calc/l3_route_resolver.go. Each destination is the sum of what contributes to it; an update
 * recomputes the destinations that it touches.
 */
import {
  addressToCidr,
  type Cidr,
  CidrTrie,
  cidrContains,
  formatCidr,
  tryParseAddress,
  tryParseCidr,
  tryParseInterfaceAddress,
} from '../../ip/index.ts';
import type { HostProgram, PoolProgram, RouteProgram } from '../program.ts';

type RouteType = RouteProgram['types'][number];

/** One reason for a destination to exist. */
interface Contribution {
  readonly type: RouteType;
  readonly node?: string;
  readonly borrowed?: boolean;
  readonly tunnel?: 'ipip' | 'vxlan';
}

/** An IPAM block as routes need it. */
export interface BlockInfo {
  readonly cidr: string;
  /** The host that it is affine to. */
  readonly node?: string;
  /** Addresses that other hosts use. */
  readonly borrowed: readonly { readonly address: string; readonly node: string }[];
}

/** Keeps {@link RouteProgram}s up to date. */
export class RouteResolver {
  readonly #pools = new CidrTrie<PoolProgram>();
  readonly #poolCidrs = new Map<string, Cidr>();
  readonly #hosts = new Map<string, HostProgram>();
  /** Destination → source of the contribution → contribution. */
  readonly #contributions = new Map<string, Map<string, Contribution>>();
  readonly #bySource = new Map<string, string[]>();
  readonly #byNode = new Map<string, Set<string>>();
  readonly #dirty = new Set<string>();
  readonly #routes = new Map<string, RouteProgram>();

  readonly #hostname: string;

  constructor(hostname: string) {
    this.#hostname = hostname;
  }

  /** All routes by destination. */
  get routes(): ReadonlyMap<string, RouteProgram> {
    return this.#routes;
  }

  setPool(name: string, pool: PoolProgram | undefined): void {
    const old = this.#poolCidrs.get(name);
    if (old) {
      this.#pools.delete(old);
      this.#poolCidrs.delete(name);
      this.#touchInside(old);
    }
    const cidr = pool && tryParseCidr(pool.cidr);
    if (cidr) {
      this.#poolCidrs.set(name, cidr);
      this.#pools.set(cidr, pool);
      this.#touchInside(cidr);
    }
    this.#setSource(`pool ${name}`, cidr ? [[formatCidr(cidr), { type: 'cidr-info' }]] : []);
  }

  setBlock(key: string, block: BlockInfo | undefined): void {
    const contributions: [string, Contribution][] = [];
    const cidr = block && tryParseCidr(block.cidr);
    if (block && cidr) {
      if (block.node) contributions.push([formatCidr(cidr), this.#workloads(block.node)]);
      for (const { address, node } of block.borrowed) {
        const parsed = tryParseAddress(address);
        if (parsed)
          contributions.push([
            formatCidr(addressToCidr(parsed)),
            { ...this.#workloads(node), borrowed: true },
          ]);
      }
    }
    this.#setSource(`block ${key}`, contributions);
  }

  setHost(name: string, host: HostProgram | undefined, tunnels: readonly [string, 'ipip' | 'vxlan'][]): void {
    if (host) this.#hosts.set(name, host);
    else this.#hosts.delete(name);
    const local = name === this.#hostname;
    const contributions: [string, Contribution][] = [];
    for (const address of [host?.ipv4, host?.ipv6]) {
      const parsed = address === undefined ? undefined : tryParseAddress(address);
      if (parsed) {
        contributions.push([
          formatCidr(addressToCidr(parsed)),
          { type: local ? 'local-host' : 'remote-host', node: name },
        ]);
      }
    }
    for (const [address, tunnel] of tunnels) {
      const parsed = tryParseAddress(address);
      if (!parsed) continue;
      const type = local ? 'local-tunnel' : 'remote-tunnel';
      contributions.push([formatCidr(addressToCidr(parsed)), { type, node: name, tunnel }]);
    }
    this.#setSource(`host ${name}`, contributions);
    for (const dst of this.#byNode.get(name) ?? []) this.#dirty.add(dst);
    // Whether another host is in our subnet depends on ours.
    if (local) for (const dst of this.#contributions.keys()) this.#dirty.add(dst);
  }

  /** Addresses of a local workload; none when it went. */
  setLocalWorkload(id: string, nets: readonly string[]): void {
    this.#setSource(
      `workload ${id}`,
      nets.map((net) => [net, { type: 'local-workload', node: this.#hostname }]),
    );
  }

  /** Recomputes what became dirty and says which destinations changed. */
  takeChanges(): { readonly put: readonly [string, RouteProgram][]; readonly deleted: readonly string[] } {
    const put: [string, RouteProgram][] = [];
    const deleted: string[] = [];
    for (const dst of this.#dirty) {
      const route = this.#compute(dst);
      const old = this.#routes.get(dst);
      if (!route) {
        if (this.#routes.delete(dst)) deleted.push(dst);
      } else if (!old || JSON.stringify(old) !== JSON.stringify(route)) {
        this.#routes.set(dst, route);
        put.push([dst, route]);
      }
    }
    this.#dirty.clear();
    return { put, deleted };
  }

  #workloads(node: string): Contribution {
    return { type: node === this.#hostname ? 'local-workload' : 'remote-workload', node };
  }

  #touchInside(cidr: Cidr): void {
    for (const dst of this.#contributions.keys()) {
      const parsed = tryParseCidr(dst);
      if (parsed && cidrContains(cidr, parsed)) this.#dirty.add(dst);
    }
  }

  #setSource(source: string, contributions: readonly [string, Contribution][]): void {
    for (const dst of this.#bySource.get(source) ?? []) {
      const sources = this.#contributions.get(dst);
      const node = sources?.get(source)?.node;
      sources?.delete(source);
      if (sources?.size === 0) this.#contributions.delete(dst);
      const ofNode = node === undefined ? undefined : this.#byNode.get(node);
      if (node !== undefined && ofNode && ![...(sources?.values() ?? [])].some((c) => c.node === node)) {
        ofNode.delete(dst);
        if (ofNode.size === 0) this.#byNode.delete(node);
      }
      this.#dirty.add(dst);
    }
    if (contributions.length === 0) {
      this.#bySource.delete(source);
      return;
    }
    this.#bySource.set(
      source,
      contributions.map(([dst]) => dst),
    );
    for (const [dst, contribution] of contributions) {
      let sources = this.#contributions.get(dst);
      if (!sources) {
        sources = new Map();
        this.#contributions.set(dst, sources);
      }
      sources.set(source, contribution);
      if (contribution.node !== undefined) {
        let ofNode = this.#byNode.get(contribution.node);
        if (!ofNode) {
          ofNode = new Set();
          this.#byNode.set(contribution.node, ofNode);
        }
        ofNode.add(dst);
      }
      this.#dirty.add(dst);
    }
  }

  #compute(dst: string): RouteProgram | undefined {
    const sources = this.#contributions.get(dst);
    const cidr = tryParseCidr(dst);
    if (!sources || !cidr) return undefined;
    // The order of arrival must not show: sources are read in the order of their names, the own workload first.
    const contributions = [...sources].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, c]) => c);
    const own = [...sources.keys()].some((source) => source.startsWith('workload '));
    const pool = this.#pools.lookup(cidr)?.value;
    const tunnels = contributions.filter((c) => c.tunnel);
    const leading =
      contributions.find((c) => own && c.type === 'local-workload') ??
      contributions.find((c) => c.type.endsWith('workload')) ??
      contributions.find((c) => c.node !== undefined);
    const node = leading?.node;
    const host = node === undefined ? undefined : this.#hosts.get(node);
    const nodeAddress = cidr.version === 4 ? host?.ipv4 : host?.ipv6;
    const crossSubnet = pool?.ipipMode === 'CrossSubnet' || pool?.vxlanMode === 'CrossSubnet';
    return {
      dst,
      types: [...new Set(contributions.map((c) => c.type))].sort(),
      pool: poolType(pool),
      ...(node === undefined ? {} : { node }),
      ...(nodeAddress === undefined ? {} : { nodeAddress }),
      sameSubnet: crossSubnet && node !== this.#hostname && this.#inOurSubnet(cidr.version, nodeAddress),
      natOutgoing: pool?.natOutgoing ?? false,
      localWorkload: own,
      borrowed: contributions.some((c) => c.borrowed === true),
      ...(tunnels.length === 0
        ? {}
        : {
            tunnelType: {
              ...(tunnels.some((c) => c.tunnel === 'ipip') ? { ipip: true } : {}),
              ...(tunnels.some((c) => c.tunnel === 'vxlan') ? { vxlan: true } : {}),
            },
          }),
    };
  }

  #inOurSubnet(version: 4 | 6, address: string | undefined): boolean {
    const us = this.#hosts.get(this.#hostname);
    const subnet = version === 4 ? us?.ipv4Subnet : us?.ipv6Subnet;
    const own = subnet === undefined ? undefined : tryParseInterfaceAddress(subnet);
    const theirs = address === undefined ? undefined : tryParseAddress(address);
    const cidr = subnet === undefined ? undefined : tryParseCidr(subnet);
    return own !== undefined && theirs !== undefined && cidr !== undefined && cidrContains(cidr, theirs);
  }
}

function poolType(pool: PoolProgram | undefined): RouteProgram['pool'] {
  if (!pool) return 'none';
  if (pool.vxlanMode !== 'Never') return 'vxlan';
  return pool.ipipMode === 'Never' ? 'no-encap' : 'ipip';
}
