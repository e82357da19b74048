/**
 * Typed keys to etcd paths and back (upstream: libcalico-go/lib/backend/model). The only file that knows the layout
 * below `/calico`.
 */
import { assertNever, CalicoError } from '../errors.ts';
import { formatCidr, tryParseCidr } from '../ip/index.ts';
import {
  type Kind,
  kinds,
  parseResourcePath,
  resourcePath,
  resourcePathPrefix,
  resourcesPrefix,
} from '../resources/index.ts';
import type { Key, Query } from './port.ts';

const blockRoot = '/calico/ipam/v2/assignment/';
const hostRoot = '/calico/ipam/v2/host/';
const virtualRoot = '/calico/ipam/v2/virtual/';
const handleRoot = '/calico/ipam/v2/handle/';
const configPath = '/calico/ipam/v2/config';

/** Kubernetes' own kinds are never in etcd; their paths only tell keys apart. */
const kubernetesRoot = '/kubernetes/';
const kubernetesKinds = new Set([
  'KubernetesNetworkPolicy',
  'KubernetesClusterNetworkPolicy',
  'Service',
  'EndpointSlice',
]);

/** What of the store a query covers: keys from `start`, all with the prefix, further sifted by `matches`. */
export interface PathRange {
  readonly prefix: string;
  /** The prefix is a whole key: no other key is meant. */
  readonly exact: boolean;
  matches(key: Key): boolean;
}

/** The path of a key. @throws CalicoError INPUT for an unknown kind or a part that would leave its place */
export function pathOfKey(key: Key): string {
  switch (key.type) {
    case 'resource': {
      if (kubernetesKinds.has(key.kind))
        return `${kubernetesRoot}${key.kind}/${key.namespace ?? ''}/${segment(key.name, key)}`;
      const kind = known(key.kind);
      const name = segment(key.name, key);
      if (!kinds[kind].namespaced) return resourcePath({ kind, name });
      if (!key.namespace) {
        throw new CalicoError('INPUT', `the ${kind} ${JSON.stringify(key.name)} needs a namespace`);
      }
      return resourcePath({ kind, namespace: segment(key.namespace, key), name });
    }
    case 'block':
      return `${blockRoot}ipv${versionOf(key.cidr)}/block/${dashed(key.cidr)}`;
    case 'affinity': {
      const root = key.owner === 'virtual' ? virtualRoot : hostRoot;
      return `${root}${segment(key.host, key)}/ipv${versionOf(key.cidr)}/block/${dashed(key.cidr)}`;
    }
    case 'handle':
      return handleRoot + segment(key.id, key);
    case 'ipam-config':
      return configPath;
    case 'raw':
      return key.path;
    default:
      return assertNever(key);
  }
}

/** The key of a path; paths of no type of their own are raw keys. */
export function keyOfPath(path: string): Key {
  if (path.startsWith(resourcesPrefix)) {
    const id = parseResourcePath(path);
    if (id) return { type: 'resource', ...id };
  } else if (path.startsWith(kubernetesRoot)) {
    const [kind = '', namespace, name = ''] = path.slice(kubernetesRoot.length).split('/');
    return { type: 'resource', kind, ...(namespace ? { namespace } : {}), name };
  } else if (path.startsWith(blockRoot)) {
    const match = /^ipv[46]\/block\/([^/]+)$/.exec(path.slice(blockRoot.length));
    if (match) return { type: 'block', cidr: undashed(match[1]!) };
  } else if (path.startsWith(hostRoot) || path.startsWith(virtualRoot)) {
    const match = /^\/calico\/ipam\/v2\/(host|virtual)\/([^/]+)\/ipv[46]\/block\/([^/]+)$/.exec(path);
    if (match) {
      const key = { type: 'affinity', host: match[2]!, cidr: undashed(match[3]!) } as const;
      return match[1] === 'virtual' ? { ...key, owner: 'virtual' } : key;
    }
  } else if (path.startsWith(handleRoot)) {
    const id = path.slice(handleRoot.length);
    if (id !== '' && !id.includes('/')) return { type: 'handle', id };
  } else if (path === configPath) return { type: 'ipam-config' };
  return { type: 'raw', path };
}

/** The range of a query. */
export function rangeOfQuery(query: Query): PathRange {
  const ofType = (prefix: string, matches: (key: Key) => boolean): PathRange => ({
    prefix,
    exact: false,
    matches,
  });
  switch (query.type) {
    case 'resource': {
      const { kind, namePrefix = '' } = query;
      const namespace = query.namespace || undefined;
      const prefix = resourcePathPrefix(known(kind), {
        ...(namespace === undefined ? {} : { namespace }),
        namePrefix,
      });
      return ofType(
        prefix,
        (key) => key.type === 'resource' && key.kind === kind && key.name.startsWith(namePrefix),
      );
    }
    case 'block':
      return ofType(
        query.version ? `${blockRoot}ipv${query.version}/` : blockRoot,
        (key) => key.type === 'block',
      );
    case 'affinity': {
      const host = query.host === undefined ? hostRoot : `${hostRoot}${query.host}/`;
      // Without a host the family is not a prefix of the path.
      const prefix = query.host === undefined || !query.version ? host : `${host}ipv${query.version}/block/`;
      return ofType(
        prefix,
        (key) => key.type === 'affinity' && (!query.version || versionOf(key.cidr) === query.version),
      );
    }
    case 'handle':
      return ofType(handleRoot, (key) => key.type === 'handle');
    case 'ipam-config':
      return { prefix: configPath, exact: true, matches: (key) => key.type === 'ipam-config' };
    case 'raw':
      return ofType(query.prefix, () => true);
    default:
      return assertNever(query);
  }
}

/** The first key after all that begin with the prefix, as etcd's `range_end` wants it. */
export function endOfPrefix(prefix: string): string {
  const last = prefix.length - 1;
  return prefix.slice(0, last) + String.fromCharCode(prefix.charCodeAt(last) + 1);
}

function known(kind: string): Kind {
  if (Object.hasOwn(kinds, kind)) return kind as Kind;
  throw new CalicoError('INPUT', `the datastore holds no kind ${JSON.stringify(kind)}`);
}

function segment(text: string, key: Key): string {
  if (text === '' || text.includes('/')) {
    throw new CalicoError('INPUT', `${JSON.stringify(text)} cannot be part of a ${key.type} key`, {
      cure: 'Use a name that is not empty and has no "/".',
    });
  }
  return text;
}

function versionOf(cidr: string): 4 | 6 {
  return cidr.includes(':') ? 6 : 4;
}

function dashed(cidr: string): string {
  const parsed = tryParseCidr(cidr);
  if (!parsed) throw new CalicoError('INPUT', `${JSON.stringify(cidr)} is not a CIDR`);
  return formatCidr(parsed).replace('/', '-');
}

function undashed(text: string): string {
  return text.replace(/-(\d+)$/, '/$1');
}
