/** The port on the Kubernetes API. Upstream: libcalico-go/lib/backend/k8s. */
import { CalicoError, messageOf } from '../../errors.ts';
import type { ApiResult, KubernetesClient, KubernetesObject } from '../../kubernetes-api/index.ts';
import type { Resource } from '../../resources/resource.ts';
import { pathOfKey } from '../paths.ts';
import type {
  CallOptions,
  Datastore,
  Key,
  KeyValue,
  ListResult,
  Query,
  Revision,
  TxnResult,
  TxnStep,
  Value,
  WatchEvent,
  WriteResult,
} from '../port.ts';
import { failureOf, refusalOf } from './api-failure.ts';
import {
  collectionPath,
  customObject,
  kubernetesKinds,
  type Location,
  locationOf,
  type MappingOptions,
  objectPath,
  objectText,
  sourcesOf,
} from './mapping.ts';
import { nodeAnnotations } from './node.ts';
import { podAnnotations } from './pod.ts';
import { runInSequence } from './sequence.ts';
import { watchSources } from './watch.ts';

/** How often a write without a revision meets another writer before it gives up. */
const tries = 10;

type Revised = CallOptions & { readonly revision?: Revision };

/** See the module's comment. */
export class KubernetesDatastore implements Datastore {
  readonly kind = 'kubernetes';
  readonly client: KubernetesClient;
  readonly #options: MappingOptions;

  constructor(client: KubernetesClient, options: Partial<MappingOptions> = {}) {
    this.client = client;
    this.#options = { interfacePrefix: 'cali', usePodCidr: false, ...options };
  }

  async get<K extends Key>(key: K, options: Revised = {}): Promise<KeyValue<K> | undefined> {
    const location = locationOf(key, this.#options);
    if (!location) return undefined;
    const result = await this.client.get(objectPath(location), callOf(options));
    if (!result.ok) {
      if (refusalOf(result.status) === 'not-found') return undefined;
      throw failureOf(result.status);
    }
    return this.#read(key, location, result.value);
  }

  async list(query: Query, options: Revised = {}): Promise<ListResult> {
    const items: KeyValue[] = [];
    const broken: { path: string; reason: string }[] = [];
    const sources = sourcesOf(query, this.#options);
    const asked = (options.revision ?? '').split('/');
    const versions: string[] = [];
    for (const [i, source] of sources.entries()) {
      const resourceVersion = asked[i] ? { resourceVersion: asked[i] } : {};
      const selectors = [source.labelSelector, ...(source.moreLabels ? [source.moreLabels] : [])];
      for (const [n, labelSelector] of selectors.entries()) {
        const result = await this.client.list(collectionPath(source), {
          ...callOf(options),
          ...resourceVersion,
          ...(labelSelector ? { labelSelector } : {}),
        });
        if (!result.ok) {
          // Without the definitions there are no objects.
          if (result.status.code !== 404) throw failureOf(result.status);
          versions[i] ??= '0';
          continue;
        }
        // The watch continues the first list; what the second shows is older than its next change.
        if (n === 0) versions[i] = result.value.resourceVersion;
        for (const object of result.value.items) {
          try {
            const kv = source.read(object);
            if (kv && belongs(query, kv.key)) items.push(kv);
          } catch (error) {
            const key = source.keyOf(object);
            if (key && belongs(query, key)) broken.push({ path: pathOfKey(key), reason: messageOf(error) });
          }
        }
      }
    }
    return { items, broken, revision: versions.join('/') };
  }

  async create<K extends Key>(key: K, value: Value<K>, options: CallOptions = {}): Promise<WriteResult<K>> {
    if (isPod(key)) return this.#writePod(key, value, undefined, options);
    const location = this.#writable(key, 'Create');
    const { uid: _uid, resourceVersion: _version, ...metadata } = customObject(key, value).metadata;
    for (let attempt = 1; ; attempt++) {
      const result = await this.client.create(
        collectionPath(location.source, location.namespace),
        { ...customObject(key, value), metadata },
        callOf(options),
      );
      if (result.ok) return this.#written(key, location, result.value, value, options);
      const reason = refusalOf(result.status);
      const current = reason === 'exists' ? await this.get(key, options) : undefined;
      // An object that was about to be deleted is gone now.
      if (reason === 'exists' && !current && attempt < tries) continue;
      return { ok: false, reason, ...(current ? { current } : {}), message: result.status.message };
    }
  }

  async update<K extends Key>(key: K, value: Value<K>, options: Revised = {}): Promise<WriteResult<K>> {
    const { revision } = options;
    if (isPod(key)) return this.#writePod(key, value, revision, options);
    if (isNode(key)) return this.#writeNode(key, value, revision, options);
    const location = this.#writable(key, 'Update');
    for (let attempt = 1; ; attempt++) {
      // Custom resources cannot be replaced without a version.
      const expected = revision ?? (await this.get(key, options))?.revision;
      if (expected === undefined) return this.#refused(key, 'not-found', options);
      const result = await this.client.replace(
        objectPath(location),
        customObject(key, value, expected),
        callOf(options),
      );
      if (result.ok) return this.#written(key, location, result.value, value, options);
      const reason = refusalOf(result.status);
      if (reason === 'conflict' && revision === undefined && attempt < tries) continue;
      return this.#refused(key, reason === 'exists' ? 'conflict' : reason, options, result.status.message);
    }
  }

  async put<K extends Key>(key: K, value: Value<K>, options: CallOptions = {}): Promise<KeyValue<K>> {
    let message = '';
    for (let attempt = 1; attempt <= tries; attempt++) {
      const updated = await this.update(key, value, options);
      if (updated.ok) return updated.kv;
      const written = isPod(key) || isNode(key) ? updated : await this.create(key, value, options);
      if (written.ok) return written.kv;
      message = written.message ?? written.reason;
    }
    throw new CalicoError('DATASTORE', `cannot write ${pathOfKey(key)}: ${message}`);
  }

  async delete<K extends Key>(key: K, options: Revised = {}): Promise<WriteResult<K>> {
    const { revision } = options;
    if (isPod(key)) return this.#releasePod(key, revision, options);
    if (key.type === 'raw') return { ok: false, reason: 'not-found' };
    const location = this.#writable(key, 'Delete');
    const current = await this.get(key, options);
    if (!current) return this.#refused(key, 'not-found', options);
    const preconditions = revision === undefined ? {} : { resourceVersion: revision };
    const result = await this.client.delete(objectPath(location), preconditions, callOf(options));
    if (result.ok) return { ok: true, kv: current };
    const reason = refusalOf(result.status);
    return this.#refused(key, reason === 'exists' ? 'conflict' : reason, options, result.status.message);
  }

  /** Not atomic: see `sequence.ts`. */
  txn(steps: readonly TxnStep[], options: CallOptions = {}): Promise<TxnResult> {
    return runInSequence(this, steps, options);
  }

  watch(
    query: Query,
    revision: Revision,
    options: { readonly signal?: AbortSignal } = {},
  ): AsyncIterable<WatchEvent> {
    const sources = sourcesOf(query, this.#options);
    return watchSources(this.client, sources, revision, (key) => belongs(query, key), options.signal);
  }

  /** What the server says of a key that is absent, or there already. */
  describe(key: Key, what: 'not-found' | 'exists'): string {
    const location = locationOf(key, this.#options);
    if (!location)
      return key.type === 'raw' ? '<nil>' : 'malformed WorkloadEndpoint name - unable to determine Pod name';
    return `${objectText(location)} ${what === 'exists' ? 'already exists' : 'not found'}`;
  }

  close(): void {
    this.client.close();
  }

  /** A half-deleted object is deleted for good and counts as absent. */
  async #read<K extends Key>(
    key: K,
    location: Location,
    object: KubernetesObject,
  ): Promise<KeyValue<K> | undefined> {
    let kv: KeyValue | undefined;
    try {
      kv = location.source.read(object);
    } catch (error) {
      throw new CalicoError('INPUT', messageOf(error), { cause: error });
    }
    if (kv) return isSame(kv.key, key) ? (kv as KeyValue<K>) : undefined;
    if (key.type === 'resource') return undefined;
    const { uid } = object.metadata;
    await this.client.delete(objectPath(location), uid ? { uid } : {});
    return undefined;
  }

  async #written<K extends Key>(
    key: K,
    location: Location,
    object: KubernetesObject,
    value: Value<K>,
    options: CallOptions,
  ): Promise<WriteResult<K>> {
    const status = (value as Partial<Resource>).status;
    let stored = object;
    // The only definition with a status of its own: a plain write leaves it out.
    if (key.type === 'resource' && key.kind === 'KubeControllersConfiguration' && status) {
      const result = await this.client.replace(
        `${objectPath(location)}/status`,
        { ...object, status },
        callOf(options),
      );
      if (result.ok) stored = result.value;
    }
    const kv = location.source.read(stored);
    if (!kv) throw new CalicoError('INTERNAL', `${pathOfKey(key)} was written but reads as nothing`);
    return { ok: true, kv: kv as KeyValue<K> };
  }

  async #refused<K extends Key>(
    key: K,
    reason: 'conflict' | 'not-found',
    options: CallOptions,
    message?: string,
  ): Promise<WriteResult<K>> {
    const current = reason === 'conflict' ? await this.get(key, callOf(options)) : undefined;
    const said = message === undefined ? {} : { message };
    if (reason === 'conflict' && !current) return { ok: false, reason: 'not-found', ...said };
    return { ok: false, reason, ...(current ? { current } : {}), ...said };
  }

  /** Only what changes of our annotations is patched: kubelet and others write the Node too. */
  async #writeNode<K extends Key>(
    key: K,
    value: Value<K>,
    revision: Revision | undefined,
    options: CallOptions,
  ): Promise<WriteResult<K>> {
    const location = locationOf(key, this.#options)!;
    const path = objectPath(location);
    const found = await this.client.get(path, callOf(options));
    if (!found.ok) {
      if (refusalOf(found.status) === 'not-found')
        return { ok: false, reason: 'not-found', message: found.status.message };
      throw failureOf(found.status);
    }
    const { annotations = {}, resourceVersion } = found.value.metadata;
    if (revision !== undefined && revision !== resourceVersion)
      return this.#refused(key, 'conflict', options);
    const changed = Object.entries(nodeAnnotations(value as Resource)).filter(
      ([name, text]) => (annotations[name] ?? null) !== text,
    );
    if (changed.length === 0) return { ok: true, kv: location.source.read(found.value) as KeyValue<K> };
    const patch = {
      metadata: {
        annotations: Object.fromEntries(changed),
        ...(revision === undefined ? {} : { resourceVersion: revision }),
      },
    };
    const result = await this.client.patch(`${path}/status`, patch, 'strategic', callOf(options));
    return this.#patched(key, location, result, options);
  }

  /** As the CNI plugin does: the addresses become annotations of the pod. Without addresses nothing is written. */
  async #writePod<K extends Key>(
    key: K,
    value: Value<K>,
    revision: Revision | undefined,
    options: CallOptions,
  ): Promise<WriteResult<K>> {
    const location = locationOf(key, this.#options);
    if (!location) return { ok: false, reason: 'not-found', message: this.describe(key, 'not-found') };
    const { metadata, spec } = value as Resource;
    const { ipNetworks = [], containerID } = spec as {
      readonly ipNetworks?: readonly string[];
      readonly containerID?: string;
    };
    if (ipNetworks.length === 0) {
      const current = await this.get(key, options);
      return current
        ? { ok: true, kv: current }
        : { ok: false, reason: 'not-found', message: this.describe(key, 'not-found') };
    }
    const patch = {
      metadata: {
        ...(metadata.uid ? { uid: metadata.uid } : {}),
        ...(revision === undefined ? {} : { resourceVersion: revision }),
        annotations: {
          [podAnnotations.ip]: ipNetworks[0],
          [podAnnotations.ips]: ipNetworks.join(','),
          ...(containerID ? { [podAnnotations.container]: containerID } : {}),
        },
      },
    };
    const result = await this.client.patch(
      `${objectPath(location)}/status`,
      patch,
      'strategic',
      callOf(options),
    );
    return this.#patched(key, location, result, options);
  }

  /** Empties the annotations of this very pod: another one of its name may have come meanwhile. */
  async #releasePod<K extends Key>(
    key: K,
    revision: Revision | undefined,
    options: CallOptions,
  ): Promise<WriteResult<K>> {
    const current = await this.get(key, options);
    if (!current) return { ok: false, reason: 'not-found', message: this.describe(key, 'not-found') };
    const location = locationOf(key, this.#options)!;
    const { uid } = (current.value as Resource).metadata;
    const patch = {
      metadata: {
        ...(uid ? { uid } : {}),
        ...(revision === undefined ? {} : { resourceVersion: revision }),
        annotations: { [podAnnotations.ip]: '', [podAnnotations.ips]: '' },
      },
    };
    const result = await this.client.patch(
      `${objectPath(location)}/status`,
      patch,
      'strategic',
      callOf(options),
    );
    return result.ok ? { ok: true, kv: current } : this.#patched(key, location, result, options);
  }

  async #patched<K extends Key>(
    key: K,
    location: Location,
    result: ApiResult,
    options: CallOptions,
  ): Promise<WriteResult<K>> {
    if (result.ok) {
      const kv = await this.#read(key, location, result.value);
      return kv ? { ok: true, kv } : { ok: false, reason: 'not-found' };
    }
    const reason = refusalOf(result.status);
    return this.#refused(key, reason === 'exists' ? 'conflict' : reason, options, result.status.message);
  }

  #writable(key: Key, operation: string): Location {
    if (key.type === 'resource' && (readOnly.has(key.kind) || key.kind in kubernetesKinds)) {
      const id = key.namespace ? `${key.kind}(${key.namespace}/${key.name})` : `${key.kind}(${key.name})`;
      throw new CalicoError('UNSUPPORTED', `operation ${operation} is not supported on ${id}`, {
        cure: 'Change the Kubernetes object instead.',
      });
    }
    if (key.type === 'raw')
      throw new CalicoError('UNSUPPORTED', `the Kubernetes datastore has no key ${key.path}`);
    return locationOf(key, this.#options)!;
  }
}

/** Kinds that Kubernetes makes and deletes. */
const readOnly = new Set(['Node', 'Profile']);

function isPod(key: Key): boolean {
  return key.type === 'resource' && key.kind === 'WorkloadEndpoint';
}

function isNode(key: Key): boolean {
  return key.type === 'resource' && key.kind === 'Node';
}

function isSame(a: Key, b: Key): boolean {
  return pathOfKey(a) === pathOfKey(b);
}

/** What a query leaves out although the collection holds it. */
function belongs(query: Query, key: Key): boolean {
  switch (query.type) {
    case 'resource':
      return key.type === 'resource' && key.name.startsWith(query.namePrefix ?? '');
    case 'affinity':
      return (
        key.type === 'affinity' &&
        (query.host === undefined
          ? key.owner !== 'virtual'
          : key.host === query.host && key.owner !== 'virtual') &&
        ofVersion(key.cidr, query.version)
      );
    case 'block':
      return key.type === 'block' && ofVersion(key.cidr, query.version);
    default:
      return true;
  }
}

function ofVersion(cidr: string, version: 4 | 6 | undefined): boolean {
  return version === undefined || cidr.includes(':') === (version === 6);
}

function callOf({ signal, timeout }: CallOptions): CallOptions {
  return { ...(signal ? { signal } : {}), ...(timeout === undefined ? {} : { timeout }) };
}
