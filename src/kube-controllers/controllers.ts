/** The controllers as a process part: follows both stores, passes when something changed, collects garbage. */
import { type Datastore, type KubernetesDatastore, Syncer, type SyncUpdate } from '../datastore/index.ts';
import { messageOf } from '../errors.ts';
import { Collector, createIpam } from '../ipam/index.ts';
import { scanAddresses } from './addresses.ts';
import { applyWrites, type Stamps } from './apply.ts';
import { reconcile } from './reconcile/index.ts';
import { deletionOf, goneNodes, kubernetesName } from './reconcile/nodes.ts';
import type { ControllerSettings } from './settings.ts';
import { calicoQueries, kubernetesQueries, Objects } from './state.ts';

/** What the controllers need. On the Kubernetes datastore `calico` and `kubernetes` are one store. */
export interface ControllersOptions {
  readonly calico: Datastore;
  readonly kubernetes: KubernetesDatastore;
  readonly settings: ControllerSettings;
  readonly stamps: Stamps;
  readonly log: (level: 'info' | 'warn', message: string) => void;
  /** The stored configuration changed: the process should begin anew. */
  readonly onConfiguration?: () => void;
}

/** Milliseconds that changes are gathered before a pass. */
const quiet = 100;

/** See the module's comment. */
export class Controllers {
  readonly #options: ControllersOptions;
  readonly #kubernetes = new Objects();
  readonly #calico = new Objects();
  readonly #syncers: readonly Syncer[];
  readonly #abort = new AbortController();
  readonly #collector: Collector;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  #tasks: Promise<void>[] = [];

  constructor(options: ControllersOptions) {
    this.#options = options;
    const { calico, kubernetes, settings, log } = options;
    const syncer = (datastore: Datastore, queries: typeof calicoQueries, objects: Objects) =>
      new Syncer({
        datastore,
        queries,
        onBroken: ({ path, reason }) => log('warn', `${path} cannot be read: ${reason}`),
        consumers: [
          {
            onStatus: () => this.#kick(),
            onUpdates: (updates) => this.#take(objects, updates),
          },
        ],
      });
    this.#syncers = [
      syncer(kubernetes, kubernetesQueries, this.#kubernetes),
      syncer(calico, calicoQueries, this.#calico),
    ];
    this.#collector = new Collector({
      ipam: createIpam(calico),
      grace: settings.leakGracePeriod,
      log: (message) => log('info', message),
      scan: () => scanAddresses(calico, kubernetes.client),
      isOurs: async () => this.#isReady(),
    });
  }

  /** Begins; returns at once. */
  start(): void {
    const { settings } = this.#options;
    for (const syncer of this.#syncers) syncer.start();
    if (settings.enabled.has('node') && settings.leakGracePeriod > 0)
      this.#tasks.push(this.#collector.run(this.#abort.signal));
  }

  /** Whether both stores have been read as a whole. */
  get inSync(): boolean {
    return this.#syncers.every((syncer) => syncer.status === 'in-sync');
  }

  /** One pass of the garbage collection. */
  collect() {
    return this.#collector.pass();
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    clearTimeout(this.#timer);
    await Promise.all([...this.#syncers.map((syncer) => syncer.stop()), ...this.#tasks, this.#running]);
  }

  #take(objects: Objects, updates: readonly SyncUpdate[]): void {
    for (const update of updates) {
      objects.apply(update);
      const key = update.type === 'put' ? update.kv.key : update.key;
      if (this.inSync && key.type === 'resource' && key.kind === 'KubeControllersConfiguration')
        this.#options.onConfiguration?.();
    }
    this.#kick();
  }

  #isReady(): boolean {
    return this.#calico.get('ClusterInformation', 'default')?.resource.spec['datastoreReady'] !== false;
  }

  /** Nothing is written before both stores are known as a whole. */
  #kick(): void {
    if (!this.inSync || this.#timer || this.#abort.signal.aborted) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#running = this.#running.then(() =>
        this.#pass().catch((error: unknown) => this.#options.log('warn', messageOf(error))),
      );
    }, quiet);
  }

  async #pass(): Promise<void> {
    const { calico, kubernetes, settings, stamps, log } = this.#options;
    const copies = calico.kind !== 'kubernetes';
    const report = (object: string, reason: string) => log('warn', `${object}: ${reason}`);
    const writes = reconcile({
      kubernetes: this.#kubernetes,
      calico: this.#calico,
      settings,
      copies,
      onInvalid: report,
    });
    const failed: string[] = [];
    const onFailure = (key: object, reason: string) => {
      failed.push(reason);
      report(JSON.stringify(key), reason);
    };
    await applyWrites(calico, writes, stamps, onFailure);
    if (copies && settings.enabled.has('node')) {
      for (const node of goneNodes(this.#kubernetes, this.#calico)) {
        // A watch may be behind; deleting a living node would cut it off.
        const name = kubernetesName(node.resource)!;
        if (await kubernetes.get({ type: 'resource', kind: 'Node', name })) continue;
        log('info', `the node ${name} is gone from Kubernetes: its Calico objects are deleted`);
        await applyWrites(calico, deletionOf(node, this.#calico), stamps, onFailure);
      }
    }
    if (failed.length > 0) setTimeout(() => this.#kick(), 1_000).unref();
  }
}
