/** Writes of the controllers, each by compare-and-swap: a second copy of the process does no harm. */
import type { Datastore, Key, Value } from '../datastore/index.ts';
import { messageOf } from '../errors.ts';
import type { Resource } from '../resources/resource.ts';
import type { Write } from './state.ts';

/** What makes new objects. */
export interface Stamps {
  now(): Date;
  uuid(): string;
}

/** Makes the writes; one that fails or meets another writer is told, and comes again with the next pass. */
export async function applyWrites(
  store: Datastore,
  writes: readonly Write[],
  stamps: Stamps,
  onFailure: (key: Key, reason: string) => void,
): Promise<void> {
  for (const write of writes) {
    try {
      const result = await make(store, write, stamps);
      if (!result.ok && result.reason === 'conflict') onFailure(write.key, 'changed meanwhile');
    } catch (error) {
      onFailure(write.key, messageOf(error));
    }
  }
}

function make(store: Datastore, write: Write, stamps: Stamps) {
  switch (write.op) {
    case 'create':
      return store.create(write.key, stamped(write.value, stamps));
    case 'update':
      return store.update(write.key, write.value, { revision: write.revision });
    case 'delete':
      return store.delete(write.key, write.revision === undefined ? {} : { revision: write.revision });
  }
}

function stamped(value: Value, { now, uuid }: Stamps): Value {
  const resource = value as Resource;
  const creationTimestamp = now()
    .toISOString()
    .replace(/\.\d+Z$/, 'Z');
  return { ...resource, metadata: { uid: uuid(), creationTimestamp, ...resource.metadata } };
}
