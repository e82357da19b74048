/** Which Kubernetes objects hold what: from keys and queries to paths, and from objects to values. */

import { CalicoError } from '../../errors.ts';
import type { KubernetesObject } from '../../kubernetes-api/index.ts';
import { kindInfo, parseWorkloadEndpointName } from '../../resources/index.ts';
import { apiVersion, type Resource } from '../../resources/resource.ts';
import type { Json, Key, KeyValue, Query, Value } from '../port.ts';
import { affinityLabels, affinityName, cidrName, hostHash, ipamDocument, ipamSpec } from './ipam-objects.ts';
import { customGroup, shownMetadata, storedMetadata } from './metadata.ts';
import { shownNode } from './node.ts';
import { isEndpoint, podEndpoint } from './pod.ts';
import { namespaceProfile, profileSource, serviceAccountProfile } from './profile.ts';
import { convertUid } from './uid.ts';

/** Settings of the conversion. */
export interface MappingOptions {
  readonly interfacePrefix: string;
  readonly usePodCidr: boolean;
}

/** A collection and how its objects are read. */
export interface Source {
  /** Root of the group: `/api/v1`. */
  readonly root: string;
  readonly plural: string;
  readonly namespace?: string;
  readonly labelSelector?: string;
  /** Lists only what a watch with `labelSelector` would miss. */
  readonly moreLabels?: string;
  /** What an object is; `undefined`: nothing of ours. @throws Error when it cannot be converted */
  read(object: KubernetesObject): KeyValue | undefined;
  /** Its key, even if it cannot be converted. */
  keyOf(object: KubernetesObject): Key | undefined;
}

/** Where one key lives. */
export interface Location {
  readonly source: Source;
  readonly namespace?: string;
  readonly name: string;
}

interface CoreKind {
  readonly root: string;
  readonly plural: string;
  readonly namespaced: boolean;
  readonly convertsUid: boolean;
}

/** Kubernetes' own kinds, read as they are. */
export const kubernetesKinds: Readonly<Record<string, CoreKind>> = {
  KubernetesNetworkPolicy: {
    root: '/apis/networking.k8s.io/v1',
    plural: 'networkpolicies',
    namespaced: true,
    convertsUid: true,
  },
  KubernetesClusterNetworkPolicy: {
    root: '/apis/policy.networking.k8s.io/v1alpha2',
    plural: 'clusternetworkpolicies',
    namespaced: false,
    convertsUid: true,
  },
  Service: { root: '/api/v1', plural: 'services', namespaced: true, convertsUid: false },
  EndpointSlice: {
    root: '/apis/discovery.k8s.io/v1',
    plural: 'endpointslices',
    namespaced: true,
    convertsUid: false,
  },
};

const ipamPlurals = {
  block: 'ipamblocks',
  affinity: 'blockaffinities',
  handle: 'ipamhandles',
  'ipam-config': 'ipamconfigs',
} as const;

const ipamKinds = {
  block: 'IPAMBlock',
  affinity: 'BlockAffinity',
  handle: 'IPAMHandle',
  'ipam-config': 'IPAMConfig',
} as const;

const customRoot = `/apis/${customGroup}`;

/** The collections that a query covers: two for profiles, one for all else. @throws CalicoError UNSUPPORTED */
export function sourcesOf(query: Query, options: MappingOptions): readonly Source[] {
  switch (query.type) {
    case 'block':
    case 'handle':
    case 'ipam-config':
      return [ipamSource(query.type)];
    case 'affinity': {
      const { host } = query;
      const source = ipamSource('affinity');
      if (host === undefined) return [source];
      const label = `projectcalico.org/hostname-hash=${hostHash(host)}`;
      // Objects of releases before 3.31 have no labels.
      return [{ ...source, labelSelector: label, moreLabels: '!projectcalico.org/hostname-hash' }];
    }
    case 'raw':
      // Status of agents and the like have no place in the API: they are absent.
      return [];
    case 'resource': {
      const { kind, namePrefix = '' } = query;
      const namespace = query.namespace ? { namespace: query.namespace } : {};
      switch (kind) {
        case 'Node':
          return [nodeSource(options)];
        case 'WorkloadEndpoint':
          return [{ ...podSource(options), ...namespace }];
        case 'Profile':
          return [namespaceSource, accountSource].filter(
            ({ profiles }) => namePrefix.startsWith(profiles) || profiles.startsWith(namePrefix),
          );
        default:
          return [{ ...resourceSource(kind), ...namespace }];
      }
    }
  }
}

/** Where a key lives; `undefined` when no object can have it. @throws CalicoError */
export function locationOf(key: Key, options: MappingOptions): Location | undefined {
  switch (key.type) {
    case 'raw':
      return undefined;
    case 'block':
      return { source: ipamSource('block'), name: cidrName(key.cidr) };
    case 'affinity':
      return { source: ipamSource('affinity'), name: affinityName(key) };
    case 'handle':
      return { source: ipamSource('handle'), name: key.id.toLowerCase() };
    case 'ipam-config':
      return { source: ipamSource('ipam-config'), name: 'default' };
    case 'resource':
      break;
  }
  const namespace = key.namespace ? { namespace: key.namespace } : {};
  switch (key.kind) {
    case 'Node':
      return { source: nodeSource(options), name: key.name };
    case 'WorkloadEndpoint': {
      const identity = parseWorkloadEndpointName(key.name);
      if (identity?.orchestrator !== 'k8s') return undefined;
      return { source: podSource(options), ...namespace, name: identity.workload };
    }
    case 'Profile': {
      const source = profileSource(key.name);
      if (!source) throw new CalicoError('INPUT', `Invalid name ${key.name}`);
      return source.kind === 'Namespace'
        ? { source: namespaceSource, name: source.name }
        : { source: accountSource, namespace: source.namespace, name: source.name };
    }
    default:
      return { source: resourceSource(key.kind), ...namespace, name: key.name };
  }
}

/** Path of a location's object. */
export function objectPath({ source, namespace, name }: Location): string {
  return `${collectionPath(source, namespace)}/${encodeURIComponent(name)}`;
}

/** Path of a source's collection. */
export function collectionPath(source: Source, namespace = source.namespace): string {
  const inside = namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
  return `${source.root}${inside}/${source.plural}`;
}

/** What the server calls an object: `tiers.crd.projectcalico.org "x"`. */
export function objectText({ source, name }: Location): string {
  const group = /^\/apis\/([^/]+)\//.exec(source.root)?.[1];
  return `${source.plural}${group === undefined ? '' : `.${group}`} "${name}"`;
}

/** The custom resource that holds a value. @throws CalicoError UNSUPPORTED for keys that are held otherwise */
export function customObject(key: Key, value: Value, revision?: string): KubernetesObject {
  if (key.type === 'raw') throw new CalicoError('UNSUPPORTED', `no custom resource holds ${key.path}`);
  if (key.type === 'resource') {
    const { apiVersion: _version, kind: _kind, metadata, ...rest } = value as Resource;
    return {
      apiVersion: customGroup,
      kind: key.kind === 'IPAMConfiguration' ? 'IPAMConfig' : key.kind,
      metadata: storedMetadata(
        key.kind,
        key.name,
        { ...metadata, ...(key.namespace ? { namespace: key.namespace } : {}) },
        revision,
      ),
      ...rest,
    };
  }
  const labels = key.type === 'affinity' ? { labels: affinityLabels(key) } : {};
  const name =
    key.type === 'block'
      ? cidrName(key.cidr)
      : key.type === 'affinity'
        ? affinityName(key)
        : key.type === 'handle'
          ? key.id.toLowerCase()
          : 'default';
  return {
    apiVersion: customGroup,
    kind: ipamKinds[key.type],
    metadata: storedMetadata(ipamKinds[key.type], name, { name, ...labels }, revision),
    spec: ipamSpec(key, value as Json),
  };
}

function resourceSource(kind: string): Source {
  const own = kubernetesKinds[kind];
  if (own) return { ...own, ...coreReader(kind, own) };
  const info = kindInfo(kind);
  if (!info) throw new CalicoError('INPUT', `the datastore holds no kind ${JSON.stringify(kind)}`);
  const keyOf = ({ metadata: { name, namespace } }: KubernetesObject): Key => ({
    type: 'resource',
    kind,
    ...(info.namespaced && namespace !== undefined ? { namespace } : {}),
    name,
  });
  return {
    root: customRoot,
    plural: kind === 'IPAMConfiguration' ? 'ipamconfigs' : info.plural,
    keyOf,
    read: (object) => {
      const { apiVersion: _version, kind: _kind, metadata: _metadata, ...rest } = object;
      const value: Resource = {
        apiVersion,
        kind,
        metadata: shownMetadata(kind, object),
        ...rest,
        spec: (object['spec'] ?? {}) as Resource['spec'],
      };
      return pair(keyOf(object), value, object);
    },
  };
}

/** Objects of Kubernetes' own kinds under our name for the kind. */
function coreReader(kind: string, { namespaced, convertsUid }: CoreKind): Pick<Source, 'read' | 'keyOf'> {
  const keyOf = ({ metadata: { name, namespace } }: KubernetesObject): Key => ({
    type: 'resource',
    kind,
    ...(namespaced && namespace !== undefined ? { namespace } : {}),
    name,
  });
  return {
    keyOf,
    read: (object) => {
      const { name, namespace, uid, resourceVersion, creationTimestamp, labels, annotations } =
        object.metadata;
      const shown = convertsUid ? convertUid(uid) : uid;
      const metadata = {
        name,
        ...(namespace === undefined ? {} : { namespace }),
        ...(shown === undefined ? {} : { uid: shown }),
        ...(resourceVersion === undefined ? {} : { resourceVersion }),
        creationTimestamp: creationTimestamp ?? null,
        ...(labels ? { labels } : {}),
        ...(annotations ? { annotations } : {}),
      };
      const value = {
        ...object,
        apiVersion,
        kind,
        metadata,
        spec: (object['spec'] ?? {}) as Resource['spec'],
      };
      return pair(keyOf(object), value as Resource, object);
    },
  };
}

function ipamSource(type: keyof typeof ipamPlurals): Source {
  return {
    root: customRoot,
    plural: ipamPlurals[type],
    keyOf: (object) =>
      ipamDocument(type, { ...object, spec: { ...(object['spec'] as object), deleted: false } })?.key,
    read: (object) => {
      const document = ipamDocument(type, object);
      return document && { ...document, revision: object.metadata.resourceVersion ?? '' };
    },
  };
}

function nodeSource({ usePodCidr }: MappingOptions): Source {
  const keyOf = ({ metadata: { name } }: KubernetesObject): Key => ({ type: 'resource', kind: 'Node', name });
  return {
    root: '/api/v1',
    plural: 'nodes',
    keyOf,
    read: (object) => pair(keyOf(object), shownNode(object, usePodCidr), object),
  };
}

function podSource(options: MappingOptions): Source {
  const keyOf = (pod: KubernetesObject): Key | undefined => {
    if (!isEndpoint(pod)) return undefined;
    const { name, namespace } = pod.metadata;
    const { nodeName = '' } = pod['spec'] as { readonly nodeName?: string };
    const escaped = [nodeName, 'k8s', name, 'eth0'].map((part) => part.replaceAll('-', '--')).join('-');
    return { type: 'resource', kind: 'WorkloadEndpoint', namespace: namespace ?? '', name: escaped };
  };
  return {
    root: '/api/v1',
    plural: 'pods',
    keyOf,
    read: (pod) => {
      const key = keyOf(pod);
      return key && pair(key, podEndpoint(pod, options) as unknown as Resource, pod);
    },
  };
}

const profileKey = (name: string): Key => ({ type: 'resource', kind: 'Profile', name });

/** A source of profiles, with the prefix of their names. */
export type ProfileSource = Source & { readonly profiles: 'kns.' | 'ksa.' };

const namespaceSource: ProfileSource = {
  root: '/api/v1',
  plural: 'namespaces',
  profiles: 'kns.',
  keyOf: ({ metadata }) => profileKey(`kns.${metadata.name}`),
  read: (object) => {
    const value = namespaceProfile(object);
    return pair(profileKey(value.metadata.name), value, object, (version) => `${version}/`);
  },
};

const accountSource: ProfileSource = {
  root: '/api/v1',
  plural: 'serviceaccounts',
  profiles: 'ksa.',
  keyOf: ({ metadata }) => profileKey(`ksa.${metadata.namespace}.${metadata.name}`),
  read: (object) => {
    const value = serviceAccountProfile(object);
    return pair(profileKey(value.metadata.name), value, object, (version) => `/${version}`);
  },
};

function pair(
  key: Key,
  value: Resource,
  object: KubernetesObject,
  revisionOf: (version: string) => string = (version) => version,
): KeyValue {
  const revision = revisionOf(object.metadata.resourceVersion ?? '');
  return {
    key,
    value: { ...value, metadata: { ...value.metadata, resourceVersion: revision } },
    revision,
  } as KeyValue;
}
