/**
 * The datastore port: what every driver (etcd, memory, Kubernetes) offers, and nothing of how it does it.
 *
 * The unit is a key/value pair whose key is typed. The value of a resource key is the resource as stored (defaults are
 * not filled in, unknown fields are kept, `metadata.resourceVersion` is put in from the revision). The values of the
 * raw keys (IPAM, status) are their JSON documents; integers above 2^53 arrive as bigint.
 */
import type { Resource } from '../resources/resource.ts';

/** An etcd mod revision as decimal text, or Kubernetes' opaque resource version. Compared for equality only. */
export type Revision = string & { readonly __brand?: 'Revision' };

/** A typed key. The drivers map it to their own paths. */
export type Key =
  | { readonly type: 'resource'; readonly kind: string; readonly namespace?: string; readonly name: string }
  | { readonly type: 'block'; readonly cidr: string }
  /** `host` is a node name or, for `kind: 'virtual'`, a virtual owner such as `load-balancer`. */
  | {
      readonly type: 'affinity';
      readonly host: string;
      readonly cidr: string;
      readonly owner?: 'host' | 'virtual';
    }
  | { readonly type: 'handle'; readonly id: string }
  | { readonly type: 'ipam-config' }
  /** Felix's status keys and anything else below /calico that has no type of its own: the path as it is in etcd. */
  | { readonly type: 'raw'; readonly path: string };

/** What a list or a watch covers. */
export type Query =
  | {
      readonly type: 'resource';
      readonly kind: string;
      readonly namespace?: string;
      readonly namePrefix?: string;
    }
  | { readonly type: 'block'; readonly version?: 4 | 6 }
  | { readonly type: 'affinity'; readonly host?: string; readonly version?: 4 | 6 }
  | { readonly type: 'handle' }
  | { readonly type: 'ipam-config' }
  | { readonly type: 'raw'; readonly prefix: string };

/** JSON with lossless integers. */
export type Json =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly Json[]
  | { readonly [name: string]: Json | undefined };

/** Value of a key: a {@link Resource} for resource keys, a JSON document otherwise. */
export type Value<K extends Key = Key> = K extends { type: 'resource' } ? Resource : Json;

/** A key with its value at a revision. */
export interface KeyValue<K extends Key = Key> {
  readonly key: K;
  readonly value: Value<K>;
  readonly revision: Revision;
}

/** A list with the revision from which a watch continues it without a gap. */
export interface ListResult {
  readonly items: readonly KeyValue[];
  readonly revision: Revision;
  /** Stored values that could not be read, named so that one bad object never costs another. */
  readonly broken: readonly { readonly path: string; readonly reason: string }[];
}

/** Outcome of a write: expected failures are values. */
export type WriteResult<K extends Key = Key> =
  | { readonly ok: true; readonly kv: KeyValue<K> }
  | {
      readonly ok: false;
      readonly reason: 'exists' | 'conflict' | 'not-found';
      readonly current?: KeyValue<K>;
      /** What the server said, where it has words of its own (Kubernetes). */
      readonly message?: string;
    };

/** One step of a transaction; all its conditions hold together or nothing is written. */
export type TxnStep =
  | { readonly op: 'create'; readonly key: Key; readonly value: Value }
  | { readonly op: 'update'; readonly key: Key; readonly value: Value; readonly revision: Revision }
  | { readonly op: 'delete'; readonly key: Key; readonly revision: Revision }
  /** Writes nothing: the key must be at this revision (`'0'`: must not exist). */
  | { readonly op: 'check'; readonly key: Key; readonly revision: Revision };

/** Outcome of a transaction: on success one entry per step, the new pair of a create or update, else `undefined`. */
export type TxnResult =
  | { readonly ok: true; readonly written: readonly (KeyValue | undefined)[]; readonly revision: Revision }
  /** `current` holds what each step's key is now (`undefined`: absent), so that a retry needs no further read. */
  | { readonly ok: false; readonly current: readonly (KeyValue | undefined)[] };

/** What a watch yields. `closed` with a reason ends it: list again, then watch from there. */
export type WatchEvent =
  | { readonly type: 'put'; readonly kv: KeyValue; readonly previous?: KeyValue }
  | { readonly type: 'delete'; readonly key: Key; readonly revision: Revision; readonly previous?: KeyValue }
  | { readonly type: 'broken'; readonly path: string; readonly reason: string }
  /** The watch stands, and everything up to this revision was delivered: it may be resumed from there. */
  | { readonly type: 'progress'; readonly revision: Revision }
  | {
      readonly type: 'closed';
      readonly reason: 'compacted' | 'disconnected' | 'cancelled';
      readonly message: string;
    };

/** Options that every call takes. */
export interface CallOptions {
  readonly signal?: AbortSignal;
  /** Milliseconds until the call fails with TIMEOUT; the driver's default is 10 s. */
  readonly timeout?: number;
}

/**
 * A datastore. Methods throw CalicoError DATASTORE, TIMEOUT or PERMISSION when it cannot be reached; `details.outcome`
 * is `'unknown'` when a write may nevertheless have happened: read again before anything else.
 */
export interface Datastore {
  /** Which kind of store. */
  readonly kind: 'etcd' | 'memory' | 'kubernetes';
  get<K extends Key>(
    key: K,
    options?: CallOptions & { readonly revision?: Revision },
  ): Promise<KeyValue<K> | undefined>;
  list(query: Query, options?: CallOptions & { readonly revision?: Revision }): Promise<ListResult>;
  create<K extends Key>(
    key: K,
    value: Value<K>,
    options?: CallOptions & { readonly ttlSeconds?: number },
  ): Promise<WriteResult<K>>;
  /** Compare-and-swap; without `revision` the key must merely exist. */
  update<K extends Key>(
    key: K,
    value: Value<K>,
    options?: CallOptions & { readonly revision?: Revision; readonly ttlSeconds?: number },
  ): Promise<WriteResult<K>>;
  /** Writes whether or not the key exists. */
  put<K extends Key>(
    key: K,
    value: Value<K>,
    options?: CallOptions & { readonly ttlSeconds?: number },
  ): Promise<KeyValue<K>>;
  /** Deletes; with `revision` only at that revision. The deleted pair is in `kv`. */
  delete<K extends Key>(
    key: K,
    options?: CallOptions & { readonly revision?: Revision },
  ): Promise<WriteResult<K>>;
  /**
   * Several writes that happen together or not at all. On etcd and in memory they are one transaction; on Kubernetes,
   * which has none, they are made in sequence and taken back when one is refused.
   */
  txn?(steps: readonly TxnStep[], options?: CallOptions): Promise<TxnResult>;
  /** Events after `revision` (exclusive), in order. Breaking out of the loop ends the watch. */
  watch(
    query: Query,
    revision: Revision,
    options?: { readonly signal?: AbortSignal },
  ): AsyncIterable<WatchEvent>;
  /** The server's words for a key that is absent or there already; only where it has some (Kubernetes). */
  describe?(key: Key, what: 'not-found' | 'exists'): string;
  close(): void;
}
