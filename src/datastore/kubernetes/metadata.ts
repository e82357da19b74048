/**
 * Metadata of custom resources. What the Calico API calls metadata is kept as JSON in an annotation, so that the
 * object's own labels and annotations belong to Kubernetes. Upstream: libcalico-go/lib/backend/k8s/resources/resources.go.
 */
import type { KubernetesObject, ObjectMeta } from '../../kubernetes-api/index.ts';
import type { Metadata } from '../../resources/resource.ts';
import { formatJson, parseJson } from '../json.ts';
import { convertUid } from './uid.ts';

/** Group and version of the custom resources. */
export const customGroup = 'crd.projectcalico.org/v1';
const apiGroup = 'projectcalico.org/v3';
const annotation = 'projectcalico.org/metadata';

/** Kinds whose name in the API is not that of the custom resource. */
const named = new Set([
  'NetworkPolicy',
  'GlobalNetworkPolicy',
  'StagedNetworkPolicy',
  'StagedGlobalNetworkPolicy',
]);

/** Order of Go's struct. */
const order = [
  'name',
  'generateName',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'labels',
  'annotations',
  'ownerReferences',
  'finalizers',
];

type Texts = Readonly<Record<string, string>>;
type Reference = { readonly apiVersion?: string; readonly uid?: string };

/** Metadata of the custom resource that holds an object. A revision becomes the version that the server compares. */
export function storedMetadata(
  kind: string,
  name: string,
  metadata: Metadata,
  revision?: string,
): ObjectMeta {
  const { namespace, uid, labels, ownerReferences } = metadata;
  // In etcd the API name of a policy is kept in an annotation of this name.
  const { [annotation]: marker, ...annotations } = metadata.annotations ?? {};
  const inside: Record<string, unknown> = {};
  for (const field of order) {
    const value = field === 'annotations' ? annotations : metadata[field];
    if (field === 'name' || isEmpty(value)) continue;
    inside[field] = value;
  }
  if (ownerReferences?.length) inside['ownerReferences'] = ownerReferences.map(storedReference);
  if (marker !== undefined && named.has(kind)) inside['name'] = metadata.name;
  inside['creationTimestamp'] = metadata.creationTimestamp ?? null;
  const sorted = Object.fromEntries(
    order.filter((field) => field in inside).map((field) => [field, inside[field]]),
  );
  const outside = convertUid(uid);
  const ownLabels = ours(labels);
  return {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ...(revision === undefined ? {} : { resourceVersion: revision }),
    ...(outside === undefined ? {} : { uid: outside }),
    ...(ownLabels ? { labels: ownLabels } : {}),
    annotations: { ...ours(annotations), [annotation]: formatJson(withSortedMaps(sorted)) },
  };
}

/** Metadata that the API shows of a custom resource. @throws Error when the annotation is no JSON */
export function shownMetadata(kind: string, object: KubernetesObject): Metadata {
  const {
    uid,
    labels,
    annotations,
    resourceVersion,
    managedFields: _fields,
    generation: _count,
    ...own
  } = object.metadata;
  const text = annotations?.[annotation];
  const { [annotation]: _hidden, ...others } = annotations ?? {};
  const inside = (text === undefined ? {} : parseJson(text)) as Partial<Metadata>;
  const shownLabels = { ...labels, ...inside.labels };
  const shownAnnotations = {
    ...others,
    ...inside.annotations,
    // The form in which etcd holds a policy's name.
    ...(named.has(kind) && inside.name ? { [annotation]: formatJson({ name: inside.name }) } : {}),
  };
  const converted = convertUid(uid);
  const common = {
    name: inside.name ?? own.name,
    ...(own.namespace === undefined ? {} : { namespace: own.namespace }),
    ...(converted === undefined ? {} : { uid: converted }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
    creationTimestamp: inside.creationTimestamp ?? own.creationTimestamp ?? null,
    ...(isEmpty(shownLabels) ? {} : { labels: shownLabels }),
    ...(isEmpty(shownAnnotations) ? {} : { annotations: shownAnnotations }),
  };
  const { name: _name, labels: _labels, annotations: _annotations, ...rest } = inside;
  const base = text === undefined ? own : rest;
  const references = (text === undefined ? own.ownerReferences : inside.ownerReferences) as
    | readonly Reference[]
    | undefined;
  return {
    ...base,
    ...common,
    ...(references?.length ? { ownerReferences: references.map(shownReference) } : {}),
  };
}

function storedReference(reference: unknown): unknown {
  const { apiVersion, uid } = reference as Reference;
  if (apiVersion !== apiGroup) return reference;
  return { ...(reference as Reference), apiVersion: customGroup, uid: convertUid(uid) ?? uid };
}

function shownReference(reference: Reference): unknown {
  if (reference.apiVersion !== customGroup && reference.apiVersion !== apiGroup) return reference;
  return { ...reference, apiVersion: apiGroup, uid: convertUid(reference.uid) ?? reference.uid };
}

/** Those that other Kubernetes clients select by. */
function ours(texts: Texts | undefined): Texts | undefined {
  const found = Object.entries(texts ?? {}).filter(
    ([name]) => name.includes('projectcalico.org/') || name.includes('operator.tigera.io/'),
  );
  return found.length === 0 ? undefined : Object.fromEntries(found);
}

/** Go writes maps in the order of their keys. */
function withSortedMaps(metadata: Readonly<Record<string, unknown>>): unknown {
  const sorted = (value: unknown) =>
    typeof value === 'object' && value !== null
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value;
  return Object.fromEntries(
    Object.entries(metadata).map(([name, value]) => [
      name,
      name === 'labels' || name === 'annotations' ? sorted(value) : value,
    ]),
  );
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}
