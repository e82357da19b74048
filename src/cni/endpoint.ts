/** The WorkloadEndpoint of a container and the profile of its network, as they are stored. */
import { randomBytes, randomUUID } from 'node:crypto';
import { apiVersion, type Resource, type ResourceOf } from '../resources/index.ts';
import type { NetConf } from './config.ts';
import type { PodSettings } from './kubernetes/pod-settings.ts';
import type { Workload } from './workload.ts';

/** What an endpoint is made of. */
export interface EndpointParts {
  readonly conf: NetConf;
  readonly workload: Workload;
  readonly name: string;
  readonly interfaceName: string;
  readonly mac: string;
  /** Without prefix. */
  readonly addresses: readonly string[];
  readonly now: Date;
  readonly settings: PodSettings | undefined;
  readonly labels: Readonly<Record<string, string>>;
  /** The endpoint that is there already. */
  readonly existing: Resource | undefined;
}

/** The endpoint, with what an existing one keeps: its identity and what others wrote into it. */
export function workloadEndpoint(parts: EndpointParts): ResourceOf<'WorkloadEndpoint'> {
  const { conf, workload, settings, existing, addresses } = parts;
  const isPod = workload.orchestrator === 'k8s';
  const profiles =
    isPod && settings
      ? [
          `kns.${workload.namespace}`,
          ...(settings.serviceAccount === '' ? [] : [`ksa.${workload.namespace}.${settings.serviceAccount}`]),
        ]
      : [conf.name];
  const nats = (settings?.floatingIps ?? []).flatMap((externalIP) => {
    const internalIP = addresses.find((address) => address.includes(':') === externalIP.includes(':'));
    return internalIP === undefined ? [] : [{ internalIP, externalIP }];
  });
  return {
    ...existing,
    kind: 'WorkloadEndpoint',
    apiVersion,
    metadata: {
      ...existing?.metadata,
      name: parts.name,
      ...(settings && settings.generateName !== '' ? { generateName: settings.generateName } : {}),
      namespace: workload.namespace,
      uid: existing?.metadata.uid ?? randomUUID(),
      creationTimestamp: existing?.metadata.creationTimestamp ?? secondsText(parts.now),
      labels: {
        ...(settings?.labels ?? parts.labels),
        'projectcalico.org/namespace': workload.namespace,
        'projectcalico.org/orchestrator': workload.orchestrator,
      },
    },
    spec: {
      ...(existing ? withoutOurs(existing.spec) : {}),
      orchestrator: workload.orchestrator,
      node: workload.node,
      containerID: workload.containerId,
      ...(isPod ? { pod: workload.pod } : {}),
      endpoint: workload.endpoint,
      ...(settings && settings.serviceAccount !== '' ? { serviceAccountName: settings.serviceAccount } : {}),
      ipNetworks: addresses.map((address) => `${address}/${address.includes(':') ? 128 : 32}`),
      ...(nats.length > 0 ? { ipNATs: nats } : {}),
      profiles,
      interfaceName: parts.interfaceName,
      mac: parts.mac,
      ...(settings && settings.ports.length > 0 ? { ports: settings.ports } : {}),
      ...(settings && settings.allowedSourcePrefixes.length > 0
        ? { allowSpoofedSourcePrefixes: settings.allowedSourcePrefixes }
        : {}),
    },
  };
}

/** What others wrote into a spec: a pod of the same name may have come back without ports or floating addresses. */
function withoutOurs(spec: Resource['spec']): Resource['spec'] {
  const ours = new Set(['ports', 'ipNATs', 'allowSpoofedSourcePrefixes', 'serviceAccountName', 'pod']);
  return Object.fromEntries(Object.entries(spec).filter(([name]) => !ours.has(name)));
}

/** The profile of a network without policy: all out, in from the same network (from anywhere for pods). */
export function networkProfile(name: string, isPod: boolean, now: Date): ResourceOf<'Profile'> {
  return {
    kind: 'Profile',
    apiVersion,
    metadata: { name, uid: randomUUID(), creationTimestamp: secondsText(now) },
    spec: {
      ingress: [{ action: 'Allow', source: isPod ? {} : { selector: `has(${name})` }, destination: {} }],
      egress: [{ action: 'Allow', source: {}, destination: {} }],
      labelsToApply: { [name]: '' },
    },
  };
}

/** A random, locally administered unicast MAC. */
export function randomMac(): string {
  const bytes = randomBytes(6);
  bytes[0] = (bytes[0]! & 0xfe) | 0x02;
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

/** Labels of Mesos: what does not fit a label is brought into shape. */
export function mesosLabels(conf: NetConf): Readonly<Record<string, string>> {
  return Object.fromEntries(conf.mesosLabels.map(({ key, value }) => [sanitise(key), sanitise(value)]));
}

function sanitise(text: string): string {
  return text
    .replaceAll('/', '.')
    .replace(/[^a-zA-Z0-9_.-]/g, '-')
    .replace(/[-.]*\.[-.]*/g, '.')
    .replace(/^[.-]+|[.-]+$/g, '');
}

function secondsText(date: Date): string {
  return date.toISOString().replace(/\.\d+Z$/, 'Z');
}
