/** What the syncer hands to its consumers (policy graph, BGP graph, kube-controllers). */
import type { Key, KeyValue } from './port.ts';

/** One change. Deletes are sent once per key that was put before. */
export type SyncUpdate =
  | { readonly type: 'put'; readonly kv: KeyValue }
  | { readonly type: 'delete'; readonly key: Key };

/** Where the syncer stands. Consumers sweep nothing before `in-sync`. */
export type SyncStatus = 'waiting' | 'resync' | 'in-sync';

/** A consumer. Both calls are synchronous and must not do I/O. */
export interface SyncConsumer {
  onUpdates(updates: readonly SyncUpdate[]): void;
  onStatus(status: SyncStatus): void;
}
