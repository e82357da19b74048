/** Upstream's conversion of Kubernetes objects against ours, as the datastore driver hands them out. */
import {
  hasAddress,
  isEndpoint,
  isFinished,
  type Key,
  KubernetesDatastore,
  podEndpoint,
} from '../../../src/datastore/index.ts';
import { messageOf } from '../../../src/errors.ts';
import { FakeApi, KubernetesClient, type KubernetesObject } from '../../../src/kubernetes-api/index.ts';
import { translateClusterPolicy, translateKubernetesPolicy } from '../../../src/policy/index.ts';
import type { Resource } from '../../../src/resources/resource.ts';
import type { Case, Outcome } from '../corpus.ts';

interface Conversion {
  readonly input: KubernetesObject;
  readonly output: Readonly<Record<string, unknown>>;
}

const places: Readonly<Record<string, readonly [path: string, kind: string]>> = {
  NetworkPolicy: ['/apis/networking.k8s.io/v1/namespaces/NS/networkpolicies', 'KubernetesNetworkPolicy'],
  ClusterNetworkPolicy: [
    '/apis/policy.networking.k8s.io/v1alpha2/clusternetworkpolicies',
    'KubernetesClusterNetworkPolicy',
  ],
  Namespace: ['/api/v1/namespaces', 'Profile'],
  ServiceAccount: ['/api/v1/namespaces/NS/serviceaccounts', 'Profile'],
};

/** One case per object of a file. */
export function conversionCases(
  name: string,
  file: { readonly cases: readonly Conversion[] },
): readonly Case[] {
  return file.cases.map((conversion, i) => ({
    name: `${name}/${i}-${conversion.input.metadata.name}`,
    run: () => compareConversion(conversion),
  }));
}

async function compareConversion({ input, output }: Conversion): Promise<Outcome> {
  const kind = input.kind ?? '';
  const recorded = kind === 'Pod' ? podOutput(output) : output;
  const here = kind === 'Pod' ? podHere(input) : await otherHere(input);
  const a = JSON.stringify(canonical(recorded), undefined, 1);
  const b = JSON.stringify(canonical(here), undefined, 1);
  return a === b ? { result: 'agree' } : { result: 'differ', diff: `recorded: ${a}\nhere: ${b}` };
}

function podOutput(output: Readonly<Record<string, unknown>>): unknown {
  const { error, endpoints, ...rest } = output as {
    readonly error?: string;
    readonly endpoints?: readonly { readonly value: unknown }[];
  };
  return { ...rest, ...(error === undefined ? {} : { error }), value: endpoints?.[0]?.value };
}

function podHere(pod: KubernetesObject): unknown {
  const valid = isEndpoint(pod);
  const facts = { isValid: valid, isReady: valid && hasAddress(pod), isFinished: isFinished(pod) };
  try {
    return { ...facts, value: podEndpoint(pod, { interfacePrefix: 'cali' }) };
  } catch (error) {
    return { ...facts, error: messageOf(error) };
  }
}

async function otherHere(input: KubernetesObject): Promise<unknown> {
  const [path, kind] = places[input.kind ?? '']!;
  const api = new FakeApi();
  const { name, namespace = '', resourceVersion = '' } = input.metadata;
  api.seed(path.replace('NS', namespace), input);
  const store = new KubernetesDatastore(new KubernetesClient(api));
  const key: Key = {
    type: 'resource',
    kind,
    ...(kind === 'KubernetesNetworkPolicy' ? { namespace } : {}),
    name: kind !== 'Profile' ? name : input.kind === 'Namespace' ? `kns.${name}` : `ksa.${namespace}.${name}`,
  };
  const found = await store.get(key);
  const read = found?.value as Resource;
  const value =
    kind === 'KubernetesNetworkPolicy'
      ? translateKubernetesPolicy(read)
      : kind === 'KubernetesClusterNetworkPolicy'
        ? translateClusterPolicy(read)
        : read;
  const stamp = String(Number.parseInt((found?.revision ?? '').replaceAll('/', ''), 10));
  const put = (text: string) => text.replaceAll(stamp, resourceVersion);
  const { resourceVersion: version, ...metadata } = value?.metadata ?? { name: '' };
  return {
    key: `${kind}(${key.type === 'resource' && key.namespace ? `${key.namespace}/` : ''}${key.type === 'resource' ? key.name : ''})`,
    revision: put(found?.revision ?? ''),
    value: value && {
      ...value,
      metadata: kind === 'Profile' ? metadata : { ...metadata, resourceVersion: put(version ?? '') },
    },
  };
}

/** Members in order; what is empty is absent, as in Go. */
function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value)
    .map(([name, member]) => [name, canonical(member)] as const)
    .filter(
      ([, member]) =>
        member !== undefined &&
        member !== null &&
        member !== '' &&
        !(typeof member === 'object' && Object.keys(member).length === 0),
    )
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(members);
}
