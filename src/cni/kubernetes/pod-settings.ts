/** What a pod and its namespace say about the endpoint: labels, ports, profiles, and the annotations of Calico. */
import { formatAddress, formatCidr, parseCidr, tryParseAddress, tryParseCidr } from '../../ip/index.ts';
import type { WorkloadEndpointSpec } from '../../resources/index.ts';
import type { NetConf } from '../config.ts';
import { CniError, cniCode } from '../protocol/cni-error.ts';
import { goJsonProblem } from '../protocol/go-json.ts';
import type { Pod, PodNamespace } from './reader.ts';

/** The settings of a pod. Pools and families are what the annotations say, else what the configuration says. */
export interface PodSettings {
  readonly labels: Readonly<Record<string, string>>;
  readonly generateName: string;
  readonly serviceAccount: string;
  readonly ports: NonNullable<WorkloadEndpointSpec['ports']>;
  readonly v4Pools: readonly string[];
  readonly v6Pools: readonly string[];
  readonly assignV4: boolean;
  readonly assignV6: boolean;
  /** Addresses to take from IPAM, or to use without it. */
  readonly addresses: readonly string[];
  readonly addressesNoIpam: readonly string[];
  readonly floatingIps: readonly string[];
  readonly mac: string | undefined;
  readonly allowedSourcePrefixes: readonly string[];
}

const prefix = 'cni.projectcalico.org/';
const maxLabelLength = 63;

/** Reads the settings. @throws CniError with upstream's words */
export function podSettings(pod: Pod, namespace: PodNamespace, conf: NetConf): PodSettings {
  const own = pod.metadata.annotations ?? {};
  const inherited = namespace.metadata.annotations ?? {};
  const either = (name: string) => own[prefix + name] ?? inherited[prefix + name];
  const serviceAccount = pod.spec.serviceAccountName ?? '';
  const families = familiesOf(either('ipFamilies'));
  return {
    labels: {
      ...pod.metadata.labels,
      ...(serviceAccount !== '' && serviceAccount.length <= maxLabelLength
        ? { 'projectcalico.org/serviceaccount': serviceAccount }
        : {}),
    },
    generateName: pod.metadata.generateName ?? '',
    serviceAccount,
    ports: portsOf(pod),
    v4Pools: textsOf(either('ipv4pools')) ?? conf.ipv4Pools,
    v6Pools: textsOf(either('ipv6pools')) ?? conf.ipv6Pools,
    assignV4: families ? families.has('IPv4') : conf.assignIpv4,
    assignV6: families ? families.has('IPv6') : conf.assignIpv6,
    ...addressesOf(own, conf),
    floatingIps: floatingOf(own[`${prefix}floatingIPs`], conf),
    mac: macOf(own[`${prefix}hwAddr`]),
    allowedSourcePrefixes: prefixesOf(own[`${prefix}allowedSourcePrefixes`]),
  };
}

function fail(message: string): never {
  throw new CniError(cniCode.other, message);
}

/** A JSON list of texts; `undefined` when the annotation is absent or empty. */
function textsOf(annotation: string | undefined): readonly string[] | undefined {
  if (annotation === undefined || annotation === '') return undefined;
  const problem = goJsonProblem(annotation);
  if (problem !== undefined) fail(problem);
  const value: unknown = JSON.parse(annotation);
  if (!Array.isArray(value)) fail(`json: cannot unmarshal ${typeof value} into Go value of type []string`);
  return value.map(String);
}

function familiesOf(annotation: string | undefined): ReadonlySet<string> | undefined {
  const families = textsOf(annotation);
  if (!families) return undefined;
  if (families.some((family) => family !== 'IPv4' && family !== 'IPv6')) {
    fail(`error parsing ipFamilies: ${annotation}`);
  }
  return new Set(families);
}

function addressesOf(
  annotations: Readonly<Record<string, string>>,
  conf: NetConf,
): Pick<PodSettings, 'addresses' | 'addressesNoIpam'> {
  const wanted = annotations[`${prefix}ipAddrs`] ?? '';
  const bypass = annotations[`${prefix}ipAddrsNoIpam`] ?? '';
  if (wanted !== '' && bypass !== '') {
    fail("can't have both annotations: 'ipAddrs' and 'ipAddrsNoIpam' in use at the same time");
  }
  if (bypass !== '' && !conf.ipAddrsNoIpam) fail('requested feature is not enabled: ip_addrs_no_ipam');
  if (wanted !== '' && conf.ipamType !== 'calico-ipam') {
    fail(`ipAddrs is not compatible with configured IPAM: ${conf.ipamType}`);
  }
  return {
    addresses: addressList(`${prefix}ipAddrs`, wanted),
    addressesNoIpam: addressList(`${prefix}ipAddrsNoIpam`, bypass),
  };
}

function addressList(annotation: string, text: string): readonly string[] {
  if (text === '') return [];
  const problem = goJsonProblem(text);
  const parsed: unknown = problem === undefined ? JSON.parse(text) : undefined;
  if (!Array.isArray(parsed)) {
    const reason = problem ?? 'json: cannot unmarshal into Go value of type []string';
    fail(
      `failed to parse IPs ${text} for annotation "${annotation}": failed to parse '${text}' as JSON: ${reason}`,
    );
  }
  if (parsed.length === 0) fail(`annotation "${annotation}" specified but empty`);
  const addresses = parsed.map((item) => {
    const address = tryParseAddress(String(item));
    return (
      address ??
      fail(`failed to parse IPs ${text} for annotation "${annotation}": invalid IP format: ${item}`)
    );
  });
  for (const version of [4, 6] as const) {
    if (addresses.filter((address) => address.version === version).length > 1) {
      fail(`cannot have more than one IPv${version} address for "${annotation}" annotation`);
    }
  }
  return addresses.map(formatAddress);
}

function floatingOf(annotation: string | undefined, conf: NetConf): readonly string[] {
  if (annotation === undefined || annotation === '') return [];
  if (!conf.floatingIps) fail('requested feature is not enabled: floating_ips');
  return (textsOf(annotation) ?? []).map((text) => {
    const address = tryParseAddress(text);
    return address ? formatAddress(address) : fail(`invalid IP format: ${text}`);
  });
}

function macOf(annotation: string | undefined): string | undefined {
  if (annotation === undefined || annotation === '') return undefined;
  const mac = annotation.toLowerCase().replaceAll('-', ':');
  if (/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(mac)) return mac;
  return fail(
    `failed to parse MAC address ${annotation} provided via ${prefix}hwAddr annotation: address ${annotation}: invalid MAC address`,
  );
}

function prefixesOf(annotation: string | undefined): readonly string[] {
  return (textsOf(annotation) ?? []).map((text) => {
    if (!text.includes('/') || !tryParseCidr(text)) {
      fail(`failed to parse annotation ${prefix}allowedSourcePrefixes: invalid CIDR address: ${text}`);
    }
    return formatCidr(parseCidr(text));
  });
}

/** Ports that have a name or a host port, of the containers and then of the init containers. */
function portsOf(pod: Pod): PodSettings['ports'] {
  const containers = [...(pod.spec.containers ?? []), ...(pod.spec.initContainers ?? [])];
  return containers.flatMap((container) =>
    (container.ports ?? [])
      .filter((port) => (port.name ?? '') !== '' || (port.hostPort ?? 0) !== 0)
      .map((port) => ({
        name: port.name ?? '',
        protocol: port.protocol ?? 'TCP',
        port: port.containerPort,
        hostPort: port.hostPort ?? 0,
        hostIP: port.hostIP ?? '',
      })),
  );
}
