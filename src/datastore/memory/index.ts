/** The memory driver. */
import { KvDatastore } from '../kv-datastore.ts';
import { MemoryKv } from './memory-kv.ts';

export { MemoryKv } from './memory-kv.ts';

/** An empty datastore in memory. */
export function memoryDatastore(kv: MemoryKv = new MemoryKv()): KvDatastore {
  return new KvDatastore('memory', kv);
}
