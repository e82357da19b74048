/** The two stores of an upgrade, as narrow as the phases need them. */
import type { KvStore } from '../datastore/index.ts';
import type { V2Dump } from './v2-tree.ts';

/** Calico v2.6's data in etcd v2. Only the Ready flag is ever written, until the clean-up that a person asks for. */
export interface V1Store {
  /** Every key below `/calico`. */
  read(): Promise<V2Dump>;
  get(key: string): Promise<string | undefined>;
  /** Writes a key; with `mustExist` only one that is there (`false` when it is not). */
  set(key: string, value: string, options?: { readonly mustExist?: boolean }): Promise<boolean>;
  /** Deletes everything below `/calico`. */
  removeAll(): Promise<void>;
}

/** The stores, and what a run needs of time and chance. */
export interface UpgradeStores {
  readonly v1: V1Store;
  readonly v3: KvStore;
}

/** A v1 store in memory, for tests and for rehearsals from a dump. */
export function memoryV1Store(dump: V2Dump): V1Store & { readonly data: Map<string, string> } {
  const data = new Map(Object.entries(dump));
  return {
    data,
    read: async () => Object.fromEntries(data),
    get: async (key) => data.get(key),
    set: async (key, value, options = {}) => {
      if (options.mustExist && !data.has(key)) return false;
      data.set(key, value);
      return true;
    },
    removeAll: async () => data.clear(),
  };
}
