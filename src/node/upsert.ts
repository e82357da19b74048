/** Read, change, compare-and-swap: how start-up writes objects that others write too. */

import type { Datastore, KeyValue } from '../datastore/port.ts';
import { CalicoError } from '../errors.ts';
import type { Metadata, Resource } from '../resources/resource.ts';

/** What makes new objects: who they are for and when. */
export interface Stamp {
  readonly now: () => Date;
  readonly uuid: () => string;
}

/** A resource key. */
export type ResourceKey = {
  readonly type: 'resource';
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
};

/** Metadata of a new object, as upstream's client fills it. */
export function newMetadata(name: string, stamp: Stamp): Metadata {
  return {
    name,
    uid: stamp.uuid(),
    creationTimestamp: stamp
      .now()
      .toISOString()
      .replace(/\.\d+Z$/, 'Z'),
  };
}

/**
 * Applies `change` to what is stored (or to nothing) until it is written. `change` returns `undefined` when nothing is
 * to be written; it may be called several times and must be pure.
 */
export async function upsert(
  store: Datastore,
  key: ResourceKey,
  change: (current: Resource | undefined) => Resource | undefined,
): Promise<Resource | undefined> {
  for (let attempt = 0; attempt < 20; attempt++) {
    const current: KeyValue | undefined = await store.get(key);
    const before = current?.value as Resource | undefined;
    const after = change(before);
    if (!after) return before;
    const result = current
      ? await store.update(key, after, { revision: current.revision })
      : await store.create(key, after);
    if (result.ok) return after;
  }
  throw new CalicoError('CONFLICT', `${key.kind} ${key.name} is changed by others all the time`, {
    cure: 'Look for a program that writes it in a loop.',
  });
}
