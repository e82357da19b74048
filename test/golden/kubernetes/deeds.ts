/** What a recorded test did to Kubernetes, done to the server in memory. */
import type { FakeApi, KubernetesObject } from '../../../src/kubernetes-api/index.ts';
import { mergePatch } from '../../../src/kubernetes-api/testing/semantics.ts';

interface Named {
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string;
}

/** One deed of a recording. */
export interface Deed {
  readonly create?: KubernetesObject;
  readonly path?: string;
  readonly patch?: unknown;
  readonly sub?: string;
  /** A path, or what the recordings of other programs name: kind, name and perhaps a namespace. */
  readonly delete?: string | Named;
  readonly mayFail?: boolean;
  readonly refused?: string;
  readonly [other: string]: unknown;
}

const cores = {
  Pod: 'pods',
  Node: 'nodes',
  Namespace: 'namespaces',
  ServiceAccount: 'serviceaccounts',
  Service: 'services',
};
const places: Readonly<Record<string, string>> = {
  ...Object.fromEntries(Object.entries(cores).map(([kind, plural]) => [kind, `/api/v1/NS${plural}`])),
  EndpointSlice: '/apis/discovery.k8s.io/v1/NSendpointslices',
  ClusterNetworkPolicy: '/apis/policy.networking.k8s.io/v1alpha2/clusternetworkpolicies',
};

/** The collection of an object. */
export function collectionOf(object: KubernetesObject): string {
  const { kind = '', apiVersion = '', metadata } = object;
  const namespace = metadata.namespace === undefined ? '' : `namespaces/${metadata.namespace}/`;
  const known =
    places[kind] ??
    (kind === 'NetworkPolicy' && !apiVersion.startsWith('crd.')
      ? '/apis/networking.k8s.io/v1/NSnetworkpolicies'
      : `/apis/${apiVersion}/NS${kind.toLowerCase().replace(/y$/, 'ie')}s`);
  return known.replace('NS', namespace);
}

/** Kinds without a namespace of their own. */
const clusterWide = new Set(['Node', 'Namespace', 'ClusterNetworkPolicy']);

function pathOf({ kind, name, namespace = 'default' }: Named): string {
  const metadata = clusterWide.has(kind) ? { name } : { name, namespace };
  return `${collectionOf({ kind, metadata })}/${name}`;
}

/** Does it. An object that exists already is merged with what is created. */
export async function perform(api: FakeApi, deed: Deed): Promise<void> {
  if (deed.refused !== undefined) return;
  if (deed.create) {
    const collection = collectionOf(deed.create);
    const path = `${collection}/${deed.create.metadata.name}`;
    const existing = api.contents()[path];
    if (existing) {
      const { metadata } = deed.create;
      await api.send({
        method: 'PATCH',
        path,
        body: { metadata: { labels: metadata.labels ?? {}, annotations: metadata.annotations ?? {} } },
      });
    } else await api.send({ method: 'POST', path: collection, body: admitted(deed.create) });
    return;
  }
  if (deed.delete !== undefined) {
    const path = typeof deed.delete === 'string' ? deed.delete : pathOf(deed.delete);
    await api.send({ method: 'DELETE', path });
    return;
  }
  if (deed.path === undefined && deed.patch !== undefined) {
    const { kind, name, namespace, sub: _sub, ...fields } = deed.patch as Named & { readonly sub?: string };
    const path = pathOf({ kind, name, ...(namespace === undefined ? {} : { namespace }) });
    await api.send({ method: 'PATCH', path, body: fields });
    return;
  }
  if (deed.path !== undefined && deed.patch !== undefined) {
    const current = api.contents()[deed.path];
    if (current) await api.send({ method: 'PUT', path: deed.path, body: mergePatch(current, deed.patch) });
  }
}

/** What the API server fills in. */
function admitted(object: KubernetesObject): KubernetesObject {
  if (object.kind === 'Namespace') {
    const { labels, name } = object.metadata;
    return {
      ...object,
      metadata: { ...object.metadata, labels: { ...labels, 'kubernetes.io/metadata.name': name } },
    };
  }
  if (object.kind === 'Service') {
    const spec = object['spec'] as Readonly<Record<string, unknown>>;
    const { clusterIP } = spec;
    if (typeof clusterIP !== 'string' || clusterIP === 'None') return object;
    const clusterIPs = (spec['clusterIPs'] as readonly string[] | undefined) ?? [clusterIP];
    const ipFamilies = clusterIPs.map((address) => (address.includes(':') ? 'IPv6' : 'IPv4'));
    return { ...object, spec: { clusterIPs, ipFamilies, ...spec } };
  }
  if (object.kind === 'NetworkPolicy' && !object.apiVersion?.startsWith('crd.')) {
    const spec = object['spec'] as {
      readonly policyTypes?: readonly string[];
      readonly egress?: readonly unknown[];
    };
    if (spec.policyTypes?.length) return object;
    return {
      ...object,
      spec: { ...spec, policyTypes: ['Ingress', ...(spec.egress?.length ? ['Egress'] : [])] },
    };
  }
  return object;
}
