/** One etcd watch as an async iterable of event batches. */
import { messageOf } from '../../errors.ts';
import type { KvWatchEvent } from '../kv.ts';
import type { GrpcStream } from './grpc.ts';
import * as wire from './wire-watch.ts';

/** What {@link watchRange} needs. */
export interface WatchSource {
  readonly range: { readonly key: string; readonly end?: string };
  readonly startRevision: string;
  readonly signal: AbortSignal | undefined;
  /** The server ended the watch by itself, for another reason than compaction. */
  onRefused(reason: string): void;
  open(
    onMessage: (message: Uint8Array) => void,
    onEnd: (failure?: Error) => void,
  ): Promise<GrpcStream | undefined>;
}

/** Yields batches until the watch ends; the last batch then holds one `closed` event. Never throws. */
export async function* watchRange(source: WatchSource): AsyncGenerator<readonly KvWatchEvent[]> {
  const queue: KvWatchEvent[] = [];
  let wake: () => void = () => {};
  let ended = false;
  /** Parts of a response cut in pieces: the events of one revision are handed on together. */
  let parts: KvWatchEvent[] = [];
  const close = (reason: 'compacted' | 'disconnected' | 'cancelled', message: string) => {
    if (ended) return;
    ended = true;
    queue.push({ type: 'closed', reason, message });
    wake();
  };
  const cancel = () => close('cancelled', 'the watch was cancelled');
  if (source.signal?.aborted) cancel();
  source.signal?.addEventListener('abort', cancel);
  let stream: GrpcStream | undefined;
  try {
    if (!ended) {
      try {
        stream = await source.open(
          (message) => {
            if (ended) return;
            const response = wire.decodeWatch(message);
            parts.push(...response.events.map(toEvent));
            if (response.fragment) return;
            queue.push(...parts);
            parts = [];
            if (response.canceled) {
              const compacted = response.compactRevision !== '0' || /compacted/.test(response.cancelReason);
              if (!compacted) source.onRefused(response.cancelReason);
              close(
                compacted ? 'compacted' : 'disconnected',
                response.cancelReason || 'etcdserver: mvcc: required revision has been compacted',
              );
            } else if (response.created) {
              const before = BigInt(source.startRevision) - 1n;
              // A store restored from a backup is behind what was seen: everything must be listed again.
              if (BigInt(response.revision) < before) {
                close('compacted', `the store is at revision ${response.revision}, before ${before}`);
              } else queue.push({ type: 'progress', revision: String(before) });
            } else if (response.events.length === 0) {
              queue.push({ type: 'progress', revision: response.revision });
            }
            if (queue.length > 0) wake();
          },
          (failure) => close('disconnected', failure ? messageOf(failure) : 'the server ended the watch'),
        );
        stream?.send(wire.encodeWatchCreate(source.range.key, source.range.end, source.startRevision));
      } catch (error) {
        close('disconnected', messageOf(error));
      }
    }
    for (;;) {
      if (queue.length > 0) {
        const batch = queue.splice(0);
        yield batch;
        if (batch.at(-1)?.type === 'closed') return;
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } finally {
    ended = true;
    source.signal?.removeEventListener('abort', cancel);
    stream?.cancel();
  }
}

function toEvent(event: wire.WireEvent): KvWatchEvent {
  const previous = event.previous === undefined ? {} : { previous: event.previous };
  return event.deleted
    ? { type: 'delete', key: event.pair.key, revision: event.pair.modRevision, ...previous }
    : { type: 'put', pair: event.pair, ...previous };
}
