/** The port on a raw store: typed keys and values over paths and bytes. Both the etcd and the memory driver are this. */
import { CalicoError, messageOf } from '../errors.ts';
import { apiVersion, type Resource } from '../resources/resource.ts';
import type { KvCompare, KvOp, KvOpResult, KvPair, KvStore, KvWatchEvent } from './kv.ts';
import { endOfPrefix, keyOfPath, type PathRange, pathOfKey, rangeOfQuery } from './paths.ts';
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
} from './port.ts';
import { decodeValue, encodeValue } from './values.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Bytes of values that a page of a list aims at: half of gRPC's customary 4 MiB limit. */
const pageBytes = 2 * 1024 * 1024;
const firstPage = 100;

type TtlOptions = CallOptions & { readonly ttlSeconds?: number };

/** A {@link Datastore} on a {@link KvStore}. */
export class KvDatastore implements Datastore {
  readonly kind: 'etcd' | 'memory';
  /** The raw store below. */
  readonly kv: KvStore;

  constructor(kind: 'etcd' | 'memory', kv: KvStore) {
    this.kind = kind;
    this.kv = kv;
  }

  async get<K extends Key>(
    key: K,
    options: CallOptions & { readonly revision?: Revision } = {},
  ): Promise<KeyValue<K> | undefined> {
    const { revision } = options;
    const range = { key: pathOfKey(key), ...(revision === undefined ? {} : { revision }) };
    const pair = (await this.kv.range(range, options)).pairs[0];
    return pair && decodePair(key, pair);
  }

  async list(
    query: Query,
    options: CallOptions & { readonly revision?: Revision } = {},
  ): Promise<ListResult> {
    const range = rangeOfQuery(query);
    const items: KeyValue[] = [];
    const broken: { path: string; reason: string }[] = [];
    let revision = options.revision;
    let key = range.prefix || '\0';
    let limit = firstPage;
    const end = endOf(range);
    for (;;) {
      const page = await this.kv.range(
        {
          key,
          ...(end === undefined ? {} : { end }),
          limit,
          ...(revision === undefined ? {} : { revision }),
        },
        options,
      );
      // All pages show the store as it was for the first one.
      revision ??= page.revision;
      let bytes = 0;
      for (const pair of page.pairs) {
        bytes += pair.value.length + pair.key.length;
        const typed = keyOfPath(pair.key);
        if (!range.matches(typed)) continue;
        try {
          items.push(decodePair(typed, pair));
        } catch (error) {
          broken.push({ path: pair.key, reason: messageOf(error) });
        }
      }
      if (!page.more) return { items, revision, broken };
      key = `${page.pairs.at(-1)!.key}\0`;
      limit = Math.max(
        10,
        Math.min(4 * limit, Math.floor((pageBytes * page.pairs.length) / Math.max(bytes, 1))),
      );
    }
  }

  create<K extends Key>(key: K, value: Value<K>, options: TtlOptions = {}): Promise<WriteResult<K>> {
    return this.#write(key, value, 'exists', { key: pathOfKey(key), modRevision: '0' }, options);
  }

  update<K extends Key>(
    key: K,
    value: Value<K>,
    options: TtlOptions & { readonly revision?: Revision } = {},
  ): Promise<WriteResult<K>> {
    const path = pathOfKey(key);
    const { revision } = options;
    const compare: KvCompare =
      revision === undefined ? { key: path, exists: true } : { key: path, modRevision: checked(revision) };
    return this.#write(key, value, 'conflict', compare, options);
  }

  async put<K extends Key>(key: K, value: Value<K>, options: TtlOptions = {}): Promise<KeyValue<K>> {
    const lease = await this.#lease(options);
    const bytes = encoder.encode(encodeValue(key, value));
    const revision = await this.kv.put(pathOfKey(key), bytes, { ...options, ...lease });
    return { key, value: withRevision(key, value, revision), revision };
  }

  async delete<K extends Key>(
    key: K,
    options: CallOptions & { readonly revision?: Revision } = {},
  ): Promise<WriteResult<K>> {
    const path = pathOfKey(key);
    const { revision } = options;
    const compare: KvCompare =
      revision === undefined ? { key: path, exists: true } : { key: path, modRevision: checked(revision) };
    const result = await this.kv.txn(
      {
        compare: [compare],
        success: [{ op: 'delete', key: path }],
        failure: [{ op: 'range', range: { key: path } }],
      },
      options,
    );
    const [outcome] = result.results;
    if (outcome?.op === 'delete') {
      const previous = outcome.previous[0];
      if (!previous) return { ok: false, reason: 'not-found' };
      return { ok: true, kv: lenientPair(key, previous) };
    }
    return refused(key, outcome, 'conflict');
  }

  async txn(steps: readonly TxnStep[], options: CallOptions = {}): Promise<TxnResult> {
    const compare: KvCompare[] = [];
    const success: KvOp[] = [];
    const failure: KvOp[] = [];
    for (const step of steps) {
      const key = pathOfKey(step.key);
      compare.push({ key, modRevision: step.op === 'create' ? '0' : checked(step.revision) });
      failure.push({ op: 'range', range: { key } });
      if (step.op === 'delete') success.push({ op: 'delete', key });
      else if (step.op !== 'check') {
        success.push({ op: 'put', key, value: encoder.encode(encodeValue(step.key, step.value)) });
      }
    }
    const { succeeded, revision, results } = await this.kv.txn({ compare, success, failure }, options);
    if (succeeded) {
      const written = steps.map((step) =>
        step.op === 'create' || step.op === 'update'
          ? { key: step.key, value: withRevision(step.key, step.value, revision), revision }
          : undefined,
      );
      return { ok: true, written, revision };
    }
    return {
      ok: false,
      current: steps.map((step, i) => {
        const pair = pairOf(results[i]);
        return pair && lenientPair(step.key, pair);
      }),
    };
  }

  async *watch(
    query: Query,
    revision: Revision,
    options: { readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<WatchEvent> {
    const range = rangeOfQuery(query);
    const end = endOf(range);
    const start = String(BigInt(checked(revision)) + 1n);
    const rawRange = { key: range.prefix || '\0', ...(end === undefined ? {} : { end }) };
    for await (const batch of this.kv.watch(rawRange, start, options)) {
      for (const event of batch) {
        const typed = toWatchEvent(range, event);
        if (typed) yield typed;
      }
    }
  }

  close(): void {
    this.kv.close();
  }

  async #write<K extends Key>(
    key: K,
    value: Value<K>,
    refusal: 'exists' | 'conflict',
    compare: KvCompare,
    options: TtlOptions,
  ): Promise<WriteResult<K>> {
    const lease = await this.#lease(options);
    const path = compare.key;
    const bytes = encoder.encode(encodeValue(key, value));
    const { succeeded, revision, results } = await this.kv.txn(
      {
        compare: [compare],
        success: [{ op: 'put', key: path, value: bytes, ...lease }],
        failure: [{ op: 'range', range: { key: path } }],
      },
      options,
    );
    if (!succeeded) return refused(key, results[0], refusal);
    return { ok: true, kv: { key, value: withRevision(key, value, revision), revision } };
  }

  async #lease(options: TtlOptions): Promise<{ lease?: string }> {
    if (options.ttlSeconds === undefined) return {};
    return { lease: await this.kv.grantLease(Math.max(1, Math.ceil(options.ttlSeconds)), options) };
  }
}

/** The raw store below a datastore, where there is one (etcd, memory). */
export function rawStore(datastore: Datastore): KvStore | undefined {
  return datastore instanceof KvDatastore ? datastore.kv : undefined;
}

function endOf(range: PathRange): string | undefined {
  if (range.exact) return undefined;
  return range.prefix === '' ? '\0' : endOfPrefix(range.prefix);
}

function checked(revision: Revision): string {
  if (!/^\d+$/.test(revision)) {
    throw new CalicoError('INPUT', `${JSON.stringify(revision)} is not a revision of etcd`);
  }
  return revision;
}

function decodePair<K extends Key>(key: K, pair: KvPair): KeyValue<K> {
  const text = decoder.decode(pair.value);
  try {
    return { key, value: decodeValue(key, text, pair.modRevision) as Value<K>, revision: pair.modRevision };
  } catch (error) {
    throw new CalicoError(
      'INPUT',
      `failed to parse datastore entry key=${pair.key}; value=${text}: ${messageOf(error)}`,
      { cause: error },
    );
  }
}

/** For results that must name a revision even if the value is broken: a broken value then is an empty document. */
function lenientPair<K extends Key>(key: K, pair: KvPair): KeyValue<K> {
  try {
    return decodePair(key, pair);
  } catch {
    return { key, value: decodeValue(key, '{}', pair.modRevision) as Value<K>, revision: pair.modRevision };
  }
}

function withRevision<K extends Key>(key: K, value: Value<K>, revision: Revision): Value<K> {
  if (key.type !== 'resource') return value;
  const resource = value as Resource;
  return {
    ...resource,
    kind: key.kind,
    apiVersion,
    metadata: { ...resource.metadata, resourceVersion: revision },
  } as unknown as Value<K>;
}

function pairOf(result: KvOpResult | undefined): KvPair | undefined {
  return result?.op === 'range' ? result.result.pairs[0] : undefined;
}

function refused<K extends Key>(
  key: K,
  result: KvOpResult | undefined,
  reason: 'exists' | 'conflict',
): WriteResult<K> {
  const pair = pairOf(result);
  return pair ? { ok: false, reason, current: lenientPair(key, pair) } : { ok: false, reason: 'not-found' };
}

function toWatchEvent(range: PathRange, event: KvWatchEvent): WatchEvent | undefined {
  switch (event.type) {
    case 'closed':
    case 'progress':
      return event;
    case 'put': {
      const key = keyOfPath(event.pair.key);
      if (!range.matches(key)) return undefined;
      try {
        const kv = decodePair(key, event.pair);
        return { type: 'put', kv, ...previousOf(key, event.previous) };
      } catch (error) {
        return { type: 'broken', path: event.pair.key, reason: messageOf(error) };
      }
    }
    case 'delete': {
      const key = keyOfPath(event.key);
      if (!range.matches(key)) return undefined;
      return { type: 'delete', key, revision: event.revision, ...previousOf(key, event.previous) };
    }
  }
}

function previousOf(key: Key, pair: KvPair | undefined): { previous?: KeyValue } {
  return pair ? { previous: lenientPair(key, pair) } : {};
}
