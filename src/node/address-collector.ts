/**
 * Releases addresses that nothing will ever release, of this host and (one node of the cluster does it) of hosts that
 * are gone: see `ipam/collect.ts` for what counts as garbage.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Datastore,
  LeaseLock,
  type SyncConsumer,
  type SyncStatus,
  type SyncUpdate,
} from '../datastore/index.ts';
import {
  type Attributes,
  type Candidate,
  Collector,
  type Ipam,
  type Scan,
  scanOfGoneHosts,
  scanOfHost,
} from '../ipam/index.ts';
import type { Resource } from '../resources/resource.ts';
import { sandboxAddresses } from './sandbox-addresses.ts';

/** What the collector needs. */
export interface AddressCollectorOptions {
  readonly datastore: Datastore;
  readonly ipam: Ipam;
  readonly nodeName: string;
  readonly interfacePrefix: string;
  readonly log: (message: string) => void;
  /** Where the kernel shows interfaces; for tests. */
  readonly links?: string;
  /** Addresses that some sandbox of the host has; asked only when there are candidates. */
  readonly inUse?: () => ReadonlySet<string>;
}

/** Longer than the time between two passes of a collector, so that the same node does both. */
const lockSeconds = 20 * 60;

/** A consumer of the syncer that knows this host's endpoints, and the task that collects. Idle until in-sync. */
export class AddressCollector implements SyncConsumer {
  readonly #nodeName: string;
  readonly #endpoints = new Map<string, Resource>();
  readonly #scan: () => Promise<Scan>;
  readonly #collector: Collector;
  readonly #cluster: Collector;
  readonly #lock: LeaseLock;
  readonly #hasCluster: boolean;
  readonly #abort = new AbortController();
  #tasks: readonly Promise<void>[] = [];

  constructor(options: AddressCollectorOptions) {
    const { datastore, ipam, nodeName, interfacePrefix, log, links = '/sys/class/net' } = options;
    const { inUse = sandboxAddresses } = options;
    this.#nodeName = nodeName;
    const scan = scanOfHost(datastore, nodeName, {
      endpoints: () => [...this.#endpoints.values()],
      isAlive: (containerId, attributes) =>
        interfacesOf(interfacePrefix, containerId, attributes).some((name) => existsSync(join(links, name))),
    });
    this.#scan = async () => {
      const found = await scan();
      if (found.candidates.length === 0) return found;
      const used = inUse();
      const isUnused = ({ addresses }: Candidate) => addresses.every(({ address }) => !used.has(address));
      return { ...found, candidates: found.candidates.filter(isUnused) };
    };
    this.#collector = new Collector({ ipam, log, scan: this.#scan });
    this.#lock = new LeaseLock(datastore, 'addresses-of-gone-hosts', nodeName, lockSeconds);
    // On Kubernetes kube-controllers do this.
    this.#hasCluster = datastore.kind !== 'kubernetes';
    this.#cluster = new Collector({
      ipam,
      log,
      scan: scanOfGoneHosts(datastore),
      isOurs: () => this.#lock.hold(),
    });
  }

  onUpdates(updates: readonly SyncUpdate[]): void {
    for (const update of updates) {
      const key = update.type === 'put' ? update.kv.key : update.key;
      if (key.type !== 'resource' || key.kind !== 'WorkloadEndpoint') continue;
      const id = `${key.namespace}/${key.name}`;
      const resource = update.type === 'put' ? (update.kv.value as unknown as Resource) : undefined;
      if (resource?.spec['node'] === this.#nodeName) this.#endpoints.set(id, resource);
      else this.#endpoints.delete(id);
    }
  }

  onStatus(status: SyncStatus): void {
    if (status !== 'in-sync' || this.#tasks.length > 0) return;
    const collectors = this.#hasCluster ? [this.#collector, this.#cluster] : [this.#collector];
    this.#tasks = collectors.map((collector) => collector.run(this.#abort.signal));
  }

  /** What would be garbage if it stayed as it is. */
  async candidates(): Promise<readonly Candidate[]> {
    return (await this.#scan()).candidates;
  }

  /** One pass now. */
  pass() {
    return this.#collector.pass();
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await Promise.all(this.#tasks);
  }
}

/** Names that the container's interface on the host can have. */
function interfacesOf(prefix: string, containerId: string, attributes: Attributes): readonly string[] {
  const { namespace, pod } = attributes;
  const plain = `cali${containerId.slice(0, 11)}`;
  if (namespace === undefined || pod === undefined) return [plain];
  const hash = createHash('sha1').update(`${namespace}.${pod}`).digest('hex');
  return [plain, `${prefix}${hash.slice(0, 11)}`];
}
