/**
 * Gives the agent what the calculation graph makes, and a new agent when its configuration changes. Upstream restarts
 * the whole process for that; here only the agent is made anew, over the same kernel, without a gap in policy.
 */
import type { SyncConsumer, SyncStatus, SyncUpdate } from '../datastore/index.ts';
import { messageOf } from '../errors.ts';
import {
  type Agent,
  type ConfigTexts,
  chooseDataplane,
  chooseIptables,
  createAgent,
  type EndpointStatuses,
  type ResolvedConfig,
  type RuleDataplane,
  resolveConfig,
  restartReasons,
} from '../felix/index.ts';
import { createIptablesDataplane } from '../felix/iptables/index.ts';
import { createNftDataplane } from '../felix/nft/index.ts';
import { ruleSettings } from '../felix/render/index.ts';
import { PolicyGraph, type ProgramKind, type ProgramUpdate } from '../policy/index.ts';
import type { HealthReport } from './health-server.ts';
import type { NodeLog } from './log.ts';

/** What the host of an agent needs. */
export interface AgentHostOptions {
  readonly nodeName: string;
  readonly log: NodeLog;
  /** Sources of configuration outside the datastore. */
  readonly file: ConfigTexts;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly mtuFile: string;
  /** Called with each new configuration, before the agent uses it. */
  readonly onConfig: (config: ResolvedConfig) => Promise<void>;
  readonly onStatuses: (statuses: EndpointStatuses) => void;
}

/** Entry kinds in an order in which what an entry refers to comes before it. */
const kindOrder: readonly ProgramKind[] = [
  'config',
  'ready',
  'ip-set',
  'policy',
  'profile',
  'pool',
  'host',
  'vtep',
  'route',
  'workload',
  'host-endpoint',
];

/** Parameters that the agent itself never looks at. */
const aroundTheAgent =
  /^(Reporting|EndpointReporting|Health(?!TimeoutOverrides)|Prometheus|LogSeverityScreen|UsageReporting|OpenstackRegion)/;

/** The graph with its agent, as one consumer of the syncer. */
export class AgentHost implements SyncConsumer {
  readonly #options: AgentHostOptions;
  readonly #log: NodeLog;
  readonly #graph: PolicyGraph;
  #agent: Agent | undefined;
  #config: ResolvedConfig | undefined;
  #inSync = false;
  #status: SyncStatus = 'waiting';
  #resyncs = 0;
  /** Updates went by that no agent got: the next one begins with the whole program. */
  #missed = false;
  #stopped = false;
  /** Steps run one after another; a failed one is logged and does not stop those behind it. */
  #queue: Promise<void> = Promise.resolve();
  #queued = false;
  #complaint: string | undefined;
  readonly #waiting = new Set<() => void>();

  constructor(options: AgentHostOptions) {
    this.#options = options;
    this.#log = options.log;
    this.#graph = new PolicyGraph({
      hostname: options.nodeName,
      onInvalid: (object, reason) => this.#log.warn('an object is left out', { object, reason }),
    });
  }

  onUpdates(updates: readonly SyncUpdate[]): void {
    this.#graph.onUpdates(updates);
    if (this.#inSync) this.#schedule();
  }

  onStatus(status: SyncStatus): void {
    this.#graph.onStatus(status);
    this.#status = status;
    if (status === 'resync') this.#resyncs++;
    this.#inSync = status === 'in-sync';
    if (this.#inSync) this.#schedule();
  }

  /** Resolves when the endpoint is in the kernel with its policy and routes. */
  async programmed(endpoint: string, signal?: AbortSignal): Promise<void> {
    for (;;) {
      const agent = this.#agent;
      try {
        if (agent) return await agent.programmed(endpoint, signal);
      } catch (error) {
        // An agent that a new configuration replaces ends its waits: the next one has the endpoint as well.
        if (this.#stopped || this.#agent === agent) throw error;
      }
      if (this.#agent) continue;
      await new Promise<void>((resolve, reject) => {
        this.#waiting.add(resolve);
        signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
      });
    }
  }

  /** Configuration in force; `undefined` before the datastore is in sync. */
  get config(): ResolvedConfig | undefined {
    return this.#config;
  }

  health(): readonly HealthReport[] {
    const graph = {
      name: 'CalculationGraph',
      live: true,
      ready: this.#inSync,
      detail: this.#complaint ?? (this.#inSync ? '' : 'waiting for the datastore'),
    };
    return [
      graph,
      ...(this.#agent?.health() ?? [{ name: 'InternalDataplaneMainLoop', live: true, ready: false }]),
    ];
  }

  /** The Prometheus text: the agent's own, and where the datastore stands. */
  metrics(): string {
    const state = { waiting: 1, resync: 2, 'in-sync': 3 }[this.#status];
    const sync = [
      '# HELP felix_resync_state Current datastore state: 1 waiting, 2 resync, 3 in sync.',
      '# TYPE felix_resync_state gauge',
      `felix_resync_state ${state}`,
      '# HELP felix_resyncs_started Number of times a resync with the datastore was started.',
      '# TYPE felix_resyncs_started counter',
      `felix_resyncs_started ${this.#resyncs}`,
    ];
    return `${this.#agent?.metrics() ?? ''}${sync.join('\n')}\n`;
  }

  /** Ends the agent; the kernel stays as it is. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#queue;
    await this.#agent?.stop();
  }

  #schedule(): void {
    if (this.#queued) return;
    this.#queued = true;
    this.#queue = this.#queue.then(() => this.#step()).catch((error) => this.#complain(messageOf(error)));
  }

  async #step(): Promise<void> {
    this.#queued = false;
    if (this.#stopped) return;
    // Before all else: the entries below, configuration among them, are as of the last flush.
    const updates = this.#graph.flush();
    if (!this.#ready()) {
      this.#missed = true;
      this.#complain(
        'the datastore is not ready (ClusterInformation.datastoreReady): what is programmed stays as it is',
      );
      return;
    }
    const config = this.#resolve();
    if (config.errors.length > 0) {
      this.#missed = true;
      this.#complain(`configuration: ${config.errors.join('; ')}`);
      return;
    }
    const changed = this.#config ? restartReasons(this.#config, config) : [];
    const reasons = changed.filter((name) => !aroundTheAgent.test(name));
    // What only listeners, log and reports use is taken over without a new agent.
    if (this.#agent && reasons.length === 0 && changed.length > 0) await this.#options.onConfig(config);
    if (!this.#agent || reasons.length > 0 || this.#missed) {
      await this.#restart(config, reasons);
      return;
    }
    this.#config = config;
    await this.#agent.apply(updates);
    this.#complaint = undefined;
  }

  async #restart(config: ResolvedConfig, reasons: readonly string[]): Promise<void> {
    for (const warning of config.warnings) this.#log.warn(warning);
    if (reasons.length > 0)
      this.#log.info('the configuration changed: the agent starts anew', { parameters: reasons.join() });
    const former = this.#agent;
    this.#agent = undefined;
    await former?.stop();
    await this.#options.onConfig(config);
    this.#config = config;
    const agent = await createAgent({
      nodeName: this.#options.nodeName,
      config,
      rules: await makeDataplane(config, this.#log.child('dataplane')),
      log: this.#log.child('felix'),
      mtuFile: this.#options.mtuFile,
      endpointStatusPrefix: config.config.EndpointStatusPathPrefix,
      onStatuses: this.#options.onStatuses,
    });
    this.#graph.flush();
    this.#missed = false;
    this.#agent = agent;
    const applied = agent.apply(this.#wholeProgram());
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
    await applied;
    this.#complaint = undefined;
  }

  #wholeProgram(): readonly ProgramUpdate[] {
    return kindOrder.flatMap((kind) =>
      [...this.#graph.entries(kind)].map(
        ([key, value]) => ({ op: 'put', kind, key, value }) as ProgramUpdate,
      ),
    );
  }

  #ready(): boolean {
    return [...this.#graph.entries('ready').values()].some((ready) => ready);
  }

  #resolve(): ResolvedConfig {
    const [stored] = this.#graph.entries('config').values();
    return resolveConfig({
      ...(stored
        ? {
            global: stored.global,
            node: stored.node,
            ...(stored.selected ? { selected: stored.selected } : {}),
          }
        : {}),
      file: this.#options.file,
      environment: this.#options.environment,
    });
  }

  #complain(text: string): void {
    if (text !== this.#complaint) this.#log.error(text);
    this.#complaint = text;
  }
}

async function makeDataplane({ config }: ResolvedConfig, log: NodeLog): Promise<RuleDataplane> {
  const choice = chooseDataplane(config.NFTablesMode);
  if (choice.name === 'nftables') {
    log.info('packets are filtered by nftables', { because: choice.reason });
    return createNftDataplane({ settings: ruleSettings(config, 'nftables'), log });
  }
  const variant = await chooseIptables(config.IptablesBackend);
  log.info(`packets are filtered by iptables-${variant}`, { because: choice.reason });
  const lockSeconds = config.IptablesLockTimeoutSecs;
  return createIptablesDataplane({ settings: ruleSettings(config, 'iptables'), variant, lockSeconds, log });
}
