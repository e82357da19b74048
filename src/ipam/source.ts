/** Where the allocator looks up pools, reservations, nodes and its configuration. */
import type {
  CallOptions,
  Datastore,
  Json,
  KeyValue,
  SyncConsumer,
  SyncStatus,
  SyncUpdate,
} from '../datastore/index.ts';
import { type Cidr, tryParseCidr } from '../ip/index.ts';
import { parsePool } from './pools.ts';
import type { IpamConfig, IpamSource, Pool } from './types.ts';

type Labels = Readonly<Record<string, string>>;

/** What holds when nothing is stored. */
export const defaultConfig: IpamConfig = {
  strictAffinity: false,
  autoAllocateBlocks: true,
  maxBlocksPerHost: 0,
};

/** What the first call of a release since 3.24 stores when there is none. */
export const initialConfig: Json = { auto_allocate_blocks: true, kubeVirtVMAddressPersistence: 'Enabled' };

/** Reads a stored configuration: a member that is absent is false there, whatever the default without one. */
export function parseConfig(json: Json): IpamConfig {
  const document = typeof json === 'object' && json !== null && !Array.isArray(json) ? json : {};
  const member = (name: string) => (document as Readonly<Record<string, Json | undefined>>)[name];
  return {
    strictAffinity: member('strict_affinity') === true,
    autoAllocateBlocks: member('auto_allocate_blocks') === true,
    maxBlocksPerHost: Number(member('maxBlocksPerHost') ?? 0),
  };
}

/** Reads the datastore every time. */
export class DatastoreSource implements IpamSource {
  readonly #datastore: Datastore;

  constructor(datastore: Datastore) {
    this.#datastore = datastore;
  }

  async pools(options?: CallOptions): Promise<readonly Pool[]> {
    const { items } = await this.#datastore.list({ type: 'resource', kind: 'IPPool' }, options);
    return items.map(parsePool).filter((pool) => pool !== undefined);
  }

  async reservations(options?: CallOptions): Promise<readonly Cidr[]> {
    const { items } = await this.#datastore.list({ type: 'resource', kind: 'IPReservation' }, options);
    return items.flatMap(reservedCidrs);
  }

  async nodeLabels(name: string, options?: CallOptions): Promise<Labels | undefined> {
    const node = await this.#datastore.get({ type: 'resource', kind: 'Node', name }, options);
    return node && (node.value.metadata.labels ?? {});
  }

  async config(options?: CallOptions): Promise<IpamConfig | undefined> {
    const stored = await this.#datastore.get({ type: 'ipam-config' }, options);
    return stored && parseConfig(stored.value);
  }
}

/**
 * Answers from what a syncer delivers (kinds IPPool, IPReservation, Node and the `ipam-config`); before in-sync, and
 * right after a transaction refuted an answer, it reads the datastore.
 */
export class SyncedSource implements IpamSource, SyncConsumer {
  readonly #direct: DatastoreSource;
  readonly #pools = new Map<string, Pool>();
  readonly #reservations = new Map<string, readonly Cidr[]>();
  readonly #nodes = new Map<string, Labels>();
  #config: IpamConfig | undefined;
  #inSync = false;
  #sorted: readonly Pool[] | undefined;
  #distrustUntil = 0;
  readonly #now: () => number;

  constructor(datastore: Datastore, now: () => number = Date.now) {
    this.#direct = new DatastoreSource(datastore);
    this.#now = now;
  }

  onUpdates(updates: readonly SyncUpdate[]): void {
    for (const update of updates) {
      const key = update.type === 'put' ? update.kv.key : update.key;
      if (key.type === 'ipam-config') {
        this.#config = update.type === 'put' ? parseConfig(update.kv.value as Json) : undefined;
      } else if (key.type === 'resource') {
        this.#onResource(key.kind, key.name, update.type === 'put' ? update.kv : undefined);
      }
    }
  }

  onStatus(status: SyncStatus): void {
    this.#inSync = status === 'in-sync';
  }

  async pools(options?: CallOptions): Promise<readonly Pool[]> {
    if (!this.#trusted()) return this.#direct.pools(options);
    this.#sorted ??= [...this.#pools.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    return this.#sorted;
  }

  async reservations(options?: CallOptions): Promise<readonly Cidr[]> {
    if (!this.#trusted()) return this.#direct.reservations(options);
    return [...this.#reservations.values()].flat();
  }

  async nodeLabels(name: string, options?: CallOptions): Promise<Labels | undefined> {
    // A node may have been made a moment ago: its absence is not taken from the cache.
    const labels = this.#trusted() ? this.#nodes.get(name) : undefined;
    return labels ?? this.#direct.nodeLabels(name, options);
  }

  async config(options?: CallOptions): Promise<IpamConfig | undefined> {
    return this.#trusted() && this.#config ? this.#config : this.#direct.config(options);
  }

  refresh(): void {
    this.#distrustUntil = this.#now() + 1_000;
  }

  #trusted(): boolean {
    return this.#inSync && this.#now() >= this.#distrustUntil;
  }

  #onResource(kind: string, name: string, kv: KeyValue | undefined): void {
    switch (kind) {
      case 'IPPool': {
        const pool = kv && parsePool(kv);
        if (pool) this.#pools.set(name, pool);
        else this.#pools.delete(name);
        this.#sorted = undefined;
        break;
      }
      case 'IPReservation':
        if (kv) this.#reservations.set(name, reservedCidrs(kv));
        else this.#reservations.delete(name);
        break;
      case 'Node':
        if (kv?.key.type === 'resource') {
          this.#nodes.set(name, (kv as KeyValue<typeof kv.key>).value.metadata.labels ?? {});
        } else this.#nodes.delete(name);
        break;
    }
  }
}

function reservedCidrs(kv: KeyValue): Cidr[] {
  const spec = (kv.value as { readonly spec?: { readonly reservedCIDRs?: readonly string[] } }).spec;
  return (spec?.reservedCIDRs ?? []).map(tryParseCidr).filter((cidr) => cidr !== undefined);
}
