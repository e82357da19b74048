/** The cluster as packets see it: one evaluated host per Node, and where every name and address lives. */
import type { KeyValue } from '../datastore/index.ts';
import { CalicoError } from '../errors.ts';
import { HostModel } from '../felix/evaluate/index.ts';
import { type HostInterface, resolveConfig } from '../felix/index.ts';
import { ruleSettings } from '../felix/render/index.ts';
import { formatAddress, tryParseAddress } from '../ip/index.ts';
import { PolicyGraph, type WorkloadProgram } from '../policy/index.ts';
import type { Resource } from '../resources/index.ts';

/** An end of a connection. */
export type End =
  | {
      readonly at: 'pod';
      readonly host: string;
      readonly name: string;
      readonly interfaceName: string;
      readonly addresses: readonly string[];
    }
  | { readonly at: 'host'; readonly host: string; readonly addresses: readonly string[] }
  | { readonly at: 'outside'; readonly addresses: readonly string[] };

/** See the file's comment. */
export class Cluster {
  readonly #items: readonly KeyValue[];
  readonly #graphs = new Map<string, PolicyGraph>();
  readonly #models = new Map<string, HostModel>();
  /** Resources that could not be used, and why. */
  readonly problems: string[] = [];

  constructor(items: readonly KeyValue[]) {
    this.#items = items;
  }

  /** Resources of a kind. */
  resources(kind: string): readonly Resource[] {
    return this.#items.flatMap(({ key, value }) =>
      key.type === 'resource' && key.kind === kind ? [value as Resource] : [],
    );
  }

  /** The program of a host. */
  graph(host: string): PolicyGraph {
    const existing = this.#graphs.get(host);
    if (existing) return existing;
    const graph = new PolicyGraph({
      hostname: host,
      onInvalid: (object, reason) => {
        const text = `${object} cannot be used: ${reason}`;
        if (!this.problems.includes(text)) this.problems.push(text);
      },
    });
    graph.onUpdates(this.#items.map((kv) => ({ type: 'put', kv })));
    graph.onStatus('in-sync');
    graph.flush();
    this.#graphs.set(host, graph);
    return graph;
  }

  /** The evaluated host. */
  host(name: string): HostModel {
    const existing = this.#models.get(name);
    if (existing) return existing;
    const program = this.graph(name);
    const { global = {}, selected = {}, node = {} } = program.entries('config').get('default') ?? {};
    const { config } = resolveConfig({ global, selected, node });
    const pools = [...program.entries('pool').values()];
    const uses = (mode: 'ipipMode' | 'vxlanMode', version: 4 | 6) =>
      pools.some((pool) => pool[mode] !== 'Never' && pool.cidr.includes(':') === (version === 6));
    const model = new HostModel({
      name,
      program,
      settings: ruleSettings(config, 'nftables'),
      interfaces: this.#interfaces(name, program),
      encapsulation: {
        ipip: config.IpInIpEnabled ?? uses('ipipMode', 4),
        vxlan: config.VXLANEnabled ?? uses('vxlanMode', 4),
        vxlanV6: config.VXLANEnabled ?? uses('vxlanMode', 6),
      },
    });
    this.#models.set(name, model);
    return model;
  }

  /** The interface that a host has towards others. */
  uplink(name: string): string {
    const { ipv4, ipv6 } = this.graph(name).entries('host').get(name) ?? {};
    const found = this.host(name).interfaces.find(
      (one) =>
        (ipv4 !== undefined && one.ipv4.includes(ipv4)) || (ipv6 !== undefined && one.ipv6.includes(ipv6)),
    );
    return found?.name ?? 'eth0';
  }

  /** Finds an end by address, node name, `namespace/pod`, pod or endpoint name. @throws CalicoError NOT_FOUND */
  end(text: string): End {
    const address = tryParseAddress(text);
    if (address) return this.#endWithAddress(formatAddress(address));
    const nodes = this.resources('Node').map(({ metadata }) => metadata.name);
    if (nodes.includes(text)) return this.#hostEnd(text);
    const pods = this.resources('WorkloadEndpoint').filter(({ metadata, spec }) => {
      const pod = String(spec['pod'] ?? spec['workload'] ?? '');
      return [
        metadata.name,
        pod,
        `${metadata.namespace}/${pod}`,
        `${metadata.namespace}/${metadata.name}`,
      ].includes(text);
    });
    const [only, ...others] = pods;
    if (only && others.length === 0) return this.#podEnd(only);
    if (only) {
      throw new CalicoError('INPUT', `"${text}" names ${pods.length} endpoints`, {
        cure: `Say which: ${pods.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`).join(', ')}.`,
      });
    }
    const hostEndpoint = this.resources('HostEndpoint').find(({ metadata }) => metadata.name === text);
    if (hostEndpoint) return this.#hostEnd(String(hostEndpoint.spec['node']));
    throw new CalicoError('NOT_FOUND', `there is no address, node, pod or endpoint "${text}"`, {
      cure: 'Give NAMESPACE/POD, a node name, or an IP address.',
    });
  }

  #endWithAddress(address: string): End {
    for (const resource of this.resources('WorkloadEndpoint')) {
      const nets = (resource.spec['ipNetworks'] as readonly string[] | undefined) ?? [];
      if (nets.some((net) => net.split('/')[0] === address))
        return { ...this.#podEnd(resource), addresses: [address] };
    }
    for (const { metadata } of this.resources('Node')) {
      const end = this.#hostEnd(metadata.name);
      const own = this.host(metadata.name).interfaces.some(
        (one) => one.ipv4.includes(address) || one.ipv6.includes(address),
      );
      if (own && !address.startsWith('127.') && address !== '::1') return { ...end, addresses: [address] };
    }
    return { at: 'outside', addresses: [address] };
  }

  #podEnd({ metadata, spec }: Resource): End {
    const nets = (spec['ipNetworks'] as readonly string[] | undefined) ?? [];
    return {
      at: 'pod',
      host: String(spec['node']),
      name: `${metadata.namespace}/${String(spec['pod'] ?? metadata.name)}`,
      interfaceName: String(spec['interfaceName']),
      addresses: nets.map((net) => net.split('/')[0] ?? ''),
    };
  }

  #hostEnd(host: string): End {
    const { ipv4, ipv6 } = this.graph(host).entries('host').get(host) ?? {};
    return { at: 'host', host, addresses: [ipv4, ipv6].filter((one) => one !== undefined) };
  }

  /** As the Node lists them; without a list, one interface with the node's addresses, named as its host endpoints say. */
  #interfaces(name: string, program: PolicyGraph): readonly HostInterface[] {
    const node = this.resources('Node').find(({ metadata }) => metadata.name === name);
    const host = program.entries('host').get(name);
    const listed = node?.spec['interfaces'] as
      | readonly { readonly name: string; readonly addresses?: readonly string[] }[]
      | undefined;
    const interfaces: [string, readonly string[]][] = [['lo', ['127.0.0.1', '::1']]];
    if (listed?.length) {
      for (const { name: device, addresses = [] } of listed) {
        if (device !== 'lo') interfaces.push([device, addresses.map((one) => one.split('/')[0] ?? '')]);
      }
    } else {
      const endpoints = [...program.entries('host-endpoint').values()];
      const named = endpoints.find(({ interfaceName }) => interfaceName !== '' && interfaceName !== '*');
      const addresses = [host?.ipv4, host?.ipv6].filter((one) => one !== undefined);
      interfaces.push([named?.interfaceName ?? 'eth0', addresses]);
    }
    const vtep = program.entries('vtep').get(name);
    if (host?.ipipTunnelAddress) interfaces.push(['tunl0', [host.ipipTunnelAddress]]);
    if (vtep?.ipv4) interfaces.push(['vxlan.calico', [vtep.ipv4.tunnelAddress]]);
    if (vtep?.ipv6) interfaces.push(['vxlan-v6.calico', [vtep.ipv6.tunnelAddress]]);
    const workloads: readonly WorkloadProgram[] = [...program.entries('workload').values()];
    for (const { interfaceName } of workloads) interfaces.push([interfaceName, []]);
    return interfaces.map(([device, addresses], index) => ({
      name: device,
      index: index + 1,
      up: true,
      ipv4: addresses.filter((one) => !one.includes(':')),
      ipv6: addresses.filter((one) => one.includes(':')),
    }));
  }
}
