/**
 * The whole conversion from the v1 data model (etcd v2) to v3 resources, as one pure function of the tree. Nothing that
 * cannot be read is dropped silently: it is reported beside what cannot be converted.
 * Upstream: projectcalico/libcalico-go: lib/upgrade/{converters,migrator}.
 */

import { type Address, addressBits, formatAddress, formatCidr, parseCidr } from '../ip/index.ts';
import type { Resource } from '../resources/resource.ts';
import { convertHostEndpoint, convertWorkloadEndpoint } from './convert-endpoints.ts';
import { convertFelixSettings, convertLogLevel } from './convert-felix.ts';
import {
  type ConversionItem,
  type Converted,
  convertedName,
  fromDocument,
  type KindResult,
  resource,
  runKind,
} from './convert-kind.ts';
import { convertPolicy, convertProfile, type ProfileSource } from './convert-policy.ts';
import { defined } from './convert-rules.ts';
import { integer, list, members, text } from './decode.ts';
import { goAddress, goCidr } from './go-net.ts';
import { addressName, cidrName, convertNodeName } from './names.ts';
import { byteOrder, directoryAt, unescapeSegment, type V2Directory } from './v2-tree.ts';

/** Everything that came of a tree. */
export interface Conversion {
  /** In the order in which they are written. */
  readonly resources: readonly Resource[];
  readonly convertedNames: readonly { readonly v1: string; readonly v3: string }[];
  readonly nameClashes: readonly { readonly v1: string; readonly other: string; readonly v3: string }[];
  readonly conversionErrors: readonly { readonly v1: string; readonly cause: string }[];
  readonly validationErrors: readonly {
    readonly v1: string;
    readonly v3: string;
    readonly error: string;
    readonly resource: Resource;
  }[];
  /** A value without which nothing can be converted, such as a global AS number that is none. */
  readonly fatal: string | undefined;
}

/** Judges a converted resource; the text is upstream's, `undefined` when it is valid. */
export type Validator = (resource: Resource) => string | undefined;

/** Converts all resources of a tree; IPAM data is {@link convertIpam}'s. */
export function convertTree(tree: V2Directory, validate: Validator): Conversion {
  const out = {
    resources: [] as Resource[],
    convertedNames: [] as { v1: string; v3: string }[],
    nameClashes: [] as { v1: string; other: string; v3: string }[],
    conversionErrors: [] as { v1: string; cause: string }[],
    validationErrors: [] as { v1: string; v3: string; error: string; resource: Resource }[],
  };
  const take = (result: KindResult) => {
    out.resources.push(...result.resources);
    out.convertedNames.push(...result.convertedNames);
    out.nameClashes.push(...result.nameClashes);
    out.conversionErrors.push(...result.conversionErrors);
    out.validationErrors.push(...result.validationErrors);
  };
  const global = directoryAt(tree, 'calico', 'v1', 'config').values;
  const hosts = [...directoryAt(tree, 'calico', 'v1', 'host').directories].sort(([a], [b]) =>
    byteOrder(a, b),
  );

  const felix = convertFelixSettings(global);
  out.conversionErrors.push(
    ...felix.errors.map(({ name, cause }) => ({ v1: `GlobalFelixConfig(name=${name})`, cause })),
  );
  if (felix.spec) out.resources.push(resource('FelixConfiguration', 'default', felix.spec));
  out.resources.push(
    resource(
      'ClusterInformation',
      'default',
      defined({
        clusterGUID: global.get('ClusterGUID'),
        clusterType: global.get('ClusterType'),
        calicoVersion: global.get('CalicoVersion'),
        datastoreReady: false,
      }),
    ),
  );
  for (const [host, directory] of hosts) {
    const own = convertFelixSettings(directoryAt(directory, 'config').values);
    out.conversionErrors.push(
      ...own.errors.map(({ name, cause }) => ({ v1: `HostConfig(node=${host},name=${name})`, cause })),
    );
    if (own.spec)
      out.resources.push(resource('FelixConfiguration', `node.${convertNodeName(host)}`, own.spec));
  }
  const bgp = convertBgp(directoryAt(tree, 'calico', 'bgp', 'v1', 'global').values);
  if ('fatal' in bgp) return { ...out, fatal: bgp.fatal };
  if (bgp.spec) out.resources.push(resource('BGPConfiguration', 'default', bgp.spec));

  take(runKind(nodes(tree, hosts), validate));
  take(runKind(peers(directoryAt(tree, 'calico', 'bgp', 'v1', 'global'), undefined), validate));
  const bgpHosts = [...directoryAt(tree, 'calico', 'bgp', 'v1', 'host').directories].sort(([a], [b]) =>
    byteOrder(a, b),
  );
  take(
    runKind(
      bgpHosts.flatMap(([host, directory]) => peers(directory, host)),
      validate,
    ),
  );
  take(
    runKind(
      hosts.flatMap(([host, directory]) => hostEndpoints(host, directory)),
      validate,
    ),
  );
  take(runKind(pools(tree), validate));
  take(runKind(policies(tree), validate));
  take(runKind(profiles(tree), validate));
  take(
    runKind(
      hosts.flatMap(([host, directory]) => workloadEndpoints(host, directory)),
      validate,
    ),
  );
  return { ...out, fatal: undefined };
}

function convertBgp(
  values: ReadonlyMap<string, string>,
): { readonly spec: Resource['spec'] | undefined } | { readonly fatal: string } {
  const spec: Record<string, unknown> = {};
  const as = values.get('as_num');
  if (as !== undefined) {
    const number = parseAs(as);
    if (number === undefined) return { fatal: `invalid AS Number format (${as})` };
    spec['asNumber'] = number;
  }
  const level = values.get('loglevel');
  if (level !== undefined) spec['logSeverityScreen'] = convertLogLevel(level);
  const mesh = values.get('node_mesh');
  if (mesh !== undefined) spec['nodeToNodeMeshEnabled'] = meshEnabled(mesh);
  return { spec: Object.keys(spec).length > 0 ? spec : undefined };
}

/** Unreadable means off, as upstream has it. */
function meshEnabled(source: string): boolean {
  try {
    const value: unknown = JSON.parse(source);
    return (
      typeof value === 'object' && value !== null && (value as Record<string, unknown>)['enabled'] === true
    );
  } catch {
    return false;
  }
}

function parseAs(source: string): number | undefined {
  const dotted = /^(\d{1,5})\.(\d{1,5})$/.exec(source);
  if (dotted) {
    const [high, low] = [Number(dotted[1]), Number(dotted[2])];
    return high > 65535 || low > 65535 ? undefined : high * 65536 + low;
  }
  return /^\d{1,10}$/.test(source) && Number(source) <= 0xffffffff ? Number(source) : undefined;
}

const decodeOrchRefs = list(members({ orchestrator: text, nodeName: text }));

function nodes(tree: V2Directory, hosts: readonly (readonly [string, V2Directory])[]): ConversionItem[] {
  return hosts.map(([host, directory]) => ({
    v1: `Node(name=${host})`,
    convert: () => {
      const bgp = directoryAt(tree, 'calico', 'bgp', 'v1', 'host', host).values;
      const own = directoryAt(directory, 'config').values;
      const v4 = goAddress(bgp.get('ip_addr_v4') ?? '');
      const v6 = goAddress(bgp.get('ip_addr_v6') ?? '');
      const refs = directory.values.get('orchestrator_refs');
      const spec: Record<string, unknown> = {};
      if (v4 || v6) {
        spec['bgp'] = defined({
          ipv4Address: v4 && withMask(v4, bgp.get('network_v4'), 4),
          ipv6Address: v6 && withMask(v6, bgp.get('network_v6'), 6),
          asNumber: parseAs(bgp.get('as_num') ?? ''),
          ipv4IPIPTunnelAddr: own.get('IpInIpTunnelAddr') || undefined,
        });
      }
      if (refs !== undefined) spec['orchRefs'] = fromDocument(refs, decodeOrchRefs);
      return converted(resource('Node', convertNodeName(host), spec));
    },
  }));
}

function withMask(address: Address, network: string | undefined, version: 4 | 6): string {
  const cidr = network === undefined ? undefined : goCidr(network);
  if (!cidr) return `${formatAddress(address)}/${addressBits(address.version)}`;
  // A network of the other family cannot be this address's: upstream writes /0 then, which is kept to be reported.
  return `${formatAddress(address)}/${cidr.version === version || address.version === cidr.version ? cidr.prefix : 0}`;
}

const decodePeer = members({ ip: text, as_num: text });

function peers(directory: V2Directory, host: string | undefined): ConversionItem[] {
  return (['peer_v4', 'peer_v6'] as const).flatMap((family) =>
    [...directoryAt(directory, family).values].map(([key, source]) => ({
      v1:
        host === undefined
          ? `BGPPeer(global, ip=${shownAddress(key)})`
          : `BGPPeer(node=${host}, ip=${shownAddress(key)})`,
      convert: (): Converted => {
        if (!goAddress(key)) return { error: `${JSON.stringify(key)} in the key is not an IP address` };
        const document = fromDocument(source, decodePeer);
        const address = document.ip === undefined ? undefined : goAddress(document.ip);
        if (document.ip !== undefined && !address)
          return { error: `ip: ${JSON.stringify(document.ip)} is not an IP address` };
        const asNumber =
          document.as_num === undefined
            ? 0
            : integer(0, 0xffffffff)(
                /^\d+$/.test(document.as_num) ? Number(document.as_num) : Number.NaN,
                'as_num',
              );
        const name = address ? addressName(address) : '';
        return converted(
          resource(
            'BGPPeer',
            host === undefined ? name : `${convertNodeName(host)}.${name}`,
            defined({
              node: host === undefined ? undefined : convertNodeName(host) || undefined,
              peerIP: address ? formatAddress(address) : '<nil>',
              asNumber,
            }),
          ),
        );
      },
    })),
  );
}

function hostEndpoints(host: string, directory: V2Directory): ConversionItem[] {
  return [...directoryAt(directory, 'endpoint').values].map(([segment, source]) => {
    const name = unescapeSegment(segment);
    return {
      v1: `HostEndpoint(node=${host}, name=${name})`,
      convert: () => convertHostEndpoint(host, name, source),
    };
  });
}

function workloadEndpoints(host: string, directory: V2Directory): ConversionItem[] {
  return [...directoryAt(directory, 'workload').directories].flatMap(
    ([orchestratorSegment, orchestratorDirectory]) =>
      [...orchestratorDirectory.directories].flatMap(([workloadSegment, workloadDirectory]) =>
        [...directoryAt(workloadDirectory, 'endpoint').values].flatMap(([endpointSegment, source]) => {
          const id = {
            node: host,
            orchestrator: unescapeSegment(orchestratorSegment),
            workload: unescapeSegment(workloadSegment),
            endpoint: unescapeSegment(endpointSegment),
          };
          // Neutron makes its own again.
          if (id.orchestrator === 'openstack') return [];
          const v1 = `WorkloadEndpoint(node=${id.node}, orchestrator=${id.orchestrator}, workload=${id.workload}, name=${id.endpoint})`;
          return [{ v1, convert: () => convertWorkloadEndpoint(id, source) }];
        }),
      ),
  );
}

/** An address in a report: in its usual spelling if it is one. */
function shownAddress(key: string): string {
  const address = goAddress(key);
  return address ? formatAddress(address) : key;
}

const decodePool = members({
  cidr: text,
  ipip: text,
  ipip_mode: text,
  masquerade: (value, where) => flagOf(value, where),
  ipam: (value, where) => flagOf(value, where),
  disabled: (value, where) => flagOf(value, where),
});

function flagOf(value: unknown, where: string): boolean {
  if (typeof value === 'boolean') return value;
  throw new TypeError(`${where}: expected true or false, got ${JSON.stringify(value)}`);
}

function pools(tree: V2Directory): ConversionItem[] {
  return (['v4', 'v6'] as const).flatMap((family) =>
    [...directoryAt(tree, 'calico', 'v1', 'ipam', family, 'pool').values].map(([segment, source]) => {
      const key = goCidr(segment.replace(/-(\d+)$/, '/$1'));
      return {
        v1: `IPPool(cidr=${key && segment.includes('-') ? formatCidr(key) : segment})`,
        convert: (): Converted => {
          if (!key || !segment.includes('-'))
            return { error: `${JSON.stringify(segment)} in the key is not a CIDR` };
          const document = fromDocument(source, decodePool);
          const cidr = goCidr(document.cidr ?? '');
          if (document.cidr === undefined || !cidr)
            return { error: `cidr: ${JSON.stringify(document.cidr ?? null)} is not a CIDR` };
          const ipipMode = !document.ipip
            ? 'Never'
            : document.ipip_mode?.toLowerCase() === 'cross-subnet'
              ? 'CrossSubnet'
              : 'Always';
          return converted(
            resource(
              'IPPool',
              cidrName({ ...cidr, ...unmasked(document.cidr) }),
              defined({
                cidr: document.cidr,
                ipipMode,
                vxlanMode: 'Never',
                natOutgoing: document.masquerade || undefined,
                disabled: document.disabled || undefined,
                blockSize: cidr.version === 4 ? 26 : 122,
                nodeSelector: 'all()',
              }),
            ),
          );
        },
      };
    }),
  );
}

/** The name shows the address as stored, even when its host bits are set. */
function unmasked(source: string): { readonly value: bigint } {
  return { value: goAddress(source.split('/')[0]!)?.value ?? parseCidr(source).value };
}

function policies(tree: V2Directory): ConversionItem[] {
  return [...directoryAt(tree, 'calico', 'v1', 'policy', 'tier', 'default', 'policy').values].flatMap(
    ([segment, source]) => {
      const name = unescapeSegment(segment);
      // kube-controllers makes these again, as NetworkPolicies.
      if (name.startsWith('knp.default.')) return [];
      return [{ v1: `Policy(name=${name})`, convert: () => convertPolicy(name, source) }];
    },
  );
}

function profiles(tree: V2Directory): ConversionItem[] {
  return [...directoryAt(tree, 'calico', 'v1', 'policy', 'profile').directories].flatMap(
    ([segment, directory]) => {
      const name = unescapeSegment(segment);
      if (name.startsWith('k8s_ns.') || name.startsWith('openstack-sg-')) return [];
      const source: ProfileSource = {
        tags: directory.values.get('tags'),
        labels: directory.values.get('labels'),
        rules: directory.values.get('rules'),
      };
      if (source.tags === undefined && source.labels === undefined && source.rules === undefined) return [];
      return [{ v1: `Profile(name=${name})`, convert: () => convertProfile(name, source) }];
    },
  );
}

function converted(one: Resource): Converted {
  return { resource: one, shown: convertedName(one) };
}
