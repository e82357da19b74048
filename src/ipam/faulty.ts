/** A raw store whose replies get lost and whose keys other writers touch: for the allocator's tests. */
import type { CallOptions, KvStore, KvTxn, KvTxnResult } from '../datastore/index.ts';
import { MemoryKv } from '../datastore/index.ts';
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

/** A store in memory with a schedule of faults, used up one per transaction that writes. */
export class FaultyKv extends MemoryKv implements KvStore {
  readonly #faults: Fault[];
  readonly #late: { txn: KvTxn; after: number }[] = [];
  /** Off: everything works. */
  armed = true;

  constructor(faults: readonly Fault[]) {
    super();
    this.#faults = [...faults];
  }

  override async range(...args: Parameters<MemoryKv['range']>) {
    await this.#deliver();
    return super.range(...args);
  }

  override async txn(txn: KvTxn, _options?: CallOptions): Promise<KvTxnResult> {
    await this.#deliver();
    const fault = this.armed ? (this.#faults.shift() ?? 'none') : 'none';
    switch (fault) {
      case 'none':
        return super.txn(txn);
      case 'reply-lost':
        await super.txn(txn);
        throw lost();
      case 'request-lost':
        throw lost();
      case 'late':
      case 'later':
        this.#late.push({ txn, after: txn.compare.length + (fault === 'later' ? 1 : 0) });
        throw lost();
      case 'conflict': {
        const block = txn.compare.find(({ key }) => key.includes('/assignment/'));
        const pair = block && (await super.range({ key: block.key })).pairs[0];
        if (pair) {
          const op = { op: 'put', key: pair.key, value: pair.value } as const;
          const unchanged = { key: pair.key, modRevision: pair.modRevision };
          await super.txn({ compare: [unchanged], success: [op], failure: [] });
        }
        return super.txn(txn);
      }
    }
  }

  /** Writes what is late, if its conditions still hold. */
  async settle(): Promise<void> {
    for (const { txn } of this.#late.splice(0)) await super.txn(txn);
  }

  async #deliver(): Promise<void> {
    const due = this.#late.filter((entry) => entry.after-- <= 0);
    for (const entry of due) {
      this.#late.splice(this.#late.indexOf(entry), 1);
      await super.txn(entry.txn);
    }
  }
}

function lost(): CalicoError {
  return new CalicoError('DATASTORE', 'the connection was lost', { details: { outcome: 'unknown' } });
}
