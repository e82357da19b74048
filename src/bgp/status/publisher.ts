/** Publishes a host's sessions in the datastore: on change, and again before the entry expires. */
import type { Datastore, Json } from '../../datastore/port.ts';
import { messageOf } from '../../errors.ts';
import type { BgpLog } from '../log.ts';
import { type PublishedStatus, statusPrefix } from './report.ts';

/** Seconds after which an entry that nobody renews is gone; a long one is renewed less often. */
function timeToLive(status: PublishedStatus): number {
  return status.sessions.length <= 100 ? 180 : 900;
}

/** Keeps one entry up to date. A write that fails is made good by the next. */
export class StatusPublisher {
  readonly #store: Pick<Datastore, 'put'>;
  readonly #log: BgpLog;
  #last = '';
  #writtenAt = Number.NEGATIVE_INFINITY;
  #failing = false;

  constructor(store: Pick<Datastore, 'put'>, log: BgpLog) {
    this.#store = store;
    this.#log = log;
  }

  /** Writes when something but counters changed, or when a third of the time to live is over. */
  async publish(status: PublishedStatus, now: number): Promise<void> {
    const essence = JSON.stringify([
      status.health,
      status.sessions.map(({ name, state, reason }) => [name, state, reason]),
    ]);
    const ttlSeconds = timeToLive(status);
    if (essence === this.#last && now - this.#writtenAt < (ttlSeconds / 3) * 1000) return;
    try {
      await this.#store.put({ type: 'raw', path: statusPrefix + status.node }, status as unknown as Json, {
        ttlSeconds,
        timeout: 5000,
      });
      this.#last = essence;
      this.#writtenAt = now;
      this.#failing = false;
    } catch (error) {
      if (this.#failing) return;
      this.#failing = true;
      this.#log.warn('the state of BGP sessions cannot be published', { cause: messageOf(error) });
    }
  }
}
