/** Watches of one or two collections as one stream of the port's events. */
import { messageOf } from '../../errors.ts';
import type { ApiWatchEvent, KubernetesClient } from '../../kubernetes-api/index.ts';
import { pathOfKey } from '../paths.ts';
import type { Key, Revision, WatchEvent } from '../port.ts';
import { failureOf } from './api-failure.ts';
import { collectionPath, type Source } from './mapping.ts';

/** How often a kind without a definition is looked for. */
const definitionPeriod = 60_000;

type Closed = Extract<WatchEvent, { readonly type: 'closed' }>;

/**
 * Events of all sources after a revision; of several sources the revision is their versions joined by `/`. An object
 * that cannot be converted is told as broken, and the watch goes on.
 */
export async function* watchSources(
  client: KubernetesClient,
  sources: readonly Source[],
  revision: Revision,
  belongs: (key: Key) => boolean,
  signal: AbortSignal | undefined,
): AsyncGenerator<WatchEvent> {
  if (sources.length === 0) {
    yield { type: 'progress', revision };
    await pause(definitionPeriod, signal ?? new AbortController().signal);
    yield { type: 'closed', reason: 'compacted', message: 'there is nothing to watch' };
    return;
  }
  const versions = revision.split('/');
  const stop = new AbortController();
  const abort = () => stop.abort();
  signal?.addEventListener('abort', abort);
  if (signal?.aborted) stop.abort();
  const streams = sources.map((source, i) =>
    client
      .watch(collectionPath(source), versions[i] || '0', {
        signal: stop.signal,
        ...(source.labelSelector ? { labelSelector: source.labelSelector } : {}),
      })
      [Symbol.asyncIterator](),
  );
  const next = (i: number) =>
    streams[i]!.next().then(
      (result) => ({ i, result, error: undefined }),
      (error: unknown) => ({ i, result: undefined, error }),
    );
  const pending = new Map(streams.map((_stream, i) => [i, next(i)]));
  try {
    for (;;) {
      const { i, result, error } = await Promise.race(pending.values());
      if (signal?.aborted) {
        yield { type: 'closed', reason: 'cancelled', message: 'cancelled' };
        return;
      }
      if (error !== undefined || !result || result.done) {
        const message = error === undefined ? 'the server ended the watch' : messageOf(error);
        yield { type: 'closed', reason: 'disconnected', message };
        return;
      }
      const event = result.value;
      if (event.type === 'error' && event.status.code === 404) {
        // No definition of the kind is installed: there is nothing to see, and now and then one looks again.
        yield { type: 'progress', revision };
        await pause(definitionPeriod, stop.signal);
        yield { type: 'closed', reason: 'compacted', message: event.status.message };
        return;
      }
      const end = endOf(event);
      if (end) {
        yield end;
        return;
      }
      yield* translate(sources[i]!, event, belongs);
      versions[i] = versionOf(event) ?? versions[i]!;
      // Of several sources only the whole tells where to go on.
      if (sources.length > 1 || event.type === 'bookmark')
        yield { type: 'progress', revision: versions.join('/') };
      pending.set(i, next(i));
    }
  } finally {
    signal?.removeEventListener('abort', abort);
    stop.abort();
  }
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

function* translate(
  source: Source,
  event: ApiWatchEvent,
  belongs: (key: Key) => boolean,
): Generator<WatchEvent> {
  if (event.type === 'bookmark' || event.type === 'error') return;
  const { object } = event;
  const key = source.keyOf(object);
  if (!key || !belongs(key)) return;
  const revision = object.metadata.resourceVersion ?? '';
  if (event.type === 'deleted') {
    yield { type: 'delete', key, revision };
    return;
  }
  try {
    const kv = source.read(object);
    if (kv) yield { type: 'put', kv };
    else yield { type: 'delete', key, revision };
  } catch (error) {
    yield { type: 'broken', path: pathOfKey(key), reason: messageOf(error) };
  }
}

function endOf(event: ApiWatchEvent): Closed | undefined {
  if (event.type !== 'error') return undefined;
  const { status } = event;
  if (status.code === 410) return { type: 'closed', reason: 'compacted', message: status.message };
  return { type: 'closed', reason: 'disconnected', message: failureOf(status).message };
}

function versionOf(event: ApiWatchEvent): string | undefined {
  if (event.type === 'error') return undefined;
  return event.type === 'bookmark' ? event.resourceVersion : event.object.metadata.resourceVersion;
}
