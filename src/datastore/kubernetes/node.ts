/** Nodes: a Calico Node is a Kubernetes Node with annotations. Upstream: libcalico-go/lib/backend/k8s/resources/node.go. */
import { tryParseAddress, tryParseCidr } from '../../ip/index.ts';
import type { KubernetesObject } from '../../kubernetes-api/index.ts';
import { type NodeSpec, type NodeStatus, parseAsNumber } from '../../resources/index.ts';
import { apiVersion, type Resource } from '../../resources/resource.ts';

const prefix = 'projectcalico.org/';
const kubeLabels = `${prefix}kube-labels`;
const ownLabels = `${prefix}labels`;
const ownAnnotations = `${prefix}annotations`;

type Texts = Readonly<Record<string, string>>;
type Reader = (annotation: string) => string | undefined;

const isAddress = (version: 4 | 6) => (text: string) => tryParseAddress(text)?.version === version;
const isSubnet = (version: 4 | 6) => (text: string) =>
  (text.includes('/') ? tryParseCidr(text)?.version : tryParseAddress(text)?.version) === version;
const isMac = (text: string) => /^([0-9a-f]{2}[:-]){5}[0-9a-f]{2}$/i.test(text);
const anything = () => true;

const annotations: Readonly<Record<string, (text: string) => boolean>> = {
  IPv4Address: isSubnet(4),
  IPv6Address: isSubnet(6),
  ASNumber: (text) => asNumber(text) !== undefined,
  IPv4IPIPTunnelAddr: isSubnet(4),
  RouteReflectorClusterID: isAddress(4),
  IPv4VXLANTunnelAddr: isAddress(4),
  VXLANTunnelMACAddr: isMac,
  IPv6VXLANTunnelAddr: isAddress(6),
  VXLANTunnelMACAddrV6: isMac,
  IPv4WireguardInterfaceAddr: isAddress(4),
  IPv6WireguardInterfaceAddr: isAddress(6),
  WireguardPublicKey: anything,
  WireguardPublicKeyV6: anything,
};

interface KubernetesNode {
  readonly spec?: { readonly podCIDR?: string; readonly podCIDRs?: readonly string[] };
  readonly status?: {
    readonly addresses?: readonly { readonly type: string; readonly address: string }[];
  };
}

/** The Calico Node. Annotations that are not valid count as absent. `usePodCidr`: tunnel addresses of the pod CIDR. */
export function shownNode(object: KubernetesObject, usePodCidr = false): Resource<'Node', NodeSpec> {
  const { name, uid, resourceVersion, creationTimestamp, labels } = object.metadata;
  const raw = object.metadata.annotations ?? {};
  const { spec: kubernetesSpec = {}, status = {} } = object as unknown as KubernetesNode;
  const read: Reader = (annotation) => {
    const text = raw[prefix + annotation];
    return text && annotations[annotation]!(text) ? text : undefined;
  };
  const podCidrs = kubernetesSpec.podCIDRs?.length
    ? kubernetesSpec.podCIDRs
    : kubernetesSpec.podCIDR
      ? [kubernetesSpec.podCIDR]
      : [];
  const tunnel = usePodCidr ? firstAddress(podCidrs) : undefined;
  const bgp = withoutEmpty({
    asNumber: asNumber(read('ASNumber')),
    ipv4Address: read('IPv4Address'),
    ipv6Address: read('IPv6Address'),
    ipv4IPIPTunnelAddr: tunnel ?? read('IPv4IPIPTunnelAddr'),
    routeReflectorClusterID: read('RouteReflectorClusterID'),
  });
  const wireguard = withoutEmpty({
    interfaceIPv4Address: tunnel && read('WireguardPublicKey') ? tunnel : read('IPv4WireguardInterfaceAddr'),
    interfaceIPv6Address: read('IPv6WireguardInterfaceAddr'),
  });
  const spec = withoutEmpty({
    bgp,
    ipv4VXLANTunnelAddr: read('IPv4VXLANTunnelAddr'),
    vxlanTunnelMACAddr: read('VXLANTunnelMACAddr'),
    ipv6VXLANTunnelAddr: read('IPv6VXLANTunnelAddr'),
    vxlanTunnelMACAddrV6: read('VXLANTunnelMACAddrV6'),
    orchRefs: [{ nodeName: name, orchestrator: 'k8s' }],
    wireguard,
    addresses: [
      ...[bgp?.ipv4Address, bgp?.ipv6Address]
        .filter((address) => address !== undefined)
        .map((address) => ({ address, type: 'CalicoNodeIP' })),
      ...(status.addresses ?? [])
        .filter(({ type }) => type === 'InternalIP' || type === 'ExternalIP')
        .map(({ address, type }) => ({ address, type })),
    ],
    interfaces: interfacesOf(raw[`${prefix}Interfaces`]),
  });
  const shownLabels = { ...jsonMap(raw[ownLabels]), ...labels };
  return {
    apiVersion,
    kind: 'Node',
    metadata: {
      name,
      ...(uid ? { uid } : {}),
      ...(resourceVersion ? { resourceVersion } : {}),
      creationTimestamp: creationTimestamp ?? null,
      ...(Object.keys(shownLabels).length > 0 ? { labels: shownLabels } : {}),
      annotations: { ...jsonMap(raw[ownAnnotations]), [kubeLabels]: goMap(labels) },
    },
    spec: spec as NodeSpec,
    status:
      withoutEmpty({
        wireguardPublicKey: read('WireguardPublicKey'),
        wireguardPublicKeyV6: read('WireguardPublicKeyV6'),
        podCIDRs: podCidrs,
      }) ?? {},
  };
}

/** Values of all of our annotations for a Calico Node; `null`: to be removed. @throws Error on bad kube-labels */
export function nodeAnnotations(node: Resource): Readonly<Record<string, string | null>> {
  const { bgp, wireguard, ...spec } = node.spec as NodeSpec;
  const status = (node.status ?? {}) as NodeStatus;
  const { [kubeLabels]: foreign, ...ownTexts } = node.metadata.annotations ?? {};
  const labels: Record<string, string> = { ...node.metadata.labels };
  if (foreign !== undefined) {
    for (const name of Object.keys((JSON.parse(foreign) as Texts | null) ?? {})) delete labels[name];
  }
  const values: Readonly<Record<string, string | undefined>> = {
    IPv4Address: bgp?.ipv4Address,
    IPv6Address: bgp?.ipv6Address,
    ASNumber: bgp?.asNumber === undefined ? undefined : String(bgp.asNumber),
    IPv4IPIPTunnelAddr: bgp?.ipv4IPIPTunnelAddr,
    RouteReflectorClusterID: bgp?.routeReflectorClusterID,
    IPv4VXLANTunnelAddr: spec.ipv4VXLANTunnelAddr,
    VXLANTunnelMACAddr: spec.vxlanTunnelMACAddr,
    IPv6VXLANTunnelAddr: spec.ipv6VXLANTunnelAddr,
    VXLANTunnelMACAddrV6: spec.vxlanTunnelMACAddrV6,
    IPv4WireguardInterfaceAddr: wireguard?.interfaceIPv4Address,
    IPv6WireguardInterfaceAddr: wireguard?.interfaceIPv6Address,
    WireguardPublicKey: status.wireguardPublicKey,
    WireguardPublicKeyV6: status.wireguardPublicKeyV6,
    Interfaces: spec.interfaces?.length ? JSON.stringify(spec.interfaces) : undefined,
    labels: Object.keys(labels).length > 0 ? goMap(labels) : undefined,
    annotations: Object.keys(ownTexts).length > 0 ? goMap(ownTexts) : undefined,
  };
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [prefix + name, value ? value : null]),
  );
}

function asNumber(text: string | undefined): number | undefined {
  const parsed = text === undefined ? undefined : parseAsNumber(text);
  return typeof parsed === 'number' ? parsed : undefined;
}

/** The first address after that of the first IPv4 network. */
function firstAddress(podCidrs: readonly string[]): string | undefined {
  const cidr = podCidrs.find((text) => tryParseCidr(text)?.version === 4);
  if (cidr === undefined) return undefined;
  const octets = cidr.split('/')[0]!.split('.').map(Number);
  const value = octets.reduce((sum, octet) => sum * 256 + octet, 0) + 1;
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}

function interfacesOf(text: string | undefined): unknown {
  if (!text) return undefined;
  try {
    const list = JSON.parse(text) as readonly {
      readonly name: string;
      readonly addresses?: readonly string[];
    }[];
    return list.map(({ name, addresses = [] }) => ({
      name,
      addresses: addresses.filter((address) => tryParseAddress(address)),
    }));
  } catch {
    return undefined;
  }
}

function jsonMap(text: string | undefined): Texts {
  if (!text) return {};
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Texts) : {};
  } catch {
    return {};
  }
}

/** A map as Go writes it: keys sorted, `null` for none. */
function goMap(map: Texts | undefined): string {
  if (map === undefined) return 'null';
  return JSON.stringify(Object.fromEntries(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1))));
}

function withoutEmpty<T extends Readonly<Record<string, unknown>>>(value: T): Partial<T> | undefined {
  const members = Object.entries(value).filter(
    ([, member]) => member !== undefined && !(Array.isArray(member) && member.length === 0),
  );
  return members.length === 0 ? undefined : (Object.fromEntries(members) as Partial<T>);
}
