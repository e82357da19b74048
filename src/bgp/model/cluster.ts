/** The state of a cluster, kept by applying updates one by one. */
import { isDeepStrictEqual } from 'node:util';
import type { Key, KeyValue } from '../../datastore/port.ts';
import type { SyncUpdate } from '../../datastore/syncer.types.ts';
import {
  formatAddress,
  formatCidr,
  tryParseAddress,
  tryParseCidr,
  tryParseInterfaceAddress,
} from '../../ip/index.ts';
import type {
  BGPConfigurationSpec,
  BGPFilterSpec,
  BGPPeerSpec,
  IPPoolSpec,
  NodeSpec,
  Resource,
} from '../../resources/index.ts';
import { tryParseAsNumber } from './as-number.ts';
import { parseGlobalConfiguration, parseNodeConfiguration } from './configuration.ts';
import { type BgpFilter, parseFilter } from './filter.ts';
import { type BgpPeer, isUnicast, parsePeer } from './peer.ts';
import { parseService, parseSlice } from './service.ts';
import type {
  BgpNode,
  BgpPool,
  BgpService,
  BgpSlice,
  BgpState,
  GlobalConfiguration,
  NodeAddress,
  NodeConfiguration,
  Problem,
} from './state.ts';

/**
 * Takes updates and says whether each changed anything that BGP depends on. What cannot be used is left out and listed
 * in `problems`; the object's last good value does not linger, so that the result depends on the current state alone.
 */
export class BgpCluster implements BgpState {
  readonly nodes = new Map<string, BgpNode>();
  readonly nodeConfigurations = new Map<string, NodeConfiguration>();
  readonly peers = new Map<string, BgpPeer>();
  readonly filters = new Map<string, BgpFilter>();
  readonly pools = new Map<string, BgpPool>();
  readonly blocks = new Map<string, Map<string, string>>();
  readonly services = new Map<string, BgpService>();
  readonly slices = new Map<string, BgpSlice>();
  #configuration: GlobalConfiguration = parseGlobalConfiguration({}, () => undefined);
  readonly #specs = new Map<string, BGPConfigurationSpec>();
  readonly #problems = new Map<string, readonly string[]>();

  get configuration(): GlobalConfiguration {
    return this.#configuration;
  }

  /** Every object that could not be used, in order. */
  get problems(): readonly Problem[] {
    return [...this.#problems]
      .flatMap(([object, messages]) => messages.map((message) => ({ object, message })))
      .sort((a, b) => (a.object < b.object ? -1 : a.object > b.object ? 1 : 0));
  }

  /** Applies an update; `false` when nothing that BGP depends on changed. */
  apply(update: SyncUpdate): boolean {
    const key = update.type === 'put' ? update.kv.key : update.key;
    const value = update.type === 'put' ? update.kv.value : undefined;
    switch (key.type) {
      case 'resource':
        return this.#resource(key, value as Resource | undefined);
      case 'affinity':
        return key.owner === 'virtual' ? false : this.#affinity(key, value);
      default:
        return false;
    }
  }

  #resource(key: Extract<Key, { type: 'resource' }>, resource: Resource | undefined): boolean {
    const object = `${key.kind} ${key.name}`;
    const spec = (resource?.spec ?? {}) as unknown;
    const before = this.#problems.get(object);
    this.#problems.delete(object);
    const report = (message: string) =>
      void this.#problems.set(object, [...(this.#problems.get(object) ?? []), message]);
    const changed = ((): boolean => {
      switch (key.kind) {
        case 'Node':
          return set(this.nodes, key.name, resource && parseNode(resource, report));
        case 'BGPPeer': {
          const peer = resource && parsePeer(key.name, spec as BGPPeerSpec);
          if (typeof peer === 'string') report(peer);
          return set(this.peers, key.name, typeof peer === 'string' ? undefined : peer);
        }
        case 'BGPFilter':
          return set(
            this.filters,
            key.name,
            resource && parseFilter(key.name, spec as BGPFilterSpec, report),
          );
        case 'IPPool':
          return set(this.pools, key.name, resource && parsePool(key.name, spec as IPPoolSpec, report));
        case 'BGPConfiguration':
          return this.#configure(key.name, resource && (spec as BGPConfigurationSpec), report);
        case 'Service':
        case 'KubernetesService':
          return set(this.services, nameIn(key), resource && parseService(resource));
        case 'EndpointSlice':
        case 'KubernetesEndpointSlice':
          return set(this.slices, nameIn(key), resource && parseSlice(resource));
        default:
          return false;
      }
    })();
    return changed || !isDeepStrictEqual(before, this.#problems.get(object));
  }

  #configure(
    name: string,
    spec: BGPConfigurationSpec | undefined,
    report: (message: string) => void,
  ): boolean {
    if (spec) this.#specs.set(name, spec);
    else this.#specs.delete(name);
    const global = this.#specs.get('default') ?? {};
    if (name !== 'default') {
      if (!name.startsWith('node.')) {
        if (spec) report('only default and node.<name> are used');
        return false;
      }
      const parsed = spec && parseNodeConfiguration(spec, global, report);
      return set(this.nodeConfigurations, name.slice(5), parsed);
    }
    const before = [this.#configuration, new Map(this.nodeConfigurations)];
    this.#configuration = parseGlobalConfiguration(global, report);
    for (const [other, otherSpec] of this.#specs) {
      if (!other.startsWith('node.')) continue;
      this.nodeConfigurations.set(
        other.slice(5),
        parseNodeConfiguration(otherSpec, global, () => undefined),
      );
    }
    return !isDeepStrictEqual(before, [this.#configuration, this.nodeConfigurations]);
  }

  #affinity(key: Extract<Key, { type: 'affinity' }>, value: KeyValue['value'] | undefined): boolean {
    const cidr = tryParseCidr(key.cidr);
    if (!cidr) return false;
    const blocks = this.blocks.get(key.host) ?? new Map<string, string>();
    const state =
      value === undefined ? undefined : ((value as { state?: string } | null)?.state ?? 'confirmed');
    const changed = set(blocks, formatCidr(cidr), state === 'pending' ? undefined : state || undefined);
    if (blocks.size > 0) this.blocks.set(key.host, blocks);
    else this.blocks.delete(key.host);
    return changed;
  }
}

function nameIn(key: { readonly namespace?: string; readonly name: string }): string {
  return `${key.namespace ?? ''}/${key.name}`;
}

function set<V>(map: Map<string, V>, name: string, value: V | undefined): boolean {
  if (isDeepStrictEqual(map.get(name), value)) return false;
  if (value === undefined) map.delete(name);
  else map.set(name, value);
  return true;
}

function parseNode(resource: Resource, report: (message: string) => void): BgpNode {
  const name = resource.metadata.name;
  const labels = resource.metadata.labels ?? {};
  const bgp = (resource.spec as NodeSpec).bgp;
  const address = (text: string | undefined, version: 4 | 6): NodeAddress | undefined => {
    if (!text) return undefined;
    const parsed = tryParseInterfaceAddress(text);
    if (parsed?.address.version === version && isUnicast(parsed.address))
      return { ip: formatAddress(parsed.address), prefix: parsed.prefix };
    report(`bgp.ipv${version}Address ${JSON.stringify(text)} is not an IPv${version} address`);
    return undefined;
  };
  const ipv4 = address(bgp?.ipv4Address, 4);
  const ipv6 = address(bgp?.ipv6Address, 6);
  const asNumber = tryParseAsNumber(bgp?.asNumber);
  let clusterId = bgp?.routeReflectorClusterID;
  if (clusterId && tryParseAddress(clusterId)?.version !== 4) {
    report(`bgp.routeReflectorClusterID ${JSON.stringify(clusterId)} is not an IPv4 address`);
    clusterId = undefined;
  }
  return {
    name,
    labels,
    ...(ipv4 && { ipv4 }),
    ...(ipv6 && { ipv6 }),
    ...(asNumber && { asNumber }),
    ...(clusterId && { clusterId }),
  };
}

function parsePool(name: string, spec: IPPoolSpec, report: (message: string) => void): BgpPool | undefined {
  const cidr = tryParseCidr(spec.cidr ?? '');
  if (!cidr) {
    report(`cidr ${JSON.stringify(spec.cidr)} is not a CIDR`);
    return undefined;
  }
  const [ipip, vxlan] = [spec.ipipMode ?? 'Never', spec.vxlanMode ?? 'Never'];
  const mode = vxlan !== 'Never' ? vxlan : ipip;
  return {
    name,
    cidr: formatCidr(cidr),
    encapsulation: vxlan !== 'Never' ? 'vxlan' : ipip !== 'Never' ? 'ipip' : 'none',
    crossSubnet: mode === 'CrossSubnet',
    exported: spec.disableBGPExport !== true,
  };
}
