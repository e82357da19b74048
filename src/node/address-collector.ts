/** Releases addresses of this host that nothing will ever release: see `ipam/collect.ts` for what counts as garbage. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Datastore, SyncConsumer, SyncStatus, SyncUpdate } from '../datastore/index.ts';
import {
  type Attributes,
  type Candidate,
  Collector,
  type Ipam,
  type Scan,
  scanOfHost,
} from '../ipam/index.ts';
import type { Resource } from '../resources/resource.ts';

/** What the collector needs. */
export interface AddressCollectorOptions {
  readonly datastore: Datastore;
  readonly ipam: Ipam;
  readonly nodeName: string;
  readonly interfacePrefix: string;
  readonly log: (message: string) => void;
  /** Where the kernel shows interfaces; for tests. */
  readonly links?: string;
}

/** A consumer of the syncer that knows this host's endpoints, and the task that collects. Idle until in-sync. */
export class AddressCollector implements SyncConsumer {
  readonly #nodeName: string;
  readonly #endpoints = new Map<string, Resource>();
  readonly #scan: () => Promise<Scan>;
  readonly #collector: Collector;
  readonly #abort = new AbortController();
  #task: Promise<void> | undefined;

  constructor(options: AddressCollectorOptions) {
    const { datastore, ipam, nodeName, interfacePrefix, log, links = '/sys/class/net' } = options;
    this.#nodeName = nodeName;
    this.#scan = scanOfHost(datastore, nodeName, {
      endpoints: () => [...this.#endpoints.values()],
      isAlive: (containerId, attributes) =>
        interfacesOf(interfacePrefix, containerId, attributes).some((name) => existsSync(join(links, name))),
    });
    this.#collector = new Collector({ ipam, log, scan: this.#scan });
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
    if (status === 'in-sync') this.#task ??= this.#collector.run(this.#abort.signal);
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
    await this.#task;
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
