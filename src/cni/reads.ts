/**
 * What ADD and DEL look up. Every answer that matters is a condition of the transaction that follows, so a stale one
 * costs a retry, never a wrong write.
 */
import type { Datastore, Key, KeyValue, SyncConsumer, SyncStatus, SyncUpdate } from '../datastore/index.ts';
import { hasKind, parseWorkloadEndpointName, type Resource } from '../resources/index.ts';
import { clusterKey } from './cluster.ts';
import { endpointNamePrefix, type Workload } from './workload.ts';

/** The look-ups. */
export interface CniReads {
  cluster(): Promise<KeyValue | undefined>;
  profile(name: string): Promise<KeyValue | undefined>;
  /** The endpoints of the workload, whatever interface they are for. */
  endpoints(workload: Workload, purpose: 'add' | 'delete'): Promise<readonly KeyValue[]>;
}

/** Look-ups that ask the datastore each time. */
export function datastoreReads(datastore: Datastore): CniReads {
  return {
    cluster: () => datastore.get(clusterKey),
    profile: (name) => datastore.get({ type: 'resource', kind: 'Profile', name }),
    endpoints: async (workload) => {
      const { items } = await datastore.list({
        type: 'resource',
        kind: 'WorkloadEndpoint',
        namespace: workload.namespace,
        namePrefix: endpointNamePrefix(workload),
      });
      return items.filter((kv) => isOf(kv, workload));
    },
  };
}

function isOf(kv: KeyValue, workload: Workload): boolean {
  const identity = parseWorkloadEndpointName((kv.value as Resource).metadata.name);
  const third = workload.orchestrator === 'k8s' ? workload.pod : workload.containerId;
  return (
    identity?.node === workload.node &&
    identity.orchestrator === workload.orchestrator &&
    identity.workload === third
  );
}

/**
 * Look-ups fed by calico-node's syncer: none of them costs a request where its answer can be trusted. An ADD trusts that
 * there is no endpoint (its transaction creates one), a DEL trusts an endpoint that is there (its transaction names the
 * revision); the other way round the watch may lag behind, and the datastore is asked.
 */
export class SyncedCniReads implements CniReads, SyncConsumer {
  readonly #direct: CniReads;
  readonly #node: string;
  readonly #profiles = new Map<string, KeyValue>();
  /** By workload: `orchestrator/namespace/pod or container`. */
  readonly #endpoints = new Map<string, Map<string, KeyValue>>();
  #cluster: KeyValue | undefined;
  #inSync = false;

  constructor(datastore: Datastore, node: string) {
    this.#direct = datastoreReads(datastore);
    this.#node = node;
  }

  onStatus(status: SyncStatus): void {
    this.#inSync = status === 'in-sync';
  }

  onUpdates(updates: readonly SyncUpdate[]): void {
    for (const update of updates) {
      if (update.type === 'put') this.#put(update.kv);
      else this.#remove(update.key);
    }
  }

  async cluster(): Promise<KeyValue | undefined> {
    return this.#inSync && this.#cluster ? this.#cluster : this.#direct.cluster();
  }

  async profile(name: string): Promise<KeyValue | undefined> {
    return this.#inSync ? this.#profiles.get(name) : this.#direct.profile(name);
  }

  async endpoints(workload: Workload, purpose: 'add' | 'delete'): Promise<readonly KeyValue[]> {
    if (!this.#inSync || workload.node !== this.#node) return this.#direct.endpoints(workload, purpose);
    const third = workload.orchestrator === 'k8s' ? workload.pod : workload.containerId;
    const known = this.#endpoints.get(`${workload.orchestrator}/${workload.namespace}/${third}`);
    const trusted = purpose === 'add' ? known === undefined : known !== undefined;
    return trusted ? [...(known?.values() ?? [])] : this.#direct.endpoints(workload, purpose);
  }

  #put(kv: KeyValue): void {
    if (kv.key.type !== 'resource') return;
    const value = kv.value as Resource;
    if (hasKind(value, 'ClusterInformation')) this.#cluster = kv;
    else if (hasKind(value, 'Profile')) this.#profiles.set(value.metadata.name, kv);
    else if (hasKind(value, 'WorkloadEndpoint') && value.spec.node === this.#node) {
      const key = keyOf(value.metadata.namespace ?? '', value.metadata.name);
      if (key === undefined) return;
      const known = this.#endpoints.get(key);
      if (known) known.set(value.metadata.name, kv);
      else this.#endpoints.set(key, new Map([[value.metadata.name, kv]]));
    }
  }

  #remove(key: Key): void {
    if (key.type !== 'resource') return;
    if (key.kind === 'ClusterInformation') this.#cluster = undefined;
    if (key.kind === 'Profile') this.#profiles.delete(key.name);
    if (key.kind !== 'WorkloadEndpoint') return;
    const workload = keyOf(key.namespace ?? '', key.name);
    const known = workload === undefined ? undefined : this.#endpoints.get(workload);
    known?.delete(key.name);
    if (known?.size === 0) this.#endpoints.delete(workload!);
  }
}

function keyOf(namespace: string, name: string): string | undefined {
  const identity = parseWorkloadEndpointName(name);
  return identity && `${identity.orchestrator}/${namespace}/${identity.workload}`;
}
