/** Fields of the v1 manifests: anything else is refused by name. */

/** Names of members; `true` takes anything below, a shape is looked into (through lists too). */
export interface Shape {
  readonly [name: string]: Shape | true;
}

const entity: Shape = {
  tag: true,
  net: true,
  nets: true,
  selector: true,
  ports: true,
  notTag: true,
  notNet: true,
  notNets: true,
  notSelector: true,
  notPorts: true,
};

const rule: Shape = {
  action: true,
  ipVersion: true,
  protocol: true,
  icmp: { type: true, code: true },
  notProtocol: true,
  notICMP: { type: true, code: true },
  source: entity,
  destination: entity,
};

const ports: Shape = { name: true, protocol: true, port: true };

/** Metadata and spec of each kind. */
export const shapes: Readonly<Record<string, { readonly metadata: Shape; readonly spec: Shape }>> = {
  node: {
    metadata: { name: true },
    spec: {
      bgp: { asNumber: true, ipv4Address: true, ipv6Address: true, ipv4IPIPTunnelAddr: true },
      orchRefs: { nodeName: true, orchestrator: true },
    },
  },
  hostEndpoint: {
    metadata: { name: true, node: true, labels: true },
    spec: { interfaceName: true, expectedIPs: true, profiles: true, ports },
  },
  workloadEndpoint: {
    metadata: {
      name: true,
      workload: true,
      orchestrator: true,
      node: true,
      activeInstanceID: true,
      labels: true,
    },
    spec: {
      ipNetworks: true,
      ipNATs: { internalIP: true, externalIP: true },
      ipv4Gateway: true,
      ipv6Gateway: true,
      profiles: true,
      interfaceName: true,
      mac: true,
      ports,
    },
  },
  profile: {
    metadata: { name: true, tags: true, labels: true },
    spec: { ingress: rule, egress: rule },
  },
  policy: {
    metadata: { name: true, annotations: true },
    spec: {
      order: true,
      ingress: rule,
      egress: rule,
      selector: true,
      doNotTrack: true,
      preDNAT: true,
      types: true,
    },
  },
  ipPool: {
    metadata: { cidr: true },
    spec: { ipip: { enabled: true, mode: true }, 'nat-outgoing': true, disabled: true },
  },
  bgpPeer: {
    metadata: { scope: true, node: true, peerIP: true },
    spec: { asNumber: true },
  },
};

/** Names of members that the shape does not have. */
export function strangeFields(value: unknown, shape: Shape): readonly string[] {
  if (Array.isArray(value)) return value.flatMap((item) => strangeFields(item, shape));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) => {
    const known = shape[name];
    if (known === undefined) return [name];
    return known === true ? [] : strangeFields(member, known);
  });
}
