/** One of many: a task of the cluster that a single process is to do, by a key that lapses when its holder dies. */
import type { CallOptions, Datastore, Json } from './port.ts';

/** Where locks live: beside Calico's own data, which other releases read. */
const root = '/calico-ts/locks/';

/** A lock that is held for a time and must be taken again before it lapses. */
export class LeaseLock {
  readonly #datastore: Datastore;
  readonly #key: { readonly type: 'raw'; readonly path: string };
  readonly #holder: string;
  readonly #ttlSeconds: number;

  constructor(datastore: Datastore, name: string, holder: string, ttlSeconds: number) {
    this.#datastore = datastore;
    this.#key = { type: 'raw', path: root + name };
    this.#holder = holder;
    this.#ttlSeconds = ttlSeconds;
  }

  /** Takes or renews the lock; whether it is ours now. */
  async hold(options: CallOptions = {}): Promise<boolean> {
    const value: Json = { holder: this.#holder };
    const ttl = { ...options, ttlSeconds: this.#ttlSeconds };
    const stored = await this.#datastore.get(this.#key, options);
    if (!stored) return (await this.#datastore.create(this.#key, value, ttl)).ok;
    if (holderOf(stored.value) !== this.#holder) return false;
    const { revision } = stored;
    return (await this.#datastore.update(this.#key, value, { ...ttl, revision })).ok;
  }

  /** Gives it back, if it is ours. */
  async release(options: CallOptions = {}): Promise<void> {
    const stored = await this.#datastore.get(this.#key, options);
    if (!stored || holderOf(stored.value) !== this.#holder) return;
    await this.#datastore.delete(this.#key, { ...options, revision: stored.revision });
  }
}

function holderOf(value: Json): unknown {
  return typeof value === 'object' && value !== null && 'holder' in value ? value['holder'] : undefined;
}
