/** A datastore that answers writes without making them. */
import type { Datastore, Key, KeyValue, Value, WriteResult } from '../../datastore/port.ts';

/** Reads pass through; creates and updates are judged against what is there and then dropped. */
export function rehearsalStore(store: Datastore): Datastore {
  const written = <K extends Key>(key: K, value: Value<K>, revision = '0'): WriteResult<K> => ({
    ok: true,
    kv: { key, value, revision },
  });
  return {
    kind: store.kind,
    get: (key, options) => store.get(key, options),
    list: (query, options) => store.list(query, options),
    watch: (query, revision, options) => store.watch(query, revision, options),
    close: () => store.close(),
    async create(key, value) {
      const current = await store.get(key);
      return current ? { ok: false, reason: 'exists', current } : written(key, value);
    },
    async update(key, value, options) {
      const current = await store.get(key);
      if (!current) return { ok: false, reason: 'not-found' };
      if (options?.revision !== undefined && options.revision !== current.revision) {
        return { ok: false, reason: 'conflict', current };
      }
      return written(key, value, current.revision);
    },
    async put<K extends Key>(key: K, value: Value<K>): Promise<KeyValue<K>> {
      return { key, value, revision: '0' };
    },
    async delete(key) {
      const current = await store.get(key);
      return current ? { ok: true, kv: current } : { ok: false, reason: 'not-found' };
    },
  };
}
