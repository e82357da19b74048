/** calico-node: start-up, then the agent, BIRD, the CNI socket and the listeners, in one process. */
import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BgpAgent, type BirdPaths, createBgpAgent, defaultBirdPaths, retireBird } from '../bgp/index.ts';
import {
  CallGuard,
  type CniServer,
  guardFolders,
  handleCniRequest,
  SyncedCniReads,
  serveCni,
} from '../cni/index.ts';
import {
  configFromEnvironment,
  connect,
  type Datastore,
  type SyncConsumer,
  Syncer,
  type SyncHealth,
} from '../datastore/index.ts';
import { messageOf } from '../errors.ts';
import {
  type EndpointStatuses,
  parseConfigFile,
  type ResolvedConfig,
  StatusReporter,
} from '../felix/index.ts';
import { createIpam, type Ipam, SyncedSource } from '../ipam/index.ts';
import { RtNetlink } from '../linux/index.ts';
import { AddressCollector } from './address-collector.ts';
import { AgentHost } from './agent-host.ts';
import { type HealthListener, type HealthReport, serveHealth, serveMetrics } from './health-server.ts';
import { detectionFacts } from './host-facts.ts';
import { takeInstanceLock } from './instance-lock.ts';
import { makeLog, type NodeLog, type Severity, standardOutput } from './log.ts';
import { determineNodeName } from './node-name.ts';
import { type NodeSettings, readNodeSettings } from './settings.ts';
import { type StartupContext, startup, writeNode } from './startup.ts';
import { syncQueries } from './sync-queries.ts';
import { ensureTunnelAddresses } from './tunnel-addresses.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** A running calico-node. */
export interface Daemon {
  /** Resolves with the exit code when it was asked to stop, or when it cannot go on. */
  readonly ended: Promise<number>;
}

/** What {@link openNode} opens; `close` lets the process end. */
export type OpenNode = StartupContext & { readonly nodeLog: NodeLog; readonly close: () => void };

/** The parts that exist before anything runs: settings, name, log, datastore. */
export async function openNode(env: Environment): Promise<OpenNode> {
  const settings = readNodeSettings(env);
  const nodeName = determineNodeName(env, settings.paths.nodenameFile);
  const nodeLog = makeLog('startup', standardOutput);
  const store = await connect(configFromEnvironment(env));
  const netlink = new RtNetlink();
  return {
    nodeName,
    settings,
    store,
    nodeLog,
    close: () => {
      store.close();
      netlink.close();
    },
    get facts() {
      return detectionFacts(netlink);
    },
    cluster: {
      clusterType: settings.clusterType,
      kubernetesDatastore: store.kind === 'kubernetes',
      guid: () => randomBytes(16).toString('hex'),
    },
    stamp: { now: () => new Date(), uuid: randomUUID },
    random: (bytes) => randomBytes(bytes),
    log: (severity, message) => (severity === 'warning' ? nodeLog.warn(message) : nodeLog.info(message)),
  };
}

/** Starts everything. @throws CalicoError when start-up finds what only an operator can mend */
export async function startDaemon(env: Environment): Promise<Daemon> {
  const context = await openNode(env);
  let release = () => {};
  const running = new RunningNode(context, env, context.nodeLog);
  try {
    release = takeInstanceLock(join(context.settings.paths.run, 'calico-node.pid'));
    await startup(context);
    await running.start();
  } catch (error) {
    release();
    context.close();
    throw error;
  }
  const ended = new Promise<number>((resolve) => {
    const stop = (signal: string) => {
      context.nodeLog.info(`${signal}: stopping; what is programmed stays, BIRD goes on`);
      void running.stop().finally(() => {
        release();
        context.close();
        resolve(0);
      });
    };
    process.once('SIGTERM', () => stop('SIGTERM'));
    process.once('SIGINT', () => stop('SIGINT'));
  });
  return { ended };
}

function birdPaths({ paths }: NodeSettings): BirdPaths {
  return {
    binary: defaultBirdPaths.binary,
    config: join(paths.etc, 'bird', 'bird.conf'),
    socket: join(paths.run, 'bird.ctl'),
    pid: join(paths.run, 'bird.pid'),
    log: join(paths.log, 'bird.log'),
  };
}

class RunningNode {
  readonly #context: StartupContext;
  readonly #log: NodeLog;
  readonly #settings: NodeSettings;
  readonly #store: Datastore;
  readonly #source: SyncedSource;
  readonly #cniReads: SyncedCniReads;
  readonly #ipam: Ipam;
  readonly #collector: AddressCollector;
  readonly #host: AgentHost;
  readonly #bgp: BgpAgent | undefined;
  readonly #kernel = new RtNetlink();
  readonly #syncer: Syncer;
  #syncHealth: SyncHealth = { connected: true };
  #reporter: StatusReporter | undefined;
  #statuses: EndpointStatuses | undefined;
  #listeners: HealthListener[] = [];
  #listening = '';
  readonly #timers: ReturnType<typeof setInterval>[] = [];
  #tunnels: Promise<void> = Promise.resolve();
  #tunnelTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #startedAt = new Date();
  #cni: CniServer | undefined;

  constructor(context: StartupContext, env: Environment, log: NodeLog) {
    const { nodeName, settings, store } = context;
    this.#context = context;
    this.#log = log.child('node');
    this.#settings = settings;
    this.#store = store;
    this.#source = new SyncedSource(store);
    this.#cniReads = new SyncedCniReads(store, nodeName);
    this.#ipam = createIpam(store, { source: this.#source });
    this.#collector = new AddressCollector({
      datastore: store,
      ipam: this.#ipam,
      nodeName,
      interfacePrefix: (env['FELIX_INTERFACEPREFIX'] ?? '').split(',')[0] || 'cali',
      log: (message) => log.child('ipam').info(message),
    });
    this.#host = new AgentHost({
      nodeName,
      log: log.child('agent'),
      file: readFelixFile(join(settings.paths.etc, 'felix.cfg')),
      environment: env,
      mtuFile: join(settings.paths.lib, 'mtu'),
      onConfig: (config) => this.#onConfig(config),
      onStatuses: (statuses) => {
        this.#statuses = statuses;
        this.#reporter?.setEndpoints(statuses);
      },
    });
    if (settings.backend === 'bird') {
      this.#bgp = createBgpAgent({
        nodeName,
        env,
        log: log.child('bgp'),
        store,
        kernel: this.#kernel,
        paths: birdPaths(settings),
      });
    }
    this.#syncer = new Syncer({
      datastore: store,
      queries: syncQueries(nodeName, store.kind),
      consumers: [
        this.#source,
        this.#cniReads,
        this.#collector,
        this.#tunnelWatch(),
        this.#host,
        ...(this.#bgp ? [this.#bgp.consumer] : []),
      ],
      onHealth: (health) => {
        this.#syncHealth = health;
        if (health.connected) this.#log.info('the datastore is connected');
        else this.#log.warn('the datastore is away; what is programmed stays', { cause: health.message });
      },
      onBroken: ({ path, reason }) =>
        this.#log.warn('a stored value cannot be read and counts as absent', { path, reason }),
    });
  }

  async start(): Promise<void> {
    await this.#allocateTunnels();
    if (this.#bgp) this.#bgp.start();
    else await this.#retireBird();
    this.#syncer.start();
    await this.#serveCni();
    if (this.#settings.backend !== 'none' && this.#settings.pollSeconds > 0) {
      this.#every(this.#settings.pollSeconds, () => writeNode(this.#context));
    }
    this.#log.info('Calico node started successfully', {
      node: this.#context.nodeName,
      backend: this.#settings.backend,
    });
  }

  /** A BIRD of an earlier backend would keep announcing this host. */
  async #retireBird(): Promise<void> {
    try {
      if (await retireBird(birdPaths(this.#settings)))
        this.#log.info('BIRD is not used any more and was ended');
    } catch (error) {
      this.#log.warn('a BIRD of an earlier backend cannot be ended', { cause: messageOf(error) });
    }
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    clearTimeout(this.#tunnelTimer);
    for (const listener of this.#listeners) listener.close();
    this.#reporter?.stop();
    // Requests under way are answered first: they need everything below.
    await this.#cni?.close();
    await this.#syncer.stop();
    await this.#collector.stop();
    await this.#host.stop();
    await this.#bgp?.stop();
    this.#kernel.close();
    await this.#tunnels;
  }

  /** Answers the CNI plugins, with what this process knows already. */
  async #serveCni(): Promise<void> {
    this.#cni = await serveCni(
      this.#settings.paths.cniSocket,
      (request, cancelled) =>
        handleCniRequest(request, {
          cancelled,
          datastore: this.#store,
          ipam: this.#ipam,
          reads: this.#cniReads,
          clock: () => new Date(),
          waitProgrammed: async ({ orchestrator, workload, endpoint }, timeoutMs) => {
            const signal = AbortSignal.timeout(timeoutMs);
            try {
              await this.#host.programmed(`${orchestrator}/${workload}/${endpoint}`, signal);
              return true;
            } catch (error) {
              if (signal.aborted) return false;
              throw error;
            }
          },
        }),
      new CallGuard(
        guardFolders(this.#settings.paths.cniSocket, { CALICO_LIB_DIR: this.#settings.paths.lib }),
      ),
    );
  }

  /** Listeners and reporters follow the agent's configuration. */
  async #onConfig(resolved: ResolvedConfig): Promise<void> {
    const { config } = resolved;
    this.#log.setLevel(severityOf(config.LogSeverityScreen));
    this.#reporter?.stop();
    // The Kubernetes datastore has no place for status.
    if (this.#store.kind === 'kubernetes') {
      await this.#listen(resolved);
      return;
    }
    this.#reporter = new StatusReporter({
      datastore: this.#store,
      hostname: this.#context.nodeName,
      region: config.OpenstackRegion,
      interval: config.ReportingIntervalSecs,
      ttl: config.ReportingTTLSecs,
      reportEndpoints: config.EndpointReportingEnabled,
      endpointDelay: config.EndpointReportingDelaySecs,
      now: () => new Date(),
      startedAt: this.#startedAt,
      log: this.#log.child('status'),
    });
    this.#reporter.start();
    if (this.#statuses) this.#reporter.setEndpoints(this.#statuses);
    await this.#listen(resolved);
  }

  async #listen({ config }: ResolvedConfig): Promise<void> {
    const wanted = JSON.stringify([
      config.HealthEnabled,
      config.HealthHost,
      config.HealthPort,
      config.PrometheusMetricsEnabled,
      config.PrometheusMetricsHost,
      config.PrometheusMetricsPort,
    ]);
    if (wanted === this.#listening) return;
    for (const listener of this.#listeners) listener.close();
    this.#listeners = [];
    if (config.HealthEnabled) {
      this.#listeners.push(await serveHealth(config.HealthHost, config.HealthPort, () => this.#health()));
    }
    if (config.PrometheusMetricsEnabled) {
      this.#listeners.push(
        await serveMetrics(config.PrometheusMetricsHost, config.PrometheusMetricsPort, () =>
          this.#host.metrics(),
        ),
      );
    }
    this.#listening = wanted;
  }

  #health(): readonly HealthReport[] {
    const bgp = this.#bgp?.health() ?? [];
    const datastore = this.#syncHealth.connected ? '' : `away: ${this.#syncHealth.message}`;
    return [
      ...this.#host.health(),
      { name: 'Datastore', live: true, ready: true, ...(datastore && { detail: datastore }) },
      ...(this.#bgp
        ? [
            {
              name: 'BGP',
              live: true,
              ready: true,
              detail: bgp.map((item) => `${item.subject}: ${item.message}`).join('; '),
            },
          ]
        : []),
    ];
  }

  /** Pools and this node's own object decide about tunnel addresses. */
  #tunnelWatch(): SyncConsumer {
    return {
      onStatus: () => {},
      onUpdates: (updates) => {
        const concerned = updates.some((update) => {
          const key = update.type === 'put' ? update.kv.key : update.key;
          return (
            key.type === 'resource' &&
            (key.kind === 'IPPool' || (key.kind === 'Node' && key.name === this.#context.nodeName))
          );
        });
        if (!concerned) return;
        clearTimeout(this.#tunnelTimer);
        this.#tunnelTimer = setTimeout(() => {
          this.#tunnels = this.#tunnels
            .then(() => this.#allocateTunnels())
            .catch((error) =>
              this.#log.error('tunnel addresses cannot be settled', { cause: messageOf(error) }),
            );
        }, 100);
      },
    };
  }

  async #allocateTunnels(): Promise<void> {
    await ensureTunnelAddresses({
      nodeName: this.#context.nodeName,
      store: this.#store,
      ipam: this.#ipam,
      pools: await this.#source.pools(),
      log: (message) => this.#log.info(message),
    });
  }

  #every(seconds: number, body: () => Promise<void>): void {
    let busy = false;
    const timer = setInterval(() => {
      if (busy) return;
      busy = true;
      body()
        .catch((error) => this.#log.warn('a periodic check failed', { cause: messageOf(error) }))
        .finally(() => {
          busy = false;
        });
    }, seconds * 1000);
    this.#timers.push(timer);
  }
}

function readFelixFile(path: string) {
  return existsSync(path) ? parseConfigFile(readFileSync(path, 'utf8')) : {};
}

function severityOf(text: string): Severity {
  const name = text.toLowerCase();
  if (name === 'trace' || name === 'debug') return 'debug';
  if (name === 'warning' || name === 'error' || name === 'fatal') return name;
  return 'info';
}
