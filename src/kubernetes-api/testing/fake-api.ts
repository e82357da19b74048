/**
 * An API server in memory for tests: versions, conflicts, preconditions, finalizers, pages, selectors, the status
 * subresource, watches with bookmarks and expiry behave as those of a real one. Nothing is validated.
 */
import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { ApiRequest, ApiResponse, ApiTransport, KubernetesObject } from '../types.ts';
import { matchesLabels, mergePatch } from './semantics.ts';

interface Change {
  readonly version: number;
  readonly collection: string;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: KubernetesObject;
}

interface Place {
  /** Collection without the namespace: `/api/v1/pods`. */
  readonly collection: string;
  readonly group: string;
  readonly plural: string;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly sub: string | undefined;
}

const pathShape =
  /^(\/api\/v1|\/apis\/([^/]+)\/[^/]+)(?:\/namespaces\/([^/]+)(?=\/[^/]+))?\/([^/]+)(?:\/([^/]+))?(?:\/(status|token))?$/;

/** See the module's comment. */
export class FakeApi implements ApiTransport {
  /** Requests that were made, as `METHOD path`. */
  readonly requests: string[] = [];
  readonly #objects = new Map<string, Map<string, KubernetesObject>>();
  readonly #history: Change[] = [];
  readonly #waiting = new Set<() => void>();
  #version = 100;
  #compacted = 0;
  readonly #now: () => Date;
  /** Collections whose objects have a namespace that must exist. */
  readonly #namespaces: boolean;

  constructor(options: { readonly now?: () => Date; readonly checkNamespaces?: boolean } = {}) {
    this.#now = options.now ?? (() => new Date());
    this.#namespaces = options.checkNamespaces ?? false;
  }

  /** Puts an object in as it is, with a version and a uid of its own where it has none. */
  seed(path: string, object: unknown): KubernetesObject {
    const place = parsePath(path)!;
    const given = structuredClone(object) as KubernetesObject;
    const stored = this.#stamp({
      ...given,
      metadata: { uid: randomUUID(), creationTimestamp: this.#time(), ...given.metadata },
    });
    this.#collection(place.collection).set(idOf(stored), stored);
    this.#record('ADDED', place.collection, stored);
    return stored;
  }

  /** All objects by path. */
  contents(): Readonly<Record<string, KubernetesObject>> {
    const all: [string, KubernetesObject][] = [];
    for (const [collection, objects] of this.#objects) {
      for (const object of objects.values()) all.push([pathOf(collection, object), object]);
    }
    return Object.fromEntries(all);
  }

  /** Forgets history: watches and exact lists from before are refused with 410. */
  compact(): void {
    this.#compacted = this.#version;
  }

  /** Ends all watches, as a server does from time to time. */
  endWatches(): void {
    this.#epoch++;
    this.#wake();
  }

  #epoch = 0;

  async send(request: ApiRequest): Promise<ApiResponse> {
    this.requests.push(`${request.method} ${request.path}`);
    const place = parsePath(request.path);
    if (!place) return this.#refuse(404, 'NotFound', 'the server could not find the requested resource');
    switch (request.method) {
      case 'GET':
        return place.name === undefined ? this.#list(place, request.query ?? {}) : this.#get(place);
      case 'POST':
        return this.#create(place, request.body as KubernetesObject);
      case 'PUT':
        return this.#replace(place, request.body as KubernetesObject);
      case 'PATCH':
        return this.#patch(place, request.body as Readonly<Record<string, unknown>>);
      case 'DELETE':
        return this.#delete(place, request.body);
    }
  }

  async *stream(request: ApiRequest): AsyncGenerator<unknown> {
    this.requests.push(`WATCH ${request.path}`);
    const place = parsePath(request.path)!;
    const query = request.query ?? {};
    const { signal } = request;
    const epoch = this.#epoch;
    let at = Number(query['resourceVersion'] ?? this.#version);
    const wake = () => this.#wake();
    signal?.addEventListener('abort', wake);
    try {
      for (;;) {
        if (signal?.aborted || epoch !== this.#epoch) return;
        if (at < this.#compacted) {
          const message = `too old resource version: ${at} (${this.#compacted})`;
          yield { type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired', message } };
          return;
        }
        const next = this.#history.find((change) => change.version > at && selects(place, query, change));
        if (next) {
          at = next.version;
          yield { type: next.type, object: next.object };
          continue;
        }
        if (at < this.#version) {
          at = this.#version;
          yield { type: 'BOOKMARK', object: { metadata: { resourceVersion: String(at) } } };
          continue;
        }
        await new Promise<void>((resolve) => this.#waiting.add(resolve));
      }
    } finally {
      signal?.removeEventListener('abort', wake);
    }
  }

  close(): void {
    this.endWatches();
  }

  #get(place: Place): ApiResponse {
    const object = this.#find(place);
    return object ? { status: 200, body: object } : this.#absent(place);
  }

  #list(place: Place, query: Readonly<Record<string, string>>): ApiResponse {
    const exact = query['resourceVersionMatch'] === 'Exact' ? Number(query['resourceVersion']) : undefined;
    const [version, start] = query['continue']?.split('/').map(Number) ?? [exact ?? this.#version, 0];
    if (version! < this.#compacted)
      return this.#refuse(410, 'Expired', `The resourceVersion for the provided list is too old.`);
    const items = this.#snapshot(place.collection, version!)
      .filter((object) => selectsObject(place, query, object))
      .sort((a, b) => (idOf(a) < idOf(b) ? -1 : 1));
    const limit = Number(query['limit'] ?? items.length);
    const end = start! + limit;
    const more = end < items.length ? { continue: `${version}/${end}` } : {};
    return {
      status: 200,
      body: { metadata: { resourceVersion: String(version), ...more }, items: items.slice(start, end) },
    };
  }

  /** The collection as it was: changes after the version are taken back. */
  #snapshot(collection: string, version: number): KubernetesObject[] {
    const objects = new Map(this.#collection(collection));
    if (version >= this.#version) return [...objects.values()];
    objects.clear();
    for (const change of this.#history) {
      if (change.collection !== collection || change.version > version) continue;
      if (change.type === 'DELETED') objects.delete(idOf(change.object));
      else objects.set(idOf(change.object), change.object);
    }
    return [...objects.values()];
  }

  #create(place: Place, body: KubernetesObject): ApiResponse {
    const { namespace } = place;
    if (namespace !== undefined && this.#namespaces && !this.#collection('/api/v1/namespaces').has(namespace))
      return this.#refuse(404, 'NotFound', `namespaces "${namespace}" not found`);
    const named = { ...place, name: body.metadata.name };
    if (this.#find(named))
      return this.#refuse(409, 'AlreadyExists', `${resourceText(place)} "${named.name}" already exists`);
    const { resourceVersion: _given, ...metadata } = body.metadata;
    const stored = this.#stamp({
      ...structuredClone(body),
      metadata: {
        ...metadata,
        ...(namespace === undefined ? {} : { namespace }),
        uid: randomUUID(),
        creationTimestamp: this.#time(),
        generation: 1,
      },
    });
    this.#collection(place.collection).set(idOf(stored), stored);
    this.#record('ADDED', place.collection, stored);
    return { status: 201, body: stored };
  }

  #replace(place: Place, body: KubernetesObject): ApiResponse {
    const current = this.#find(place);
    if (!current) return this.#absent(place);
    const { resourceVersion, uid } = body.metadata;
    if (resourceVersion && resourceVersion !== current.metadata.resourceVersion) return this.#conflict(place);
    if (uid && uid !== current.metadata.uid) {
      const message = `Operation cannot be fulfilled on ${resourceText(place)} "${place.name}": StorageError: invalid object, Code: 4, AdditionalErrorMsg: Precondition failed: UID in precondition: ${uid}, UID in object meta: ${current.metadata.uid}`;
      return this.#refuse(409, 'Conflict', message);
    }
    const next =
      place.sub === 'status'
        ? { ...current, metadata: { ...current.metadata, ...body.metadata }, status: body['status'] }
        : body;
    return this.#change(place, current, next);
  }

  #patch(place: Place, patch: Readonly<Record<string, unknown>>): ApiResponse {
    const current = this.#find(place);
    if (!current) return this.#absent(place);
    const { uid, resourceVersion } = (patch['metadata'] ?? {}) as Readonly<Record<string, string>>;
    if (uid && uid !== current.metadata.uid) {
      const causes = [{ reason: 'FieldValueInvalid', field: 'metadata.uid', message: 'field is immutable' }];
      return this.#refuse(422, 'Invalid', `${resourceText(place)} "${place.name}" is invalid`, causes);
    }
    if (resourceVersion && resourceVersion !== current.metadata.resourceVersion) return this.#conflict(place);
    return this.#change(place, current, mergePatch(current, patch) as KubernetesObject);
  }

  #change(place: Place, current: KubernetesObject, wanted: KubernetesObject): ApiResponse {
    const kept = current.metadata;
    const next: KubernetesObject = {
      ...structuredClone(wanted),
      metadata: {
        ...wanted.metadata,
        name: kept.name,
        ...(kept.namespace === undefined ? {} : { namespace: kept.namespace }),
        uid: kept.uid!,
        creationTimestamp: kept.creationTimestamp!,
        resourceVersion: kept.resourceVersion!,
        ...(kept['generation'] === undefined ? {} : { generation: kept['generation'] }),
        ...(kept.deletionTimestamp ? { deletionTimestamp: kept.deletionTimestamp } : {}),
      },
    };
    // A write that changes nothing is none: the version stays.
    if (isDeepStrictEqual(next, current)) return { status: 200, body: current };
    if (next.metadata.deletionTimestamp && !next.metadata.finalizers?.length)
      return { status: 200, body: this.#remove(place, next) };
    const stored = this.#stamp(next);
    this.#collection(place.collection).set(idOf(stored), stored);
    this.#record('MODIFIED', place.collection, stored);
    return { status: 200, body: stored };
  }

  #delete(place: Place, body: unknown): ApiResponse {
    const current = this.#find(place);
    if (!current) return this.#absent(place);
    const { preconditions = {} } = (body ?? {}) as {
      readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
    };
    for (const [name, label] of [
      ['uid', 'UID'],
      ['resourceVersion', 'ResourceVersion'],
    ] as const) {
      const wanted = preconditions[name];
      if (wanted === undefined || wanted === current.metadata[name]) continue;
      const message = `Operation cannot be fulfilled on ${resourceText(place)} "${place.name}": the ${label} in the precondition (${wanted}) does not match the ${label} in record (${current.metadata[name]}). The object might have been deleted and then recreated`;
      return this.#refuse(409, 'Conflict', message);
    }
    if (current.metadata.finalizers?.length) {
      const marked = this.#stamp({
        ...current,
        metadata: { ...current.metadata, deletionTimestamp: this.#time() },
      });
      this.#collection(place.collection).set(idOf(marked), marked);
      this.#record('MODIFIED', place.collection, marked);
      return { status: 200, body: marked };
    }
    return { status: 200, body: this.#remove(place, current) };
  }

  #remove(place: Place, object: KubernetesObject): KubernetesObject {
    this.#collection(place.collection).delete(idOf(object));
    const last = this.#stamp(object);
    this.#record('DELETED', place.collection, last);
    return object;
  }

  #find(place: Place): KubernetesObject | undefined {
    const id = place.namespace === undefined ? (place.name ?? '') : `${place.namespace}/${place.name}`;
    return this.#collection(place.collection).get(id);
  }

  #collection(name: string): Map<string, KubernetesObject> {
    const existing = this.#objects.get(name);
    if (existing) return existing;
    const created = new Map<string, KubernetesObject>();
    this.#objects.set(name, created);
    return created;
  }

  #stamp(object: KubernetesObject): KubernetesObject {
    this.#version++;
    return { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#version) } };
  }

  #record(type: Change['type'], collection: string, object: KubernetesObject): void {
    this.#history.push({ type, collection, object, version: this.#version });
    this.#wake();
  }

  #wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resolve of waiting) resolve();
  }

  #time(): string {
    return this.#now()
      .toISOString()
      .replace(/\.\d+Z$/, 'Z');
  }

  #absent(place: Place): ApiResponse {
    return this.#refuse(404, 'NotFound', `${resourceText(place)} "${place.name}" not found`);
  }

  #conflict(place: Place): ApiResponse {
    const message = `Operation cannot be fulfilled on ${resourceText(place)} "${place.name}": the object has been modified; please apply your changes to the latest version and try again`;
    return this.#refuse(409, 'Conflict', message);
  }

  #refuse(code: number, reason: string, message: string, causes: readonly unknown[] = []): ApiResponse {
    return { status: code, body: { kind: 'Status', code, reason, message, details: { causes } } };
  }
}

function parsePath(path: string): Place | undefined {
  const match = pathShape.exec(path);
  if (!match) return undefined;
  const [, root, group, namespace, plural, name, sub] = match;
  return { collection: `${root}/${plural}`, group: group ?? '', plural: plural!, namespace, name, sub };
}

function pathOf(collection: string, { metadata }: KubernetesObject): string {
  if (metadata.namespace === undefined) return `${collection}/${metadata.name}`;
  const at = collection.lastIndexOf('/');
  return `${collection.slice(0, at)}/namespaces/${metadata.namespace}${collection.slice(at)}/${metadata.name}`;
}

function idOf({ metadata }: KubernetesObject): string {
  return metadata.namespace === undefined ? metadata.name : `${metadata.namespace}/${metadata.name}`;
}

function resourceText({ plural, group }: Place): string {
  return group === '' ? plural : `${plural}.${group}`;
}

function selects(place: Place, query: Readonly<Record<string, string>>, change: Change): boolean {
  return change.collection === place.collection && selectsObject(place, query, change.object);
}

function selectsObject(
  place: Place,
  query: Readonly<Record<string, string>>,
  object: KubernetesObject,
): boolean {
  if (place.namespace !== undefined && object.metadata.namespace !== place.namespace) return false;
  const name = /^metadata\.name=(.*)$/.exec(query['fieldSelector'] ?? '')?.[1];
  if (name !== undefined && object.metadata.name !== name) return false;
  return matchesLabels(query['labelSelector'], object.metadata.labels ?? {});
}
