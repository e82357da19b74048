/**
 * Keeps consumers in step with the datastore: list, then watch from the list's revision, and again when the watch
 * cannot go on. What consumers get is the same whatever way the news came.
 */
import { messageOf } from '../errors.ts';
import { keyOfPath, pathOfKey } from './paths.ts';
import type { Datastore, KeyValue, Query, Revision } from './port.ts';
import type { SyncConsumer, SyncStatus, SyncUpdate } from './syncer.types.ts';

/** How the connection stands; for health, never for what consumers see. */
export type SyncHealth =
  | { readonly connected: true }
  | { readonly connected: false; readonly since: number; readonly message: string };

/** What a syncer needs. */
export interface SyncerOptions {
  readonly datastore: Datastore;
  readonly queries: readonly Query[];
  /** All get every update, in the same order. */
  readonly consumers: readonly SyncConsumer[];
  /** Called when the connection is lost and when it is back. */
  readonly onHealth?: (health: SyncHealth) => void;
  /** A stored value that cannot be read; consumers see it as absent. */
  readonly onBroken?: (problem: { readonly path: string; readonly reason: string }) => void;
  /** Milliseconds before the first and the latest retry; 100 and 5000. */
  readonly backoff?: { readonly first: number; readonly most: number };
}

/** What consumers hold: path and revision only, as a large cluster has hundreds of thousands of keys. */
type Held = Map<string, Revision>;

/**
 * Runs until stopped. Status goes `waiting` → `resync` → `in-sync` once and then stays: while the datastore is away
 * consumers keep what they have, and after a compaction the differences are computed from a new list.
 */
export class Syncer {
  readonly #options: SyncerOptions;
  readonly #abort = new AbortController();
  readonly #loops: Promise<void>[] = [];
  readonly #unlisted: Set<Query>;
  #status: SyncStatus = 'waiting';
  #pending: SyncUpdate[] = [];
  #flushing: NodeJS.Immediate | undefined;
  readonly #lost = new Map<Query, { readonly since: number; readonly message: string }>();

  constructor(options: SyncerOptions) {
    this.#options = options;
    this.#unlisted = new Set(options.queries);
  }

  /** Where it stands. */
  get status(): SyncStatus {
    return this.#status;
  }

  /** Begins; returns at once. */
  start(): void {
    for (const query of this.#options.queries) this.#loops.push(this.#follow(query));
  }

  /** Ends all watches; consumers get nothing afterwards. */
  async stop(): Promise<void> {
    this.#abort.abort();
    if (this.#flushing) clearImmediate(this.#flushing);
    await Promise.all(this.#loops);
  }

  async #follow(query: Query): Promise<void> {
    const { datastore } = this.#options;
    const { signal } = this.#abort;
    const held: Held = new Map();
    let revision: Revision | undefined;
    let failures = 0;
    while (!signal.aborted) {
      try {
        if (revision === undefined) {
          const list = await datastore.list(query, { signal });
          this.#takeList(query, held, list.items);
          for (const problem of list.broken) this.#options.onBroken?.(problem);
          revision = list.revision;
          this.#connected(query);
          failures = 0;
        }
        let end: { readonly reason: string; readonly message: string } | undefined;
        for await (const event of datastore.watch(query, revision, { signal })) {
          if (event.type === 'closed') {
            end = event;
            break;
          }
          this.#connected(query);
          failures = 0;
          switch (event.type) {
            case 'put':
              this.#put(held, event.kv);
              revision = later(revision, event.kv.revision);
              break;
            case 'delete':
              this.#delete(held, pathOfKey(event.key));
              revision = later(revision, event.revision);
              break;
            case 'broken':
              this.#options.onBroken?.(event);
              this.#delete(held, event.path);
              break;
            case 'progress':
              revision = later(revision, event.revision);
              break;
          }
        }
        if (signal.aborted) return;
        if (end?.reason === 'compacted') {
          revision = undefined;
          continue;
        }
        this.#disconnected(query, end?.message ?? 'the watch ended');
      } catch (error) {
        if (signal.aborted) return;
        this.#disconnected(query, messageOf(error));
      }
      await this.#pause(failures++);
    }
  }

  /** Takes over a whole list: what changed, what is new, and what is gone since the last one. */
  #takeList(query: Query, held: Held, items: readonly KeyValue[]): void {
    if (this.#status === 'waiting') this.#setStatus('resync');
    const present = new Set<string>();
    for (const kv of items) {
      present.add(pathOfKey(kv.key));
      this.#put(held, kv);
    }
    for (const path of [...held.keys()]) if (!present.has(path)) this.#delete(held, path);
    this.#unlisted.delete(query);
    if (this.#unlisted.size > 0 || this.#status === 'in-sync') return;
    this.#flush();
    this.#setStatus('in-sync');
  }

  #put(held: Held, kv: KeyValue): void {
    const path = pathOfKey(kv.key);
    if (held.get(path) === kv.revision) return;
    held.set(path, kv.revision);
    this.#send({ type: 'put', kv });
  }

  #delete(held: Held, path: string): void {
    if (held.delete(path)) this.#send({ type: 'delete', key: keyOfPath(path) });
  }

  /** Updates of one tick go out together. */
  #send(update: SyncUpdate): void {
    this.#pending.push(update);
    this.#flushing ??= setImmediate(() => this.#flush());
  }

  #flush(): void {
    if (this.#flushing) clearImmediate(this.#flushing);
    this.#flushing = undefined;
    const updates = this.#pending;
    this.#pending = [];
    if (updates.length === 0 || this.#abort.signal.aborted) return;
    for (const consumer of this.#options.consumers) consumer.onUpdates(updates);
  }

  #setStatus(status: SyncStatus): void {
    this.#status = status;
    for (const consumer of this.#options.consumers) consumer.onStatus(status);
  }

  #connected(query: Query): void {
    if (this.#lost.delete(query) && this.#lost.size === 0) this.#options.onHealth?.({ connected: true });
  }

  #disconnected(query: Query, message: string): void {
    const first = this.#lost.size === 0;
    if (!this.#lost.has(query)) this.#lost.set(query, { since: Date.now(), message });
    if (first) this.#options.onHealth?.({ connected: false, since: Date.now(), message });
  }

  /** Waits longer each time, with a random part so that hosts do not come back in step. */
  #pause(failures: number): Promise<void> {
    const { first, most } = this.#options.backoff ?? { first: 100, most: 5_000 };
    const ms = Math.min(most, first * 2 ** failures) * (0.5 + Math.random() / 2);
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#abort.signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.#abort.signal.addEventListener('abort', done);
    });
  }
}

/** Kubernetes' revisions may be no numbers; the news is the later one then. */
function later(a: Revision, b: Revision): Revision {
  if (!/^\d+$/.test(a) || !/^\d+$/.test(b)) return b;
  return BigInt(b) > BigInt(a) ? b : a;
}
