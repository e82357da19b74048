/** A v1 manifest to a v3 resource (upstream: libcalico-go/lib/upgrade/converters on the v1 API). */
import {
  formatAddress,
  formatCidr,
  tryParseAddress,
  tryParseCidr,
  tryParseInterfaceAddress,
} from '../../ip/index.ts';
import { apiVersion, inferTypes, parseAsNumber, type Resource } from '../../resources/index.ts';
import {
  addressName,
  cidrName,
  convertHostEndpoint,
  convertNodeName,
  convertPolicy,
  convertProfile,
  convertWorkloadEndpoint,
} from '../../upgrade/index.ts';
import { InputError } from '../input/errors.ts';
import { storedRule } from './stored-rule.ts';

type Members = Readonly<Record<string, unknown>>;

/** A v1 manifest, its kind known and its fields checked by name. */
export interface Manifest {
  readonly kind: string;
  readonly metadata: Members;
  readonly spec: Members;
}

/** Converts; @throws InputError with upstream's text */
export function convertManifest(manifest: Manifest): Resource {
  switch (manifest.kind) {
    case 'node':
      return node(manifest);
    case 'hostEndpoint':
      return hostEndpoint(manifest);
    case 'workloadEndpoint':
      return workloadEndpoint(manifest);
    case 'profile':
      return profile(manifest);
    case 'policy':
      return policy(manifest);
    case 'ipPool':
      return ipPool(manifest);
    default:
      return bgpPeer(manifest);
  }
}

const text = (value: unknown): string => (value === undefined || value === null ? '' : String(value));

function present(members: Members): Members {
  return Object.fromEntries(
    Object.entries(members).filter(([, value]) => value !== undefined && value !== null && value !== ''),
  );
}

function node({ metadata, spec }: Manifest): Resource {
  const bgp = spec['bgp'] as Members | undefined;
  if (bgp && !bgp['ipv4Address'] && !bgp['ipv6Address']) {
    throw new InputError(
      "error with field BGP.IPv4Address = '<nil>' (no BGP IP address and subnet specified)",
    );
  }
  const address = (name: string): string | undefined => {
    if (!bgp?.[name]) return undefined;
    if (!tryParseInterfaceAddress(text(bgp[name]))) throw parsing(`invalid CIDR address: ${bgp[name]}`);
    return text(bgp[name]);
  };
  const converted = bgp && {
    ...present({ asNumber: asNumber(bgp['asNumber']) }),
    ...present({ ipv4Address: address('ipv4Address'), ipv6Address: address('ipv6Address') }),
    ...present({ ipv4IPIPTunnelAddr: bgp['ipv4IPIPTunnelAddr'] }),
  };
  const name = convertNodeName(text(metadata['name']));
  return {
    apiVersion,
    kind: 'Node',
    metadata: { name },
    spec: present({ bgp: converted, orchRefs: spec['orchRefs'] }),
  };
}

function asNumber(value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  const parsed = parseAsNumber(text(value));
  if (typeof parsed === 'number') return parsed;
  throw parsing(parsed.reason);
}

function parsing(message: string): InputError {
  return new InputError(`error parsing document: ${message}`);
}

function taken(converted: ReturnType<typeof convertPolicy>): Resource {
  if ('error' in converted) throw new InputError(converted.error);
  const { namespace: _namespace, ...metadata } = converted.resource.metadata;
  return { ...converted.resource, metadata };
}

function byFamily(addresses: unknown, version: 4 | 6): readonly string[] | undefined {
  const all = Array.isArray(addresses) ? addresses.map(text) : [];
  const found = all.filter((one) => one.includes(':') === (version === 6));
  return found.length > 0 ? found : undefined;
}

function hostEndpoint({ metadata, spec }: Manifest): Resource {
  const stored = present({
    name: spec['interfaceName'],
    expected_ipv4_addrs: byFamily(spec['expectedIPs'], 4),
    expected_ipv6_addrs: byFamily(spec['expectedIPs'], 6),
    labels: metadata['labels'],
    profile_ids: spec['profiles'],
    ports: spec['ports'],
  });
  return taken(convertHostEndpoint(text(metadata['node']), text(metadata['name']), JSON.stringify(stored)));
}

function workloadEndpoint({ metadata, spec }: Manifest): Resource {
  const nats = (Array.isArray(spec['ipNATs']) ? spec['ipNATs'] : []) as readonly Members[];
  const nat = (version: 4 | 6): unknown =>
    nats
      .filter((one) => text(one['internalIP']).includes(':') === (version === 6))
      .map((one) => ({ int_ip: one['internalIP'], ext_ip: one['externalIP'] }));
  const stored = present({
    name: spec['interfaceName'],
    active_instance_id: metadata['activeInstanceID'],
    mac: spec['mac'],
    profile_ids: spec['profiles'],
    ipv4_nets: byFamily(spec['ipNetworks'], 4),
    ipv6_nets: byFamily(spec['ipNetworks'], 6),
    ipv4_nat: nat(4),
    ipv6_nat: nat(6),
    labels: metadata['labels'],
    ipv4_gateway: spec['ipv4Gateway'],
    ipv6_gateway: spec['ipv6Gateway'],
    ports: spec['ports'],
  });
  const id = {
    node: text(metadata['node']),
    orchestrator: text(metadata['orchestrator']),
    workload: text(metadata['workload']),
    endpoint: text(metadata['name']),
  };
  return taken(convertWorkloadEndpoint(id, JSON.stringify(stored)));
}

function rules(spec: Members): Members {
  const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
  return {
    inbound_rules: list(spec['ingress']).map(storedRule),
    outbound_rules: list(spec['egress']).map(storedRule),
  };
}

function profile({ metadata, spec }: Manifest): Resource {
  const tags = Array.isArray(metadata['tags']) ? metadata['tags'] : undefined;
  tags?.forEach((tag, at) => {
    if (!/^[a-zA-Z0-9_.-]{1,128}$/.test(text(tag)))
      throw new InputError(`error with field Tags[${at}] = '${tag}'`);
  });
  return taken(
    convertProfile(text(metadata['name']), {
      tags: tags && JSON.stringify(tags),
      labels: metadata['labels'] ? JSON.stringify(metadata['labels']) : undefined,
      rules: JSON.stringify(rules(spec)),
    }),
  );
}

function policy({ metadata, spec }: Manifest): Resource {
  const { order } = spec;
  if (order !== undefined && order !== null && typeof order !== 'number') {
    throw parsing(`cannot parse string '${order}' into field PolicySpec.order of type float64`);
  }
  const stored = present({
    order,
    ...rules(spec),
    selector: spec['selector'],
    untracked: spec['doNotTrack'],
    pre_dnat: spec['preDNAT'],
    types: spec['types'],
    annotations: metadata['annotations'],
  });
  const converted = taken(convertPolicy(text(metadata['name']), JSON.stringify(stored)));
  const types = spec['types'] ? converted.spec['types'] : inferTypes(converted.spec);
  return { ...converted, spec: { ...converted.spec, types } };
}

const smallestPool = { 4: 26, 6: 122 } as const;

function ipPool({ metadata, spec }: Manifest): Resource {
  const given = text(metadata['cidr']);
  const cidr = given.includes('/') ? tryParseCidr(given) : undefined;
  if (given !== '' && !cidr) throw parsing(`invalid CIDR address: ${given}`);
  if (cidr && cidr.prefix > smallestPool[cidr.version]) {
    throw new InputError(
      `error with field CIDR = '${given}' (IP pool size is too small (min /${smallestPool[cidr.version]}) for use with Calico IPAM)`,
    );
  }
  if (cidr && formatAddress(cidr) !== formatAddress(tryParseInterfaceAddress(given)!.address)) {
    throw new InputError(`error with field CIDR = '${given}' (IP pool CIDR is not strictly masked)`);
  }
  const ipip = spec['ipip'] as Members | undefined;
  const mode = text(ipip?.['mode']);
  if (mode !== '' && mode !== 'always' && mode !== 'cross-subnet') {
    throw new InputError(`error with field Mode = '${mode}'`);
  }
  const ipipMode = ipip?.['enabled'] ? (mode === 'cross-subnet' ? 'CrossSubnet' : 'Always') : 'Never';
  return {
    apiVersion,
    kind: 'IPPool',
    metadata: { name: cidr ? cidrName(cidr) : '' },
    spec: {
      cidr: cidr ? formatCidr(cidr) : '',
      ipipMode,
      ...present({ natOutgoing: spec['nat-outgoing'] || undefined, disabled: spec['disabled'] || undefined }),
    },
  };
}

function bgpPeer({ metadata, spec }: Manifest): Resource {
  const [scope, nodeName, peerIP] = [metadata['scope'], metadata['node'], metadata['peerIP']].map(text);
  const address = tryParseAddress(peerIP ?? '');
  if (!address) throw parsing(`invalid IP address: ${peerIP}`);
  if (scope === 'global' && nodeName) {
    throw new InputError(
      `error with field Metadata.Node = '${nodeName}' (no BGP Peer node name should be specified when scope is global)`,
    );
  }
  if (scope === 'node' && !nodeName) {
    throw new InputError(`With Node scope a Node must be defined: {{} node  ${peerIP}}`);
  }
  const converted = nodeName ? convertNodeName(nodeName) : '';
  const name = converted === '' ? addressName(address) : `${converted}.${addressName(address)}`;
  return {
    apiVersion,
    kind: 'BGPPeer',
    metadata: { name },
    spec: {
      ...present({ node: converted }),
      peerIP: formatAddress(address),
      asNumber: asNumber(spec['asNumber']) ?? 0,
    },
  };
}
