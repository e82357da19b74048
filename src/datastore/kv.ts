/**
 * The raw store below the port: ordered keys with revisions, as etcd v3 offers it. Both drivers implement it; backup
 * and upgrade use it directly.
 */
import type { CallOptions } from './port.ts';

/** One stored pair. Revisions are decimal text; `lease` is `'0'` without one. */
export interface KvPair {
  readonly key: string;
  readonly value: Uint8Array;
  readonly createRevision: string;
  readonly modRevision: string;
  readonly version: string;
  readonly lease: string;
}

/** What to read: one key, or all from `key` up to `end` (exclusive). */
export interface KvRange {
  readonly key: string;
  readonly end?: string;
  readonly limit?: number;
  readonly revision?: string;
  readonly keysOnly?: boolean;
  readonly countOnly?: boolean;
}

/** Result of a range read. `more` says that the limit cut it. */
export interface KvRangeResult {
  readonly revision: string;
  readonly pairs: readonly KvPair[];
  readonly more: boolean;
  readonly count: number;
}

/** A condition of a transaction: the key's modification revision (`'0'`: absent), or only that it exists. */
export type KvCompare =
  | { readonly key: string; readonly modRevision: string }
  | { readonly key: string; readonly exists: true };

/** One operation of a transaction. */
export type KvOp =
  | { readonly op: 'put'; readonly key: string; readonly value: Uint8Array; readonly lease?: string }
  | { readonly op: 'delete'; readonly key: string; readonly end?: string }
  | { readonly op: 'range'; readonly range: KvRange };

/** What each operation gave, in order. */
export type KvOpResult =
  | { readonly op: 'put' }
  | { readonly op: 'delete'; readonly deleted: number; readonly previous: readonly KvPair[] }
  | { readonly op: 'range'; readonly result: KvRangeResult };

/** A transaction: all of `success` when every compare holds, else all of `failure`. */
export interface KvTxn {
  readonly compare: readonly KvCompare[];
  readonly success: readonly KvOp[];
  readonly failure: readonly KvOp[];
}

/** Outcome of a transaction. */
export interface KvTxnResult {
  readonly revision: string;
  readonly succeeded: boolean;
  readonly results: readonly KvOpResult[];
}

/** What a raw watch yields; `compacted` and `disconnected` end it. */
export type KvWatchEvent =
  | { readonly type: 'put'; readonly pair: KvPair; readonly previous?: KvPair }
  | {
      readonly type: 'delete';
      readonly key: string;
      readonly revision: string;
      readonly previous?: KvPair;
    }
  /** The watch stands, and everything up to this revision was delivered. */
  | { readonly type: 'progress'; readonly revision: string }
  | {
      readonly type: 'closed';
      readonly reason: 'compacted' | 'disconnected' | 'cancelled';
      readonly message: string;
    };

/** The raw store. Methods throw CalicoError DATASTORE, TIMEOUT or PERMISSION. */
export interface KvStore {
  range(range: KvRange, options?: CallOptions): Promise<KvRangeResult>;
  put(key: string, value: Uint8Array, options?: CallOptions & { readonly lease?: string }): Promise<string>;
  deleteRange(
    key: string,
    end: string | undefined,
    options?: CallOptions,
  ): Promise<{ readonly revision: string; readonly deleted: number; readonly previous: readonly KvPair[] }>;
  txn(txn: KvTxn, options?: CallOptions): Promise<KvTxnResult>;
  /** Batches of events from `startRevision` (inclusive) on. */
  watch(
    range: { readonly key: string; readonly end?: string },
    startRevision: string,
    options?: { readonly signal?: AbortSignal },
  ): AsyncIterable<readonly KvWatchEvent[]>;
  grantLease(ttlSeconds: number, options?: CallOptions): Promise<string>;
  revokeLease(lease: string, options?: CallOptions): Promise<void>;
  compact(revision: string, options?: CallOptions): Promise<void>;
  close(): void;
}
