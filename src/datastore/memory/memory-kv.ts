/** An etcd in memory: the same revisions, transactions, history and compaction, for unit tests and offline plans. */
import { CalicoError } from '../../errors.ts';
import type {
  KvCompare,
  KvOp,
  KvOpResult,
  KvPair,
  KvRange,
  KvRangeResult,
  KvStore,
  KvTxn,
  KvTxnResult,
  KvWatchEvent,
} from '../kv.ts';

/** A change that watches replay. */
interface Change {
  readonly revision: number;
  readonly event: Extract<KvWatchEvent, { type: 'put' | 'delete' }>;
}

interface Watcher {
  readonly key: string;
  readonly end: string | undefined;
  readonly queue: KvWatchEvent[];
  wake(): void;
}

/** Changes kept for watches and reads at old revisions before the oldest are compacted away. */
const historyLimit = 100_000;

/** The raw store in memory. */
export class MemoryKv implements KvStore {
  readonly #pairs = new Map<string, KvPair>();
  #sorted: string[] | undefined = [];
  #history: Change[] = [];
  #compacted = 0;
  #revision = 1;
  #nextLease = 1;
  readonly #leases = new Map<string, { readonly keys: Set<string>; timer: NodeJS.Timeout }>();
  readonly #watchers = new Set<Watcher>();
  #closed = false;
  /** Requests served, watches not counted. */
  requests = 0;

  async range(range: KvRange): Promise<KvRangeResult> {
    this.#begin();
    return this.#range(range);
  }

  async put(key: string, value: Uint8Array, options: { readonly lease?: string } = {}): Promise<string> {
    const { lease } = options;
    const op = { op: 'put', key, value, ...(lease === undefined ? {} : { lease }) } as const;
    return (await this.txn({ compare: [], success: [op], failure: [] })).revision;
  }

  async deleteRange(key: string, end: string | undefined) {
    const op = { op: 'delete', key, ...(end === undefined ? {} : { end }) } as const;
    const result = await this.txn({ compare: [], success: [op], failure: [] });
    const deleted = result.results[0] as Extract<KvOpResult, { op: 'delete' }>;
    return { revision: result.revision, deleted: deleted.deleted, previous: deleted.previous };
  }

  async txn(txn: KvTxn): Promise<KvTxnResult> {
    this.#begin();
    const succeeded = txn.compare.every((compare) => this.#holds(compare));
    const ops = succeeded ? txn.success : txn.failure;
    const next = this.#revision + 1;
    const results = ops.map((op) => this.#apply(op, next));
    for (const watcher of this.#watchers) if (watcher.queue.length > 0) watcher.wake();
    if (this.#history.length > 2 * historyLimit) this.#history = this.#history.slice(-historyLimit);
    return { revision: String(this.#revision), succeeded, results };
  }

  async compact(revision: string): Promise<void> {
    this.#begin();
    const to = Number(revision);
    if (to <= this.#compacted) throw compactedError();
    this.#compacted = to;
    this.#history = this.#history.filter((change) => change.revision > to);
  }

  async grantLease(ttlSeconds: number): Promise<string> {
    this.#begin();
    const id = String(this.#nextLease++);
    const timer = setTimeout(() => void this.revokeLease(id), ttlSeconds * 1000);
    timer.unref();
    this.#leases.set(id, { keys: new Set(), timer });
    return id;
  }

  async revokeLease(lease: string): Promise<void> {
    const held = this.#leases.get(lease);
    if (!held) return;
    clearTimeout(held.timer);
    this.#leases.delete(lease);
    for (const key of held.keys) await this.deleteRange(key, undefined);
  }

  async *watch(
    range: { readonly key: string; readonly end?: string },
    startRevision: string,
    options: { readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<readonly KvWatchEvent[]> {
    const start = Number(startRevision);
    const oldest = this.#history[0]?.revision ?? this.#revision + 1;
    if (start <= this.#compacted || (start <= this.#revision && start < oldest)) {
      yield [{ type: 'closed', reason: 'compacted', message: compactedError().message }];
      return;
    }
    let wake: () => void = () => {};
    const watcher: Watcher = { key: range.key, end: range.end, queue: [], wake: () => wake() };
    watcher.queue.push({ type: 'progress', revision: String(start - 1) });
    for (const change of this.#history) {
      if (change.revision >= start && inRange(watcher, keyOf(change))) watcher.queue.push(change.event);
    }
    const cancel = () => {
      watcher.queue.push({ type: 'closed', reason: 'cancelled', message: 'the watch was cancelled' });
      watcher.wake();
    };
    if (options.signal?.aborted) cancel();
    options.signal?.addEventListener('abort', cancel);
    this.#watchers.add(watcher);
    try {
      for (;;) {
        if (watcher.queue.length > 0) {
          const batch = watcher.queue.splice(0);
          yield batch;
          if (batch.some((event) => event.type === 'closed')) return;
        } else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    } finally {
      options.signal?.removeEventListener('abort', cancel);
      this.#watchers.delete(watcher);
    }
  }

  /** Ends every watch as a lost connection would (for tests of those who watch). */
  disconnectWatches(message = 'the connection was lost'): void {
    for (const watcher of this.#watchers) {
      watcher.queue.push({ type: 'closed', reason: 'disconnected', message });
      watcher.wake();
    }
  }

  close(): void {
    this.#closed = true;
    for (const { timer } of this.#leases.values()) clearTimeout(timer);
    this.disconnectWatches('the datastore client was closed');
  }

  #begin(): void {
    if (this.#closed) throw new CalicoError('DATASTORE', 'the datastore client was closed');
    this.requests++;
  }

  #holds(compare: KvCompare): boolean {
    const pair = this.#pairs.get(compare.key);
    if ('exists' in compare) return pair !== undefined;
    return (pair?.modRevision ?? '0') === compare.modRevision;
  }

  #apply(op: KvOp, revision: number): KvOpResult {
    switch (op.op) {
      case 'range':
        return { op: 'range', result: this.#range(op.range) };
      case 'put': {
        const lease = op.lease ?? '0';
        const holder = lease === '0' ? undefined : this.#leases.get(lease);
        if (lease !== '0' && !holder) {
          throw new CalicoError('DATASTORE', 'etcdserver: requested lease not found');
        }
        const previous = this.#pairs.get(op.key);
        if (previous) this.#leases.get(previous.lease)?.keys.delete(op.key);
        holder?.keys.add(op.key);
        const pair: KvPair = {
          key: op.key,
          value: op.value,
          createRevision: previous?.createRevision ?? String(revision),
          modRevision: String(revision),
          version: String(Number(previous?.version ?? 0) + 1),
          lease,
        };
        if (!previous) this.#sorted = undefined;
        this.#pairs.set(op.key, pair);
        this.#record(revision, { type: 'put', pair, ...(previous ? { previous } : {}) });
        return { op: 'put' };
      }
      case 'delete': {
        const keys = this.#keys(op.key, op.end);
        const previous = keys.map((key) => this.#pairs.get(key)!);
        for (const pair of previous) {
          this.#pairs.delete(pair.key);
          this.#leases.get(pair.lease)?.keys.delete(pair.key);
          this.#record(revision, {
            type: 'delete',
            key: pair.key,
            revision: String(revision),
            previous: pair,
          });
        }
        if (keys.length > 0) this.#sorted = undefined;
        return { op: 'delete', deleted: keys.length, previous };
      }
    }
  }

  #record(revision: number, event: Change['event']): void {
    this.#revision = revision;
    this.#history.push({ revision, event });
    for (const watcher of this.#watchers) {
      if (inRange(watcher, event.type === 'put' ? event.pair.key : event.key)) watcher.queue.push(event);
    }
  }

  #range(range: KvRange): KvRangeResult {
    const pairs =
      range.revision !== undefined && range.revision !== '0' && Number(range.revision) !== this.#revision
        ? this.#pairsAt(range, Number(range.revision))
        : this.#keys(range.key, range.end).map((key) => this.#pairs.get(key)!);
    const limit = range.limit && range.limit > 0 ? range.limit : pairs.length;
    const chosen = range.countOnly ? [] : pairs.slice(0, limit);
    return {
      revision: String(this.#revision),
      pairs: range.keysOnly ? chosen.map((pair) => ({ ...pair, value: new Uint8Array() })) : chosen,
      more: limit < pairs.length,
      count: pairs.length,
    };
  }

  /** The pairs as they were: today's, with the younger changes undone. */
  #pairsAt(range: KvRange, revision: number): KvPair[] {
    if (revision > this.#revision) {
      throw new CalicoError('DATASTORE', 'etcdserver: mvcc: required revision is a future revision');
    }
    if (revision < this.#compacted) throw compactedError();
    const then = new Map(this.#keys(range.key, range.end).map((key) => [key, this.#pairs.get(key)!]));
    for (const change of this.#history.toReversed()) {
      if (change.revision <= revision) break;
      const key = keyOf(change);
      if (!inRange(range, key)) continue;
      if (change.event.previous) then.set(key, change.event.previous);
      else then.delete(key);
    }
    return [...then.values()].sort((a, b) => compareKeys(a.key, b.key));
  }

  #keys(key: string, end: string | undefined): string[] {
    if (end === undefined) return this.#pairs.has(key) ? [key] : [];
    this.#sorted ??= [...this.#pairs.keys()].sort(compareKeys);
    const sorted = this.#sorted;
    let low = 0;
    let high = sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sorted[middle]! < key) low = middle + 1;
      else high = middle;
    }
    const keys: string[] = [];
    for (let i = low; i < sorted.length && (end === '\0' || sorted[i]! < end); i++) keys.push(sorted[i]!);
    return keys;
  }
}

function inRange(range: { readonly key: string; readonly end?: string | undefined }, key: string): boolean {
  if (range.end === undefined) return key === range.key;
  return key >= range.key && (range.end === '\0' || key < range.end);
}

function keyOf(change: Change): string {
  return change.event.type === 'put' ? change.event.pair.key : change.event.key;
}

function compareKeys(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function compactedError(): CalicoError {
  return new CalicoError('DATASTORE', 'etcdserver: mvcc: required revision has been compacted', {
    details: { compacted: true },
  });
}
