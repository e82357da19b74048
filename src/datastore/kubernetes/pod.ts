/** WorkloadEndpoints of pods. Upstream: libcalico-go/lib/backend/k8s/conversion/workload_endpoint_default.go. */
import { createHash } from 'node:crypto';
import { formatAddress, formatCidr, parseCidr, tryParseAddress, tryParseCidr } from '../../ip/index.ts';
import type { KubernetesObject } from '../../kubernetes-api/index.ts';
import { type WorkloadEndpointSpec, workloadEndpointName } from '../../resources/index.ts';
import { apiVersion, type Resource } from '../../resources/resource.ts';
import { qosControls } from './qos.ts';

const prefix = 'cni.projectcalico.org/';
/** Annotations that the CNI plugin writes. */
export const podAnnotations = {
  ip: `${prefix}podIP`,
  ips: `${prefix}podIPs`,
  container: `${prefix}containerID`,
} as const;
const awsAnnotation = 'vpc.amazonaws.com/pod-ips';
const multusAnnotation = 'k8s.v1.cni.cncf.io/network-status';
/** Longer names are no valid label values. */
const maxAccountLabel = 63;

interface PortSpec {
  readonly name?: string;
  readonly containerPort: number;
  readonly protocol?: string;
  readonly hostPort?: number;
  readonly hostIP?: string;
}

interface PodFields {
  readonly spec?: {
    readonly nodeName?: string;
    readonly hostNetwork?: boolean;
    readonly serviceAccountName?: string;
    readonly containers?: readonly { readonly ports?: readonly PortSpec[] }[];
    readonly initContainers?: readonly { readonly ports?: readonly PortSpec[] }[];
  };
  readonly status?: {
    readonly phase?: string;
    readonly podIP?: string;
    readonly podIPs?: readonly { readonly ip: string }[];
  };
}

/** How endpoints are made: the first interface prefix of Felix's configuration. */
export interface PodOptions {
  readonly interfacePrefix: string;
}

/** Whether a pod is an endpoint at all: it has a node, and a network of its own. */
export function isEndpoint(pod: KubernetesObject): boolean {
  const { spec = {} } = pod as unknown as PodFields;
  return spec.hostNetwork !== true && (spec.nodeName ?? '') !== '';
}

/** Whether its addresses belong to it no longer. */
export function isFinished(pod: KubernetesObject): boolean {
  const { status = {} } = pod as unknown as PodFields;
  if (['Failed', 'Succeeded', 'Completed'].includes(status.phase ?? '')) return true;
  if (!pod.metadata.deletionTimestamp) return false;
  const annotations = pod.metadata.annotations ?? {};
  return annotations[podAnnotations.ip] === '' || annotations[awsAnnotation] === '';
}

/** Whether it has an address, as far as Kubernetes knows. */
export function hasAddress(pod: KubernetesObject): boolean {
  const { status = {} } = pod as unknown as PodFields;
  const annotations = pod.metadata.annotations ?? {};
  return [status.podIP, annotations[podAnnotations.ip], annotations[awsAnnotation]].some(Boolean);
}

/** The endpoint of a pod. @throws Error when an address or an annotation cannot be read */
export function podEndpoint(
  pod: KubernetesObject,
  options: PodOptions,
): Resource<'WorkloadEndpoint', WorkloadEndpointSpec> {
  const { name: podName, namespace = '', uid, creationTimestamp, generateName } = pod.metadata;
  const annotations = pod.metadata.annotations ?? {};
  const { spec = {} } = pod as unknown as PodFields;
  const node = spec.nodeName ?? '';
  const account = spec.serviceAccountName ?? '';
  const identity = { node, orchestrator: 'k8s', pod: podName, endpoint: 'eth0' };
  const name = workloadEndpointName(identity);
  if (typeof name !== 'string')
    throw new Error(`error with field ${name.field.toLowerCase()} (${name.reason})`);
  const networks = isFinished(pod) ? [] : networksOf(pod);
  const nats = networks.length > 0 ? natsOf(annotations[`${prefix}floatingIPs`], networks) : [];
  const prefixes = sourcePrefixes(annotations[`${prefix}allowedSourcePrefixes`]);
  const ports = portsOf(spec);
  const qos = qosControls(annotations);
  const container = annotations[podAnnotations.container];
  const multus = annotations[multusAnnotation];
  return {
    apiVersion,
    kind: 'WorkloadEndpoint',
    metadata: {
      name,
      ...(generateName ? { generateName } : {}),
      namespace,
      ...(uid ? { uid } : {}),
      creationTimestamp: creationTimestamp ?? null,
      labels: {
        ...pod.metadata.labels,
        'projectcalico.org/namespace': namespace,
        'projectcalico.org/orchestrator': 'k8s',
        ...(account !== '' && account.length < maxAccountLabel
          ? { 'projectcalico.org/serviceaccount': account }
          : {}),
      },
      ...(multus ? { annotations: { [multusAnnotation]: multus } } : {}),
    },
    spec: {
      orchestrator: 'k8s',
      node,
      ...(container ? { containerID: container } : {}),
      pod: podName,
      endpoint: 'eth0',
      ...(account !== '' ? { serviceAccountName: account } : {}),
      ...(networks.length > 0 ? { ipNetworks: networks } : {}),
      ...(nats.length > 0 ? { ipNATs: nats } : {}),
      profiles: [`kns.${namespace}`, ...(account !== '' ? [`ksa.${namespace}.${account}`] : [])],
      interfaceName: interfaceName(options.interfacePrefix, namespace, podName),
      ...(ports.length > 0 ? { ports } : {}),
      ...(prefixes.length > 0 ? { allowSpoofedSourcePrefixes: prefixes } : {}),
      ...(qos ? { qosControls: qos } : {}),
    },
  };
}

/** Host-side interface of a pod. */
export function interfaceName(interfacePrefix: string, namespace: string, pod: string): string {
  return interfacePrefix + createHash('sha1').update(`${namespace}.${pod}`).digest('hex').slice(0, 11);
}

function networksOf(pod: KubernetesObject): string[] {
  const { status = {} } = pod as unknown as PodFields;
  const annotations = pod.metadata.annotations ?? {};
  const split = (text: string | undefined) => (text ?? '').split(',').filter((part) => part !== '');
  const sources = [
    (status.podIPs ?? []).map(({ ip }) => ip),
    split(status.podIP),
    split(annotations[podAnnotations.ips]),
    split(annotations[podAnnotations.ip]),
    split(annotations[awsAnnotation]),
  ];
  const found = sources.find((list) => list.length > 0) ?? [];
  return found.map((text) => {
    if (text.includes('/') && tryParseCidr(text)) return formatCidr(parseCidr(text));
    const address = tryParseAddress(text);
    if (!address) throw new Error(`invalid CIDR address: ${text}`);
    return `${formatAddress(address)}/${address.version === 4 ? 32 : 128}`;
  });
}

function natsOf(
  text: string | undefined,
  networks: readonly string[],
): NonNullable<WorkloadEndpointSpec['ipNATs']> {
  return jsonTexts(text, 'floatingIPs').flatMap((external) => {
    const address = tryParseAddress(external);
    if (!address) throw new Error(`invalid IP format: ${external}`);
    const internal = networks.find((network) => network.includes(':') === (address.version === 6));
    if (internal === undefined) return [];
    return [{ internalIP: internal.split('/')[0]!, externalIP: formatAddress(address) }];
  });
}

function sourcePrefixes(text: string | undefined): string[] {
  return jsonTexts(text, 'allowedSourcePrefixes').map((item) => {
    if (!item.includes('/') || !tryParseCidr(item))
      throw new Error(
        `failed to parse annotation ${prefix}allowedSourcePrefixes: invalid CIDR address: ${item}`,
      );
    return formatCidr(parseCidr(item));
  });
}

function jsonTexts(text: string | undefined, annotation: string): readonly string[] {
  if (!text) return [];
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (!Array.isArray(value)) throw new Error(`failed to parse '${text}' as JSON: ${prefix}${annotation}`);
  return value.map(String);
}

/** Named ports and those with a host port; containers first. Ports of other protocols are unknown to policy. */
function portsOf(spec: NonNullable<PodFields['spec']>): NonNullable<WorkloadEndpointSpec['ports']> {
  return [...(spec.containers ?? []), ...(spec.initContainers ?? [])].flatMap(({ ports = [] }) =>
    ports.flatMap(({ name = '', containerPort, protocol = 'TCP', hostPort = 0, hostIP = '' }) =>
      containerPort !== 0 &&
      (name !== '' || hostPort !== 0) &&
      ['TCP', 'UDP', 'SCTP'].includes(protocol || 'TCP')
        ? [{ name, protocol: protocol || 'TCP', port: containerPort, hostPort, hostIP }]
        : [],
    ),
  );
}
