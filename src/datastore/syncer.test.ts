import { describe, expect, test } from 'bun:test';
import { memoryDatastore } from './memory/index.ts';
import { MemoryKv } from './memory/memory-kv.ts';
import type { Datastore, Query } from './port.ts';
import { Syncer, type SyncHealth } from './syncer.ts';
import type { SyncStatus, SyncUpdate } from './syncer.types.ts';

const queries: readonly Query[] = [{ type: 'handle' }, { type: 'block', version: 4 }];

/** A consumer that holds what it was told, and how. */
class Recorder {
  readonly state = new Map<string, unknown>();
  readonly log: string[] = [];
  readonly batches: number[] = [];
  readonly #waiters = new Set<() => void>();

  onUpdates(updates: readonly SyncUpdate[]): void {
    this.batches.push(updates.length);
    for (const update of updates) {
      const key = update.type === 'put' ? update.kv.key : update.key;
      const name = key.type === 'handle' ? key.id : key.type === 'block' ? key.cidr : key.type;
      this.log.push(`${update.type} ${name}`);
      if (update.type === 'put') this.state.set(name, update.kv.value);
      else if (!this.state.delete(name)) this.log.push(`deleted twice: ${name}`);
    }
    for (const wake of this.#waiters) wake();
  }

  onStatus(status: SyncStatus): void {
    this.log.push(status);
    for (const wake of this.#waiters) wake();
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        this.#waiters.add(resolve);
      });
    }
  }
}

function start(datastore: Datastore) {
  const recorder = new Recorder();
  const health: SyncHealth[] = [];
  const broken: string[] = [];
  const syncer = new Syncer({
    datastore,
    queries,
    consumers: [recorder],
    onHealth: (state) => health.push(state),
    onBroken: ({ path }) => broken.push(path),
    backoff: { first: 1, most: 5 },
  });
  syncer.start();
  return { recorder, health, broken, syncer };
}

const bytes = (text: string) => new TextEncoder().encode(text);

describe('syncer', () => {
  test('lists, says in-sync after the last list, then follows, in batches', async () => {
    const store = memoryDatastore();
    for (const id of ['a', 'b', 'c']) await store.put({ type: 'handle', id }, { v: 1 });
    const { recorder, syncer } = start(store);
    await recorder.until(() => syncer.status === 'in-sync');
    expect(recorder.log).toEqual(['resync', 'put a', 'put b', 'put c', 'in-sync']);
    expect(recorder.batches).toEqual([3]);
    await store.put({ type: 'block', cidr: '10.0.0.0/26' }, { v: 1 });
    await store.delete({ type: 'handle', id: 'b' });
    await store.put({ type: 'handle', id: 'a' }, { v: 2 });
    await recorder.until(
      () => recorder.state.get('a') !== undefined && !recorder.state.has('b') && recorder.log.length >= 8,
    );
    expect([...recorder.state].sort()).toEqual([
      ['10.0.0.0/26', { v: 1 }],
      ['a', { v: 2 }],
      ['c', { v: 1 }],
    ]);
    await syncer.stop();
  });

  test('a lost connection is resumed without a list; status stays in-sync, health says both', async () => {
    const kv = new MemoryKv();
    const store = memoryDatastore(kv);
    await store.put({ type: 'handle', id: 'a' }, {});
    const { recorder, syncer, health } = start(store);
    await recorder.until(() => syncer.status === 'in-sync');
    await new Promise((resolve) => setTimeout(resolve, 5));
    const lists = kv.requests;
    kv.disconnectWatches();
    await store.put({ type: 'handle', id: 'b' }, {});
    await recorder.until(() => recorder.state.has('b'));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(kv.requests - lists).toBe(1);
    expect(recorder.log).toEqual(['resync', 'put a', 'in-sync', 'put b']);
    expect(health.map(({ connected }) => connected)).toEqual([false, true]);
    await syncer.stop();
  });

  test('compaction while away: a new list, with deletes for what is gone and nothing for what is the same', async () => {
    const kv = new MemoryKv();
    const store = memoryDatastore(kv);
    for (const id of ['kept', 'gone', 'changed']) await store.put({ type: 'handle', id }, { v: 1 });
    const { recorder, syncer } = start(store);
    await recorder.until(() => syncer.status === 'in-sync');
    await new Promise((resolve) => setTimeout(resolve, 5));
    recorder.log.length = 0;
    kv.disconnectWatches();
    await store.delete({ type: 'handle', id: 'gone' });
    const last = await store.put({ type: 'handle', id: 'changed' }, { v: 2 });
    await store.put({ type: 'handle', id: 'new' }, { v: 1 });
    await kv.compact(last.revision);
    await recorder.until(() => recorder.state.has('new') && !recorder.state.has('gone'));
    expect([...recorder.log].sort()).toEqual(['delete gone', 'put changed', 'put new']);
    await syncer.stop();
  });

  test('broken values are reported and count as absent', async () => {
    const kv = new MemoryKv();
    const store = memoryDatastore(kv);
    await kv.put('/calico/ipam/v2/handle/bad', bytes('{'));
    await store.put({ type: 'handle', id: 'good' }, {});
    const { recorder, syncer, broken } = start(store);
    await recorder.until(() => syncer.status === 'in-sync');
    await kv.put('/calico/ipam/v2/handle/good', bytes('nonsense'));
    await recorder.until(() => !recorder.state.has('good'));
    await kv.put('/calico/ipam/v2/handle/good', bytes('{"v":3}'));
    await recorder.until(() => recorder.state.has('good'));
    expect(broken).toEqual(['/calico/ipam/v2/handle/bad', '/calico/ipam/v2/handle/good']);
    await syncer.stop();
  });

  test('a datastore that is away at the start: waiting, then all of it', async () => {
    const store = memoryDatastore();
    await store.put({ type: 'handle', id: 'a' }, {});
    let away = 3;
    const flaky = Object.assign(Object.create(store) as typeof store, {
      list: async (...args: Parameters<Datastore['list']>) => {
        if (away-- > 0) throw new Error('connection refused');
        return store.list(...args);
      },
    });
    const { recorder, syncer, health } = start(flaky);
    await recorder.until(() => syncer.status === 'in-sync');
    expect(recorder.log).toEqual(['resync', 'put a', 'in-sync']);
    expect(health[0]).toMatchObject({ connected: false, message: 'connection refused' });
    await syncer.stop();
  });
});
