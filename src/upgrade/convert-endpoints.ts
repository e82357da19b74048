/** Host and workload endpoints. Pure. Upstream: lib/upgrade/converters/{hostendpoint,workloadendpoint}.go. */

import { formatAddress, formatCidr } from '../ip/index.ts';
import { type Converted, convertedName, fromDocument, resource } from './convert-kind.ts';
import { convertProtocol, convertSelector, defined } from './convert-rules.ts';
import { DecodeError, type Decoder, integer, list, members, text, textMap } from './decode.ts';
import { goAddress, goCidr } from './go-net.ts';
import { convertName, convertNodeName, convertProfileName } from './names.ts';

const address: Decoder<string> = (value, where) => {
  const parsed = goAddress(text(value, where));
  if (!parsed) throw new DecodeError(`${where}: ${JSON.stringify(value)} is not an IP address`);
  return formatAddress(parsed);
};

const net: Decoder<string> = (value, where) => {
  const parsed = goCidr(text(value, where));
  if (!parsed) throw new DecodeError(`${where}: ${JSON.stringify(value)} is not a CIDR`);
  return formatCidr(parsed);
};

const mac: Decoder<string> = (value, where) => {
  const source = text(value, where);
  if (
    !/^([0-9a-fA-F]{2}[:-]){5}([0-9a-fA-F]{2}|([0-9a-fA-F]{2}[:-]){2}[0-9a-fA-F]{2}|([0-9a-fA-F]{2}[:-]){14}[0-9a-fA-F]{2})$/.test(
      source,
    )
  ) {
    throw new DecodeError(`${where}: ${JSON.stringify(source)} is not a MAC address`);
  }
  return source.toLowerCase().replaceAll('-', ':');
};

const protocol: Decoder<string | number> = (value, where) =>
  typeof value === 'string' ? value : integer(0, 255)(value, where);

const ports = list(members({ name: text, protocol, port: integer(0, 65535) }));

const decodeHostEndpoint = members({
  name: text,
  expected_ipv4_addrs: list(address),
  expected_ipv6_addrs: list(address),
  labels: textMap,
  profile_ids: list(text),
  ports,
});

const nat = list(members({ int_ip: address, ext_ip: address }));

const decodeWorkloadEndpoint = members({
  state: text,
  name: text,
  active_instance_id: text,
  mac,
  profile_ids: list(text),
  ipv4_nets: list(net),
  ipv6_nets: list(net),
  ipv4_nat: nat,
  ipv6_nat: nat,
  labels: textMap,
  ipv4_gateway: address,
  ipv6_gateway: address,
  ports,
});

/** A host endpoint; the suffix of its name is of the normalized host and the raw id together. */
export function convertHostEndpoint(host: string, id: string, source: string): Converted {
  const document = fromDocument(source, decodeHostEndpoint);
  const node = convertNodeName(host);
  const converted = resource(
    'HostEndpoint',
    convertName(`${node}.${id}`),
    defined({
      node,
      interfaceName: document.name || undefined,
      expectedIPs: filled([
        ...present(document.expected_ipv4_addrs),
        ...present(document.expected_ipv6_addrs),
      ]),
      profiles: filled(present(document.profile_ids).map(convertProfileName)),
      ports: convertPorts(document.ports),
    }),
    labelsOf(document.labels),
  );
  return { resource: converted, shown: convertedName(converted) };
}

/** Names of a workload endpoint in the v1 model. */
export interface V1WorkloadId {
  readonly node: string;
  readonly orchestrator: string;
  readonly workload: string;
  readonly endpoint: string;
}

/** A workload endpoint; its name is made from its identifiers. */
export function convertWorkloadEndpoint(id: V1WorkloadId, source: string): Converted {
  const document = fromDocument(source, decodeWorkloadEndpoint);
  const node = convertNodeName(id.node);
  const orchestrator = convertName(id.orchestrator);
  const endpoint = convertName(id.endpoint);
  let namespace = 'default';
  let third: { readonly field: 'pod' | 'containerID' | 'workload'; readonly value: string };
  const extra: Record<string, string> = {};
  if (id.orchestrator === 'k8s') {
    const dot = id.workload.indexOf('.');
    if (dot < 0) {
      return {
        error: `malformed k8s workload ID '${id.workload}': workload was not added through the Calico CNI plugin and cannot be converted`,
      };
    }
    namespace = id.workload.slice(0, dot);
    third = { field: 'pod', value: id.workload.slice(dot + 1) };
    if (document.active_instance_id) extra['containerID'] = document.active_instance_id;
  } else if (id.orchestrator === 'cni') {
    third = { field: 'containerID', value: id.workload };
  } else if (id.orchestrator === 'libnetwork') {
    third = { field: 'workload', value: 'libnetwork' };
  } else {
    third = { field: 'workload', value: convertName(id.workload) };
  }
  const segments = [
    ['node', node],
    ['orchestrator', orchestrator],
    [third.field, third.value],
    ['endpoint', endpoint],
  ] as const;
  for (const [field, value] of segments) {
    const reason =
      value === ''
        ? 'field should be assigned'
        : value.startsWith('-')
          ? "field must not begin with a '-'"
          : value.endsWith('-')
            ? "field must not end with a '-'"
            : undefined;
    if (reason) return { error: `error with field ${field} = '${value}' (${reason})` };
  }
  // A label that gets its new name wins over one that has it already.
  const given = Object.entries(document.labels ?? {});
  const renamed = given
    .filter(([key]) => convertSelector(key) !== key)
    .map(([key, value]) => [convertSelector(key), value] as const);
  const labels = Object.fromEntries([...given.filter(([key]) => convertSelector(key) === key), ...renamed]);
  const converted = resource(
    'WorkloadEndpoint',
    segments.map(([, value]) => value.replaceAll('-', '--')).join('-'),
    defined({
      orchestrator,
      node,
      ...extra,
      [third.field]: third.value,
      endpoint,
      ipNetworks: filled([...present(document.ipv4_nets), ...present(document.ipv6_nets)]),
      ipNATs: filled(
        [...present(document.ipv4_nat), ...present(document.ipv6_nat)].map((one) =>
          defined({ internalIP: one.int_ip, externalIP: one.ext_ip }),
        ),
      ),
      ipv4Gateway: document.ipv4_gateway,
      ipv6Gateway: document.ipv6_gateway,
      profiles: filled(present(document.profile_ids).map(convertProfileName)),
      interfaceName: document.name || undefined,
      mac: document.mac,
      ports: convertPorts(document.ports),
    }),
    { namespace, ...labelsOf(labels) },
  );
  return { resource: converted, shown: convertedName(converted) };
}

function convertPorts(source: ReturnType<typeof ports> | undefined): readonly unknown[] | undefined {
  return filled(
    present(source).map((one) =>
      defined({ name: one.name, protocol: convertProtocol(one.protocol), port: one.port ?? 0 }),
    ),
  );
}

function present<T>(items: readonly (T | undefined)[] | undefined): readonly T[] {
  return (items ?? []).filter((item): item is T => item !== undefined);
}

function filled<T>(items: readonly T[]): readonly T[] | undefined {
  return items.length > 0 ? items : undefined;
}

function labelsOf(labels: Readonly<Record<string, string>> | undefined): {
  readonly labels?: Readonly<Record<string, string>>;
} {
  return labels && Object.keys(labels).length > 0 ? { labels } : {};
}
