/** A raw store whose replies get lost and whose keys other writers touch: for the allocator's tests. */
import type { CallOptions, KvRange, KvRangeResult, KvStore, KvTxn, KvTxnResult } from '../datastore/index.ts';
import { CalicoError } from '../errors.ts';

/** What happens to one transaction. */
export type Fault =
  | 'none'
  /** Written, but the reply is lost. */
  | 'reply-lost'
  /** Not written, and nobody can tell. */
  | 'request-lost'
  /** Nobody can tell, reading all its keys again shows nothing, and then it is written before the next request. */
  | 'late'
  /** The same, one request later. */
  | 'later'
  /** Another writer touches the first block just before. */
  | 'conflict';

/** A store with a schedule of faults, used up one per transaction. */
export class FaultyKv implements KvStore {
  readonly #inner: KvStore;
  readonly #faults: Fault[];
  readonly #late: { txn: KvTxn; after: number }[] = [];
  /** Off: everything works. */
  armed = true;

  constructor(inner: KvStore, faults: readonly Fault[]) {
    this.#inner = inner;
    this.#faults = [...faults];
  }

  async range(range: KvRange, options?: CallOptions): Promise<KvRangeResult> {
    await this.#deliver();
    return this.#inner.range(range, options);
  }

  async txn(txn: KvTxn, options?: CallOptions): Promise<KvTxnResult> {
    await this.#deliver();
    const fault = this.armed ? (this.#faults.shift() ?? 'none') : 'none';
    switch (fault) {
      case 'none':
        return this.#inner.txn(txn, options);
      case 'reply-lost':
        await this.#inner.txn(txn, options);
        throw lost();
      case 'request-lost':
        throw lost();
      case 'late':
      case 'later':
        this.#late.push({ txn, after: txn.compare.length + (fault === 'later' ? 1 : 0) });
        throw lost();
      case 'conflict':
        await this.#touch(txn.compare.find(({ key }) => key.includes('/assignment/'))?.key);
        return this.#inner.txn(txn, options);
    }
  }

  put(...args: Parameters<KvStore['put']>) {
    return this.#inner.put(...args);
  }

  deleteRange(...args: Parameters<KvStore['deleteRange']>) {
    return this.#inner.deleteRange(...args);
  }

  watch(...args: Parameters<KvStore['watch']>) {
    return this.#inner.watch(...args);
  }

  grantLease(...args: Parameters<KvStore['grantLease']>) {
    return this.#inner.grantLease(...args);
  }

  revokeLease(...args: Parameters<KvStore['revokeLease']>) {
    return this.#inner.revokeLease(...args);
  }

  compact(...args: Parameters<KvStore['compact']>) {
    return this.#inner.compact(...args);
  }

  close(): void {
    this.#inner.close();
  }

  /** Writes what is late, if its conditions still hold. */
  async settle(): Promise<void> {
    for (const { txn } of this.#late.splice(0)) await this.#inner.txn(txn);
  }

  async #deliver(): Promise<void> {
    const due = this.#late.filter((entry) => entry.after-- <= 0);
    for (const entry of due) this.#late.splice(this.#late.indexOf(entry), 1);
    for (const { txn } of due) await this.#inner.txn(txn);
  }

  /** Another writer stores the value again as it is. */
  async #touch(key: string | undefined): Promise<void> {
    const pair = key === undefined ? undefined : (await this.#inner.range({ key })).pairs[0];
    if (!pair) return;
    const unchanged = { key: pair.key, modRevision: pair.modRevision };
    const op = { op: 'put', key: pair.key, value: pair.value } as const;
    await this.#inner.txn({ compare: [unchanged], success: [op], failure: [] });
  }
}

function lost(): CalicoError {
  return new CalicoError('DATASTORE', 'the connection was lost', { details: { outcome: 'unknown' } });
}
