/** Host endpoints that are made for nodes. */
import { createHash } from 'node:crypto';
import { cidrContains, parseCidr, tryParseAddress, tryParseCidr } from '../../ip/index.ts';
import type { NodeSpec } from '../../resources/index.ts';
import { apiVersion, type Resource } from '../../resources/resource.ts';
import { isSelector, matchesLabels, parseSelector } from '../../selector/index.ts';
import type { HostEndpointTemplate } from '../settings.ts';
import { type Objects, saysTheSame, type Write } from '../state.ts';

const createdBy = 'projectcalico.org/created-by';
const controller = 'calico-kube-controllers';
const maxName = 253;

/** Settings of these endpoints; `undefined`: all of them are removed. */
export interface HostEndpointSettings {
  readonly createDefault: boolean;
  readonly templates: readonly HostEndpointTemplate[];
}

/** The endpoints of all nodes; foreign ones are left alone, edits of ours are reverted. */
export function reconcileHostEndpoints(
  calico: Objects,
  settings: HostEndpointSettings | undefined,
): readonly Write[] {
  const wanted = new Map<string, Resource>();
  if (settings) {
    for (const { resource } of calico.of('Node'))
      for (const endpoint of endpointsOf(resource, settings)) wanted.set(endpoint.metadata.name, endpoint);
  }
  const writes: Write[] = [];
  for (const { key, resource, revision } of calico.of('HostEndpoint')) {
    const own = resource.metadata.labels?.[createdBy] === controller;
    const target = wanted.get(key.name);
    wanted.delete(key.name);
    if (!own) continue;
    if (!target) writes.push({ op: 'delete', key, revision });
    else if (
      !saysTheSame(resource.metadata.labels, target.metadata.labels) ||
      !saysTheSame(resource.spec['expectedIPs'], target.spec['expectedIPs']) ||
      !saysTheSame(resource.spec['interfaceName'], target.spec['interfaceName'])
    ) {
      const { labels } = target.metadata;
      const metadata = { ...resource.metadata, ...(labels ? { labels } : {}) };
      writes.push({ op: 'update', key, value: { ...resource, metadata, spec: target.spec }, revision });
    }
  }
  for (const [name, value] of wanted) {
    writes.push({ op: 'create', key: { type: 'resource', kind: 'HostEndpoint', name }, value });
  }
  return writes;
}

function endpointsOf(node: Resource, settings: HostEndpointSettings): readonly Resource[] {
  const { name, labels = {} } = node.metadata;
  const addresses = addressesOf(node.spec as NodeSpec);
  const make = (
    parts: readonly string[],
    ips: readonly string[],
    interfaceName: string,
    more = {},
  ): Resource => ({
    apiVersion,
    kind: 'HostEndpoint',
    metadata: { name: nameOf([name, ...parts]), labels: { ...labels, ...more, [createdBy]: controller } },
    spec: {
      node: name,
      ...(interfaceName === '' ? {} : { interfaceName }),
      ...(ips.length > 0 ? { expectedIPs: ips } : {}),
      profiles: ['projectcalico-default-allow'],
    },
  });
  const templated = settings.templates
    .filter(({ nodeSelector }) => selects(nodeSelector, labels))
    .flatMap((template) => {
      const { generateName = '', interfaceCIDRs = [], interfacePattern, labels: more } = template;
      const inside = addresses.filter((address) => isInside(address, interfaceCIDRs));
      if (!interfacePattern) return inside.length > 0 ? [make([generateName], inside, '', more)] : [];
      const pattern = new RegExp(interfacePattern);
      return ((node.spec as NodeSpec).interfaces ?? [])
        .filter(({ name: interfaceName = '' }) => pattern.test(interfaceName))
        .map(({ name: interfaceName = '', addresses: own = [] }) =>
          make([generateName, interfaceName], [...new Set([...inside, ...own])], interfaceName, more),
        );
    });
  return settings.createDefault ? [make([], addresses, '*'), ...templated] : templated;
}

function addressesOf(spec: NodeSpec): readonly string[] {
  const { bgp = {}, wireguard = {} } = spec;
  const bare = (text: string | undefined) => text?.split('/')[0];
  const all = [
    bare(bgp.ipv4Address),
    bare(bgp.ipv6Address),
    bgp.ipv4IPIPTunnelAddr,
    spec.ipv4VXLANTunnelAddr,
    spec.ipv6VXLANTunnelAddr,
    wireguard.interfaceIPv4Address,
    wireguard.interfaceIPv6Address,
    ...(spec.addresses ?? []).filter(({ type }) => type === 'InternalIP').map(({ address }) => bare(address)),
  ];
  return [...new Set(all.filter((text) => text !== undefined && tryParseAddress(text)) as string[])];
}

function nameOf(parts: readonly string[]): string {
  const name = `${parts.filter((part) => part !== '').join('-')}-auto-hep`;
  if (name.length <= maxName) return name;
  const hash = createHash('sha256').update(name).digest('base64url').replace(/[-_.]/g, '').toLowerCase();
  return `${hash}-auto-hep`;
}

function isInside(address: string, cidrs: readonly string[]): boolean {
  const parsed = tryParseAddress(address);
  return cidrs.some((cidr) => parsed && tryParseCidr(cidr) && cidrContains(parseCidr(cidr), parsed));
}

function selects(text: string | undefined, labels: Readonly<Record<string, string>>): boolean {
  if (!text) return true;
  return isSelector(text) && matchesLabels(parseSelector(text), labels);
}
