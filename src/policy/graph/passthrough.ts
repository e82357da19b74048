/** Resources that reach the program without meeting others: nodes, pools, blocks, configuration. */
import { createHash } from 'node:crypto';
import type { Json } from '../../datastore/port.ts';
import { addToAddress, formatAddress, parseCidr, tryParseInterfaceAddress } from '../../ip/index.ts';
import type { Resource } from '../../resources/resource.ts';
import type { HostProgram, PoolProgram, VtepProgram } from '../program.ts';
import type { BlockInfo } from './route-resolver.ts';

interface NodeSpec {
  readonly bgp?: {
    readonly ipv4Address?: string;
    readonly ipv6Address?: string;
    readonly ipv4IPIPTunnelAddr?: string;
  };
  readonly ipv4VXLANTunnelAddr?: string;
  readonly ipv6VXLANTunnelAddr?: string;
  readonly vxlanTunnelMACAddr?: string;
  readonly vxlanTunnelMACAddrV6?: string;
}

/** What a Node resource says. */
export interface NodeInfo {
  readonly host: HostProgram;
  readonly vtep: VtepProgram | undefined;
  readonly tunnels: readonly [string, 'ipip' | 'vxlan'][];
}

/** Reads a Node. */
export function nodeInfo(resource: Resource): NodeInfo {
  const name = resource.metadata.name;
  const spec = resource.spec as NodeSpec;
  const v4 = spec.bgp?.ipv4Address ? tryParseInterfaceAddress(spec.bgp.ipv4Address) : undefined;
  const v6 = spec.bgp?.ipv6Address ? tryParseInterfaceAddress(spec.bgp.ipv6Address) : undefined;
  const ipv4 = v4 && formatAddress(v4.address);
  const ipv6 = v6 && formatAddress(v6.address);
  const ipip = spec.bgp?.ipv4IPIPTunnelAddr;
  const tunnels: [string, 'ipip' | 'vxlan'][] = [];
  if (ipip) tunnels.push([ipip, 'ipip']);
  if (spec.ipv4VXLANTunnelAddr) tunnels.push([spec.ipv4VXLANTunnelAddr, 'vxlan']);
  if (spec.ipv6VXLANTunnelAddr) tunnels.push([spec.ipv6VXLANTunnelAddr, 'vxlan']);
  const vtep4 =
    ipv4 && spec.ipv4VXLANTunnelAddr
      ? {
          tunnelAddress: spec.ipv4VXLANTunnelAddr,
          parentAddress: ipv4,
          mac: spec.vxlanTunnelMACAddr || vtepMac(name),
        }
      : undefined;
  const vtep6 =
    ipv6 && spec.ipv6VXLANTunnelAddr
      ? {
          tunnelAddress: spec.ipv6VXLANTunnelAddr,
          parentAddress: ipv6,
          mac: spec.vxlanTunnelMACAddrV6 || vtepMac(`${name}-v6`),
        }
      : undefined;
  return {
    host: {
      name,
      ...(ipv4 ? { ipv4 } : {}),
      ...(ipv6 ? { ipv6 } : {}),
      ...(v4 ? { ipv4Subnet: `${ipv4}/${v4.prefix}` } : {}),
      ...(v6 ? { ipv6Subnet: `${ipv6}/${v6.prefix}` } : {}),
      ...(ipip ? { ipipTunnelAddress: ipip } : {}),
      labels: resource.metadata.labels ?? {},
    },
    vtep:
      vtep4 || vtep6
        ? { node: name, ...(vtep4 ? { ipv4: vtep4 } : {}), ...(vtep6 ? { ipv6: vtep6 } : {}) }
        : undefined,
    tunnels,
  };
}

/** MAC of a VXLAN device that has none of its own: `66:` and the first five bytes of SHA-1 of the name. */
export function vtepMac(name: string): string {
  const bytes = createHash('sha1').update(name).digest().subarray(0, 5);
  return ['66', ...Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0'))].join(':');
}

/** Reads an IPPool. */
export function poolInfo(resource: Resource): PoolProgram | undefined {
  const spec = resource.spec as {
    readonly cidr?: string;
    readonly natOutgoing?: boolean;
    readonly disabled?: boolean;
    readonly ipipMode?: string;
    readonly vxlanMode?: string;
    readonly allowedUses?: readonly string[];
  };
  if (!spec.cidr) return undefined;
  // Pools for load balancers alone are no workload addresses: neither NAT nor encapsulation concerns them.
  if (spec.allowedUses?.length === 1 && spec.allowedUses[0] === 'LoadBalancer') return undefined;
  return {
    name: resource.metadata.name,
    cidr: spec.cidr,
    natOutgoing: spec.natOutgoing === true,
    ipipMode: encapsulationMode(spec.ipipMode),
    vxlanMode: encapsulationMode(spec.vxlanMode),
    disabled: spec.disabled === true,
  };
}

function encapsulationMode(mode: string | undefined): PoolProgram['ipipMode'] {
  return mode === 'Always' || mode === 'CrossSubnet' ? mode : 'Never';
}

/** Reads an IPAM block. */
export function blockInfo(value: Json): BlockInfo | undefined {
  const block = value as {
    readonly cidr?: string;
    readonly affinity?: string | null;
    readonly hostAffinity?: string | null;
    readonly allocations?: readonly (number | bigint | null)[];
    readonly attributes?: readonly { readonly secondary?: Readonly<Record<string, string>> | null }[];
    readonly deleted?: boolean;
  } | null;
  if (!block?.cidr || block.deleted) return undefined;
  const affinity = block.affinity ?? (block.hostAffinity ? `host:${block.hostAffinity}` : '');
  const node = affinity.startsWith('host:') ? affinity.slice(5) : undefined;
  const cidr = parseCidr(block.cidr);
  const borrowed: { address: string; node: string }[] = [];
  block.allocations?.forEach((index, ordinal) => {
    if (index === null) return;
    const user = block.attributes?.[Number(index)]?.secondary?.['node'];
    if (user && user !== node)
      borrowed.push({ address: formatAddress(addToAddress(cidr, ordinal)), node: user });
  });
  return { cidr: block.cidr, ...(node ? { node } : {}), borrowed };
}

/** Fields of a FelixConfiguration as text, keyed by field name; annotations give parameters by their own names. */
export function configText(resource: Resource | undefined): Readonly<Record<string, string>> {
  const text: Record<string, string> = {};
  for (const [field, value] of Object.entries(resource?.spec ?? {})) {
    if (field === 'nodeSelector' || value === null || value === undefined) continue;
    const rendered = fieldText(value);
    if (rendered !== undefined) text[field] = rendered;
  }
  const prefix = 'config.projectcalico.org/';
  for (const [name, value] of Object.entries(resource?.metadata.annotations ?? {})) {
    if (name.startsWith(prefix)) text[name.slice(prefix.length)] = value;
  }
  return text;
}

function fieldText(value: unknown): string | undefined {
  if (Array.isArray(value)) {
    if (value.length === 0) return 'none';
    return value.map(itemText).join(',');
  }
  if (typeof value === 'object') return undefined;
  return String(value);
}

function itemText(item: unknown): string {
  if (typeof item !== 'object' || item === null) return String(item);
  const failsafe = item as { protocol?: string; port?: number; net?: string; min?: number; max?: number };
  if (failsafe.min !== undefined) return `${failsafe.min}-${failsafe.max ?? failsafe.min}`;
  const net = failsafe.net ? `${failsafe.net.includes(':') ? `[${failsafe.net}]` : failsafe.net}:` : '';
  return `${(failsafe.protocol ?? 'tcp').toLowerCase()}:${net}${failsafe.port ?? ''}`;
}

/** CIDRs of BGPConfiguration's service lists, sorted. */
export function serviceCidrs(resource: Resource | undefined): readonly string[] {
  const cidrs = new Set<string>();
  for (const field of ['serviceClusterIPs', 'serviceExternalIPs', 'serviceLoadBalancerIPs']) {
    for (const { cidr } of (resource?.spec[field] as { cidr?: string }[] | undefined) ?? []) {
      if (cidr) cidrs.add(cidr);
    }
  }
  return [...cidrs].sort();
}
