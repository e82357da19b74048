/**
 * Resources on the datastore port with the semantics of libcalico-go's clientv3: what a create needs and fills in, the
 * rules of single kinds, the names of policies, and upstream's error texts.
 */
import { pathOfKey } from '../../datastore/paths.ts';
import type { Datastore, Key } from '../../datastore/port.ts';
import { CalicoError } from '../../errors.ts';
import {
  apiPolicyName,
  hasStoredName,
  isKind,
  kinds,
  type PolicyDialect,
  parseStored,
  type Resource,
} from '../../resources/index.ts';
import type { Release } from '../release.ts';
import {
  alreadyExists,
  ClientError,
  idText,
  invalidFields,
  notFound,
  notSupported,
  updateConflict,
} from './errors.ts';
import { rulesOf } from './kind-rules.ts';
import { primaryPolicyName, shownPolicy, storedCandidates, storedPolicy } from './policy-names.ts';
import { rehearsalStore } from './rehearsal.ts';
import { storedForm } from './wire.ts';

/** Identity of a resource as the API names it. */
export interface ObjectId {
  readonly kind: string;
  readonly namespace?: string | undefined;
  readonly name: string;
}

/** A list of resources of one kind. */
export interface ResourceList {
  readonly items: readonly Resource[];
  readonly revision: string;
}

/** What a {@link ResourceClient} needs from outside. */
export interface ClientSettings {
  readonly release: Release;
  readonly dialect: PolicyDialect;
  now(): Date;
  uuid(): string;
  sleep(milliseconds: number): Promise<void>;
}

/** See the module's comment. */
export class ResourceClient {
  readonly store: Datastore;
  readonly settings: ClientSettings;
  #dialect: PolicyDialect;

  constructor(store: Datastore, settings: ClientSettings) {
    this.store = store;
    this.settings = settings;
    this.#dialect = settings.dialect;
  }

  /** From now on policies are written in the form that the cluster's own release expects. */
  adoptDialect(dialect: PolicyDialect): void {
    this.#dialect = dialect;
  }

  get release(): Release {
    return this.settings.release;
  }

  /** Creates an object. @throws ClientError exists, validation, … */
  async create(resource: Resource): Promise<Resource> {
    const rules = rulesOf(resource.kind);
    const prepared = (await rules.prepare?.(resource, this, undefined)) ?? resource;
    await rules.beforeCreate?.(prepared, this);
    const { name, namespace, resourceVersion } = prepared.metadata;
    if (!name)
      throw invalidFields([{ name: 'Metadata.Name', reason: 'field must be set for a Create request' }]);
    if (resourceVersion) {
      throw invalidFields([
        {
          name: 'Metadata.ResourceVersion',
          value: resourceVersion,
          reason: 'field must not be set for a Create request',
        },
      ]);
    }
    this.#checkNamespace(prepared);
    const stamped: Resource = {
      ...prepared,
      metadata: {
        ...prepared.metadata,
        uid: prepared.metadata.uid || this.settings.uuid(),
        creationTimestamp: prepared.metadata.creationTimestamp ?? timestamp(this.settings.now()),
      },
    };
    const stored = storedForm(storedPolicy(stamped, this.#dialect), this.release);
    const id = this.#errorId({ kind: resource.kind, namespace, name });
    if (await this.#otherForm({ kind: resource.kind, namespace, name }))
      throw alreadyExists(id, this.release);
    const key = keyOf(stored);
    this.#refuseUnpatched(key, 'Create');
    const result = await supported(() => this.store.create(key, stored));
    if (!result.ok && result.reason === 'not-found') throw this.#absent(id, key, result.message);
    if (!result.ok) throw alreadyExists(id, this.release, this.store.describe?.(key, 'exists'));
    return this.shown(result.kv.value as Resource);
  }

  /** Replaces an object; `metadata.resourceVersion` must be the stored one. @throws ClientError */
  async update(resource: Resource): Promise<Resource> {
    const rules = rulesOf(resource.kind);
    const old = rules.needsOld ? await this.get(resourceId(resource)) : undefined;
    const prepared = (await rules.prepare?.(resource, this, old)) ?? resource;
    const { name, namespace, resourceVersion, creationTimestamp, uid } = prepared.metadata;
    const missing = !resourceVersion
      ? 'ResourceVersion'
      : !creationTimestamp
        ? 'CreationTimestamp'
        : !uid
          ? 'UID'
          : undefined;
    if (missing !== undefined) {
      throw invalidFields([
        { name: `Metadata.${missing}`, reason: 'field must be set for an Update request' },
      ]);
    }
    this.#checkNamespace(prepared);
    const id = this.#errorId({ kind: resource.kind, namespace, name });
    const other = await this.#otherForm({ kind: resource.kind, namespace, name });
    // A policy stays in the form in which it is stored.
    const dialect = other?.type === 'resource' ? (other.name === name ? 'v3.32' : 'v3.15') : this.#dialect;
    const stored = storedForm(storedPolicy(prepared, dialect), this.release);
    const key = other ?? keyOf(stored);
    this.#refuseUnpatched(key, 'Update');
    const revision = this.#checkedRevision(resourceVersion ?? '');
    const result = await supported(() => this.store.update(key, stored, { revision }));
    if (result.ok) return this.shown(result.kv.value as Resource);
    throw result.reason === 'not-found' ? this.#absent(id, key, result.message) : updateConflict(id);
  }

  /** The object as an update would store it, seen through the API: defaults filled in, validated. */
  async prepared(resource: Resource): Promise<Resource> {
    const rules = rulesOf(resource.kind);
    const old = rules.needsOld ? await this.get(resourceId(resource)) : undefined;
    const ready = (await rules.prepare?.(resource, this, old)) ?? resource;
    return this.shown(storedPolicy(ready, this.#dialect));
  }

  /** The object as the API shows it. @throws ClientError not-found */
  async get(id: ObjectId, revision?: string): Promise<Resource> {
    const rules = rulesOf(id.kind);
    const synthetic = rules.synthetic?.(id.name);
    if (synthetic) return synthetic;
    this.#checkIdNamespace(id);
    if (id.name === '') throw notFound(this.#errorId(id));
    const found = await this.#find(id, revision);
    if (!found) throw this.#absent(this.#errorId(id), this.#primaryKey(id));
    return this.shown(found);
  }

  /** Objects of a kind in key order. */
  async list(kind: string, within: { readonly namespace?: string | undefined } = {}): Promise<ResourceList> {
    const namespace = within.namespace ? { namespace: within.namespace } : {};
    const { items, revision } = await this.store.list({ type: 'resource', kind, ...namespace });
    // As upstream, a list leaves out what cannot be read: one damaged object must not cost the others.
    const readable = items.map((kv) => kv.value as Resource).filter(hasShape);
    const shown = readable.map((resource) => this.shown(resource));
    const arranged = rulesOf(kind).arrange?.(shown, this.release) ?? shown;
    // Kubernetes lists the profile that it does not hold before those of its namespaces.
    if (kind !== 'Profile' || this.store.kind !== 'kubernetes') return { items: arranged, revision };
    return { items: [...arranged.slice(-1), ...arranged.slice(0, -1)], revision };
  }

  /** Deletes an object, with what the kind takes along. @throws ClientError */
  async delete(id: ObjectId, revision?: string): Promise<void> {
    if (id.name === '' && this.store.kind === 'kubernetes') {
      if (id.kind === 'Profile') throw notSupported('Delete', idText(id.kind, undefined, ''));
      throw new ClientError('other', 'resource name may not be empty');
    }
    const rules = rulesOf(id.kind);
    const plain = (again?: string) => this.deletePlain(id, again);
    if (rules.delete) await rules.delete(id, revision, this, plain);
    else await plain(revision);
  }

  /** Deletes the object alone. */
  async deletePlain(id: ObjectId, revision?: string): Promise<void> {
    this.#checkIdNamespace(id);
    if (id.name === '') throw notFound(this.#errorId(id));
    const key = (await this.#otherForm(id)) ?? this.#primaryKey(id);
    const at = revision ? { revision: this.#checkedRevision(revision) } : {};
    const result = await supported(() => this.store.delete(key, at));
    if (result.ok) return;
    const name = this.#errorId(id);
    throw result.reason === 'not-found' ? this.#absent(name, key, result.message) : updateConflict(name);
  }

  #absent(id: string, key: Key, said?: string): ClientError {
    return notFound(id, said ?? this.store.describe?.(key, 'not-found'));
  }

  /** On Kubernetes the CNI plugin alone writes endpoints, which are annotations of pods. */
  #refuseUnpatched(key: Key, operation: string): void {
    if (this.store.kind !== 'kubernetes' || this.release.minor <= 15) return;
    if (key.type !== 'resource' || key.kind !== 'WorkloadEndpoint') return;
    throw notSupported(
      operation,
      idText(key.kind, key.namespace, key.name),
      'unsupported PatchMode: patchModeUnspecified',
    );
  }

  /** Revisions of Kubernetes are opaque. */
  #checkedRevision(text: string): string {
    return this.store.kind === 'kubernetes' ? text : checkedRevision(text);
  }

  async #find(id: ObjectId, revision?: string): Promise<Resource | undefined> {
    const at = revision ? { revision: this.#checkedRevision(revision) } : {};
    const kv = await this.#read(this.#primaryKey(id), at);
    if (kv) return kv;
    const other = await this.#otherForm(id);
    return other && (await this.#read(other, at));
  }

  async #read(key: Key, at: { readonly revision?: string }): Promise<Resource | undefined> {
    let value: Resource | undefined;
    try {
      value = (await this.store.get(key, at))?.value as Resource | undefined;
      if (value) parseStored(value);
    } catch (error) {
      throw parseFailure(error, key, value);
    }
    return value;
  }

  /**
   * A policy of this API name that another release stored under another name. It is found by its own name in the API,
   * so that `x` and `default.x` of a 3.32 cluster stay two policies.
   */
  async #otherForm(id: ObjectId): Promise<Key | undefined> {
    if (!hasStoredName(id.kind)) return undefined;
    const [primary, ...others] = storedCandidates(id.name, this.#dialect);
    for (const name of others) {
      if (name === primary) continue;
      const key = resourceKey({ ...id, name });
      const found = await this.#read(key, {});
      if (found && apiPolicyName(found) === id.name) {
        return (await this.#read(this.#primaryKey(id), {})) ? undefined : key;
      }
    }
    return undefined;
  }

  #primaryKey(id: ObjectId): Key {
    return resourceKey({
      ...id,
      name: hasStoredName(id.kind) ? primaryPolicyName(id.name, this.#dialect) : id.name,
    });
  }

  /** Errors of releases up to 3.28 name policies as they are stored. */
  #errorId(id: ObjectId): string {
    const name =
      hasStoredName(id.kind) && this.release.minor <= 28 ? primaryPolicyName(id.name, 'v3.15') : id.name;
    return idText(id.kind, isNamespaced(id.kind) ? id.namespace : undefined, name);
  }

  /** The same client on a datastore that makes no writes. */
  rehearsing(): ResourceClient {
    return new ResourceClient(rehearsalStore(this.store), { ...this.settings, dialect: this.#dialect });
  }

  /** A stored object as the API shows it. */
  shown(stored: Resource): Resource {
    if (stored.spec === undefined) return this.shown({ ...stored, spec: {} });
    const shown = shownPolicy(stored, this.release);
    return rulesOf(stored.kind).afterRead?.(shown, this.release) ?? shown;
  }

  #checkNamespace(resource: Resource): void {
    this.#checkIdNamespace(resourceId(resource));
  }

  #checkIdNamespace(id: ObjectId): void {
    if (isNamespaced(id.kind) && !id.namespace) {
      throw invalidFields([
        { name: 'Metadata.Namespace', reason: 'namespace is not specified on namespaced resource' },
      ]);
    }
  }
}

/** A refusal of the store's is one of this object. */
async function supported<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof CalicoError && error.code === 'UNSUPPORTED')
      throw new ClientError('unsupported', error.message);
    throw error;
  }
}

function hasShape({ spec, metadata }: Resource): boolean {
  const isObject = (value: unknown): boolean =>
    value === undefined || (typeof value === 'object' && value !== null && !Array.isArray(value));
  return isObject(spec) && isObject(metadata.labels) && isObject(metadata.annotations);
}

/** Whether objects of the kind live in a namespace. */
export function isNamespaced(kind: string): boolean {
  return isKind(kind) && kinds[kind].namespaced;
}

/** The identity of a resource. */
export function resourceId(resource: Resource): ObjectId {
  const { name, namespace } = resource.metadata;
  return { kind: resource.kind, namespace, name: name ?? '' };
}

/** RFC 3339 in UTC with whole seconds. */
export function timestamp(now: Date): string {
  return now.toISOString().replace(/\.\d+Z$/, 'Z');
}

function resourceKey(id: ObjectId): Key {
  return isNamespaced(id.kind)
    ? { type: 'resource', kind: id.kind, namespace: id.namespace ?? '', name: id.name }
    : { type: 'resource', kind: id.kind, name: id.name };
}

function keyOf(resource: Resource): Key & { readonly type: 'resource' } {
  return resourceKey(resourceId(resource)) as Key & { readonly type: 'resource' };
}

/** A revision that etcd can compare. */
function checkedRevision(text: string): string {
  if (/^-?\d+$/.test(text)) return text;
  throw invalidFields([
    {
      name: 'ResourceVersion',
      value: text,
      reason: `strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`,
    },
  ]);
}

/** A stored value that cannot be read is a failure of this object, not of the datastore. */
function parseFailure(error: unknown, key: Key, value: Resource | undefined): unknown {
  if (!(error instanceof CalicoError && error.code === 'INPUT')) return error;
  if (!value) return new ClientError('parse', error.message);
  const entry = `key=${pathOfKey(key)}; value=${JSON.stringify(value)}`;
  return new ClientError('parse', `failed to parse datastore entry ${entry}: ${error.message}`);
}
