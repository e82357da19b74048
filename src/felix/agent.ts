/**
 * The agent: follows the program of this host and keeps kernel and status as it says.
 *
 * One loop does everything, one pass at a time: take what came (program updates, interface events, suspicions), write
 * the network and the packet filter, settle who waits, report. A pass that fails leaves its work marked and is repeated;
 * nothing that fails stops the rest. Upstream: felix/dataplane/linux/int_dataplane.go.
 */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { messageOf } from '../errors.ts';
import {
  type Namespace,
  type NetworkEvent,
  protocol,
  type Route,
  RtNetlink,
  watchNetwork,
} from '../linux/index.ts';
import type { ProgramKind, ProgramUpdate, WorkloadProgram } from '../policy/index.ts';
import type { ResolvedConfig } from './config/index.ts';
import type { DriftReport, Encapsulation, HostInterface, RuleDataplane, RuleOutcome } from './dataplane.ts';
import { Health, type HealthReport } from './health/index.ts';
import { FlowForgetter } from './host/flow-forgetter.ts';
import { HostLinks } from './host/host-links.ts';
import {
  checkReversePathFilter,
  defaultReversePathFilter,
  inHost,
  loadModules,
  prepareHost,
} from './host/host-sysctls.ts';
import type { Log } from './log.ts';
import { agentMetrics, type Metrics } from './metrics/index.ts';
import { NetworkState } from './network/index.ts';
import type { Reconciler } from './reconcile/index.ts';
import { forwardingKey, isTunnelDevice, neighbourKey, routeKey, workloadId } from './routes/index.ts';
import { type EndpointStatus, type EndpointStatuses, EndpointStatusFiles } from './status/index.ts';
import type { Mtus } from './tunnels/index.ts';

/** What an agent needs. */
export interface AgentOptions {
  readonly nodeName: string;
  readonly config: ResolvedConfig;
  readonly rules: RuleDataplane;
  readonly log: Log;
  /** The network namespace that is the host's; default the process's own. */
  readonly namespace?: Namespace;
  /** Stop at start when the kernel filters reverse paths loosely and IgnoreLooseRPF is not set, as v3.11 did. */
  readonly abortOnLooseReversePath?: boolean;
  /** Hears the statuses of local endpoints after each pass that changed them. */
  readonly onStatuses?: (statuses: EndpointStatuses) => void;
  /** File that tells the CNI plugin the MTU for pods; `/var/lib/calico/mtu` on a real host. */
  readonly mtuFile?: string;
  /** Folder above `endpoint-status/`; none: no files. */
  readonly endpointStatusPrefix?: string;
  /** Milliseconds of a steady clock. */
  readonly now?: () => number;
}

/** A running agent. */
export interface Agent {
  /**
   * Takes updates of the program; the first call carries all of it and comes when the datastore is in sync. Resolves
   * once a pass tried to write them; what was refused is tried again meanwhile (see {@link programmed}, {@link health}).
   */
  apply(updates: readonly ProgramUpdate[]): Promise<void>;
  /** Reads the whole kernel and repairs; what had been changed by others, by kind of object. */
  resync(): Promise<ReadonlyMap<string, DriftReport>>;
  /** Resolves when the endpoint `orchestrator/workload/endpoint` is in the kernel with its routes and policy. */
  programmed(endpoint: string, signal?: AbortSignal): Promise<void>;
  health(): readonly HealthReport[];
  /** The Prometheus text. */
  metrics(): string;
  statuses(): EndpointStatuses;
  mtus(): Mtus;
  /** Ends watching and writing; the kernel stays as it is. */
  stop(): Promise<void>;
}

const loopName = 'InternalDataplaneMainLoop';
/** Routes of unknown origin on a new workload interface are left alone so long (milliseconds). */
const gracePeriod = 10_000;
/** Events that contradict the desired state are collected so long before the kernel is read (milliseconds). */
const suspicionDelay = 20;
/** A pass longer than this kept updates waiting (milliseconds). */
const slowPass = 2_000;
const heartbeat = 10_000;
/** Objects named in one log line at most. */
const namesLogged = 10;

/** Kinds of the program on which no endpoint's status depends, unless the packet filter refuses them. */
const withoutStatus: ReadonlySet<ProgramKind> = new Set<ProgramKind>([
  'ip-set',
  'policy',
  'profile',
  'config',
  'service-cidrs',
  'ready',
]);

/** Starts an agent: prepares the host and begins to watch; writes nothing of the program before the first apply. */
export async function createAgent(options: AgentOptions): Promise<Agent> {
  const { config } = options.config;
  await loadModules();
  const defaultFilter = inHost(options.namespace, () => {
    const abort = options.abortOnLooseReversePath ?? false;
    checkReversePathFilter({ ignoreLoose: config.IgnoreLooseRPF, abort }, options.log);
    prepareHost({ forwarding: config.IPForwarding === 'Enabled', ipv6: config.Ipv6Support }, options.log);
    return defaultReversePathFilter();
  });
  return new RunningAgent(options, defaultFilter);
}

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

class RunningAgent implements Agent {
  readonly #options: AgentOptions;
  readonly #log: Log;
  readonly #now: () => number;
  readonly #netlink: RtNetlink;
  readonly #links = new HostLinks();
  readonly #flows: FlowForgetter;
  readonly #network: NetworkState;
  readonly #health: Health;
  readonly #metrics: Metrics;
  readonly #files: EndpointStatusFiles | undefined;
  readonly #seen = new Map<number, number>();

  #updates: ProgramUpdate[] = [];
  readonly #changedInterfaces = new Map<string, boolean>();
  readonly #suspects = new Set<Reconciler<unknown>>();
  #rulesSuspect = false;
  #rulesPending: ProgramUpdate[] = [];
  #rulesWritten = false;
  #rulesFailing = false;
  #interfaces: readonly HostInterface[] | undefined;
  #encapsulation: Encapsulation | undefined;
  #outcome: RuleOutcome = { problems: [], hostEndpoints: new Map() };
  #hostEndpoints = new Set<string>();
  #policies = new Set<string>();
  #podMtu: number | undefined;
  readonly #complaints = new Map<string, string>();
  #problems = '';
  /** Whether the endpoints' statuses must be worked out anew. */
  #stale = true;
  #fileStatuses = '';

  #started = false;
  #passDone = false;
  #stopped = false;
  #running: Promise<void> | undefined;
  #again = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  readonly #intervals: ReturnType<typeof setInterval>[] = [];
  #waiting: Waiter[] = [];
  readonly #programmed = new Map<string, Set<Waiter>>();
  readonly #endSubscriptions: (() => void)[] = [];

  constructor(options: AgentOptions, defaultFilter: string) {
    this.#options = options;
    this.#log = options.log;
    this.#now = options.now ?? (() => performance.now());
    const { config } = options.config;
    const inNamespace = options.namespace ? { namespace: options.namespace } : {};
    this.#netlink = new RtNetlink(inNamespace);
    this.#metrics = agentMetrics(options.nodeName);
    this.#health = new Health(this.#now, config.HealthTimeoutOverrides);
    this.#health.register(loopName, config.DataplaneWatchdogTimeout * 1000);
    this.#files = options.endpointStatusPrefix
      ? new EndpointStatusFiles(options.endpointStatusPrefix)
      : undefined;
    this.#flows = new FlowForgetter(options.namespace, options.log);
    this.#network = new NetworkState({
      nodeName: options.nodeName,
      config: options.config,
      netlink: this.#netlink,
      links: this.#links,
      ...inNamespace,
      defaultReversePathFilter: defaultFilter,
      isYoung: (index) => this.#isYoung(index),
      leaving: this.#flows,
    });
    this.#endSubscriptions.push(
      watchNetwork({
        ...inNamespace,
        addresses: true,
        routes: true,
        neighbours: true,
        onEvent: (event) => this.#observe(event),
        onOverrun: () => this.#suspectAll('events were lost'),
      }),
    );
    const foreign = options.rules.onForeignChange?.(() => {
      this.#rulesSuspect = true;
      this.#schedule(suspicionDelay);
    });
    if (foreign) this.#endSubscriptions.push(foreign);
    this.#readLinks();
    this.#startTimers();
  }

  apply(updates: readonly ProgramUpdate[]): Promise<void> {
    this.#started = true;
    for (const update of updates) {
      this.#updates.push(update);
      this.#metrics.add('felix_int_dataplane_messages', 1, {
        type: update.op === 'members' ? 'IPSetDeltaUpdate' : update.kind,
      });
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#kick();
    });
  }

  async resync(): Promise<ReadonlyMap<string, DriftReport>> {
    while (this.#running) await this.#running;
    const found = new Map<string, DriftReport>();
    const all = (async () => {
      this.#readLinks();
      for (const reconciler of this.#network.reconcilers) {
        found.set(reconciler.noun, await this.#resyncOne(reconciler));
      }
      if (this.#rulesWritten) found.set(this.#options.rules.name, await this.#resyncRules());
    })();
    this.#running = all.finally(() => {
      this.#running = undefined;
    });
    await this.#running;
    return found;
  }

  programmed(endpoint: string, signal?: AbortSignal): Promise<void> {
    if (this.#isUp(endpoint)) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const waiters = this.#programmed.get(endpoint) ?? new Set();
      this.#programmed.set(endpoint, waiters);
      const forget = () => {
        waiters.delete(waiter);
        if (waiters.size === 0) this.#programmed.delete(endpoint);
      };
      const onAbort = () => waiter.reject(signal?.reason);
      const waiter: Waiter = {
        resolve: () => {
          forget();
          signal?.removeEventListener('abort', onAbort);
          resolve();
        },
        reject: (error) => {
          forget();
          reject(error);
        },
      };
      waiters.add(waiter);
      if (signal?.aborted) onAbort();
      else signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  health(): readonly HealthReport[] {
    return this.#health.reports();
  }

  metrics(): string {
    return this.#metrics.render(this.#options.rules.metrics());
  }

  mtus(): Mtus {
    return this.#network.mtus;
  }

  statuses(): EndpointStatuses {
    const workloads = new Map<string, { id: WorkloadProgram['id']; status: EndpointStatus }>();
    for (const [key, workload] of this.#network.workloads) {
      const up = this.#rulesWritten && this.#network.isProgrammed(key) && !this.#hasProblem(key);
      workloads.set(workloadId(workload.id), { id: workload.id, status: up ? 'up' : 'down' });
    }
    const hostEndpoints = new Map<string, EndpointStatus>();
    for (const id of this.#hostEndpoints) {
      const names = this.#outcome.hostEndpoints.get(id) ?? [];
      const anyUp = names.some((name) => this.#links.get(name)?.up ?? true);
      hostEndpoints.set(id, names.length === 0 ? 'error' : anyUp ? 'up' : 'down');
    }
    return { workloads, hostEndpoints };
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    for (const interval of this.#intervals) clearInterval(interval);
    for (const end of this.#endSubscriptions) end();
    await this.#running?.catch(() => undefined);
    await this.#flows.idle();
    this.#netlink.close();
    this.#options.rules.close();
    const ended = new Error('the agent has stopped');
    for (const waiter of [...this.#waiting, ...[...this.#programmed.values()].flatMap((set) => [...set])]) {
      waiter.reject(ended);
    }
  }

  // What comes in

  #observe(event: NetworkEvent): void {
    switch (event.type) {
      case 'link':
      case 'address': {
        if (event.type === 'link') {
          if (event.gone) this.#seen.delete(event.link.index);
          else if (!this.#seen.has(event.link.index)) this.#seen.set(event.link.index, this.#now());
        }
        const changed = this.#links.observe(event);
        if (!changed) return;
        this.#changedInterfaces.set(
          changed.name,
          changed.lostRoutes || (this.#changedInterfaces.get(changed.name) ?? false),
        );
        this.#interfaces = undefined;
        if (isTunnelDevice(changed.name)) this.#suspects.add(this.#asAny(this.#network.tunnels));
        this.#schedule(0);
        return;
      }
      case 'route': {
        const { route } = event;
        if (route.table !== 254 || route.protocol === protocol.kernel) return;
        const routes = this.#network.routes[route.dst.includes(':') ? 6 : 4];
        const key = routeKey(route);
        // Routes of BIRD and others that nobody of ours wants are none of our business.
        if (!routes.desired.has(key) && (event.gone || !this.#isStray(route))) return;
        this.#suspect(routes, key, event.gone ? undefined : route);
        return;
      }
      case 'neighbour': {
        const { neighbour } = event;
        const neighbours = this.#network.neighbours[neighbour.address.includes(':') ? 6 : 4];
        if (neighbours.desired.has(neighbourKey(neighbour))) {
          this.#suspect(
            neighbours,
            neighbourKey(neighbour),
            event.gone || !neighbour.permanent ? undefined : neighbour,
          );
        }
        return;
      }
      case 'forwarding':
        if (this.#network.forwarding.desired.has(forwardingKey(event.entry))) {
          this.#suspect(
            this.#network.forwarding,
            forwardingKey(event.entry),
            event.gone ? undefined : event.entry,
          );
        }
    }
  }

  /** A route that nobody of ours wants, on a workload interface that is past its grace period. */
  #isStray(route: Route): boolean {
    const index = route.hops[0]?.oif;
    const link = index === undefined ? undefined : this.#links.at(index);
    return link !== undefined && this.#network.isWorkloadInterface(link.name) && !this.#isYoung(link.index);
  }

  /** Endpoints of new interfaces may have waited behind a slow pass: what is on them is no stray yet. */
  #renewGrace(): void {
    for (const index of this.#seen.keys()) this.#seen.set(index, this.#now());
  }

  #isYoung(index: number): boolean {
    return this.#now() - (this.#seen.get(index) ?? 0) < gracePeriod;
  }

  #suspect<V>(reconciler: Reconciler<V>, key: string, actual: V | undefined): void {
    if (!reconciler.contradicts(key, actual)) return;
    this.#suspects.add(this.#asAny(reconciler));
    this.#schedule(suspicionDelay);
  }

  /** Reconcilers of different objects are driven alike. */
  #asAny<V>(reconciler: Reconciler<V>): Reconciler<unknown> {
    return reconciler as unknown as Reconciler<unknown>;
  }

  #suspectAll(reason: string): void {
    this.#log.info('reading the kernel again', { reason });
    for (const reconciler of this.#network.reconcilers) this.#suspects.add(reconciler);
    this.#readLinks();
    this.#schedule(0);
  }

  #readLinks(): void {
    for (const name of this.#links.read(this.#netlink)) {
      this.#changedInterfaces.set(name, true);
      this.#interfaces = undefined;
    }
    for (const link of this.#links.all())
      if (!this.#seen.has(link.index)) this.#seen.set(link.index, this.#now());
  }

  // When to work

  #startTimers(): void {
    const { config } = this.#options.config;
    const every = (seconds: number, act: () => void) => {
      // A tenth more or less, so that the hosts of a cluster do not move in step.
      if (seconds > 0) this.#intervals.push(setInterval(act, seconds * 1000 * (0.9 + Math.random() * 0.2)));
    };
    const network = this.#network;
    const suspect = (...reconcilers: readonly unknown[]) => {
      for (const reconciler of reconcilers) this.#suspects.add(reconciler as Reconciler<unknown>);
      this.#schedule(0);
    };
    every(config.RouteRefreshInterval, () =>
      suspect(
        network.routes[4],
        network.routes[6],
        network.neighbours[4],
        network.neighbours[6],
        network.forwarding,
      ),
    );
    every(config.InterfaceRefreshInterval, () => {
      this.#readLinks();
      suspect(network.interfaces, network.tunnels);
    });
    const rules =
      this.#options.rules.name === 'nftables'
        ? config.NftablesRefreshInterval
        : config.IptablesRefreshInterval;
    every(rules, () => {
      this.#rulesSuspect = true;
      this.#schedule(0);
    });
    every(heartbeat / 1000, () => {
      if (!this.#running) this.#reportHealth();
    });
    // What was left alone in its grace period is looked at once that is over.
    const after = setTimeout(() => suspect(network.routes[4], network.routes[6]), gracePeriod + 1000);
    this.#endSubscriptions.push(() => clearTimeout(after));
  }

  #schedule(delay: number): void {
    if (this.#stopped || !this.#started) return;
    const at = this.#now() + delay;
    if (at >= this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = at;
    this.#timer = setTimeout(() => {
      this.#timerAt = Number.POSITIVE_INFINITY;
      this.#kick();
    }, delay);
  }

  #kick(): void {
    if (this.#stopped) return;
    if (this.#running) {
      this.#again = true;
      return;
    }
    this.#running = this.#pass().finally(() => {
      this.#running = undefined;
      if (this.#again) {
        this.#again = false;
        this.#kick();
      }
    });
  }

  // The work

  async #pass(): Promise<void> {
    const begin = this.#now();
    const updates = this.#updates;
    const waiting = this.#waiting;
    this.#updates = [];
    this.#waiting = [];
    let rules: Promise<number | undefined> | undefined;
    let retryAt: number | undefined;
    try {
      this.#takeIn(updates);
      rules = this.#applyRules();
      retryAt = await this.#applyNetwork();
      const rulesRetryAt = await rules;
      if (rulesRetryAt !== undefined) retryAt = Math.min(retryAt ?? rulesRetryAt, rulesRetryAt);
    } catch (error) {
      await rules;
      this.#log.error('a pass of the agent failed and will be repeated', { reason: messageOf(error) });
      this.#metrics.add('felix_int_dataplane_failures');
      retryAt = this.#now() + 1000;
    }
    // Further updates may be the cure of what failed, so they are not held up.
    for (const waiter of waiting) waiter.resolve();
    const seconds = (this.#now() - begin) / 1000;
    this.#metrics.observe('felix_int_dataplane_apply_time_seconds', seconds);
    if (!this.#passDone && this.#rulesWritten) {
      this.#passDone = true;
      this.#metrics.set('felix_int_dataplane_initial_resync_time_seconds', seconds);
      this.#log.info('the kernel is as the program says', { seconds: Math.round(seconds * 1000) / 1000 });
    }
    if (seconds * 1000 > slowPass) this.#renewGrace();
    if (this.#stale) this.#settle();
    this.#reportHealth();
    if (retryAt !== undefined) this.#schedule(Math.max(0, retryAt - this.#now()));
  }

  #takeIn(updates: readonly ProgramUpdate[]): void {
    if (updates.length > 0) this.#metrics.observe('felix_int_dataplane_msg_batch_size', updates.length);
    if (this.#changedInterfaces.size > 0) {
      this.#metrics.observe('felix_int_dataplane_iface_msg_batch_size', this.#changedInterfaces.size);
    }
    for (const update of updates) {
      this.#rulesPending.push(update);
      if (update.op === 'members') continue;
      if (!withoutStatus.has(update.kind)) this.#stale = true;
      const known =
        update.kind === 'host-endpoint'
          ? this.#hostEndpoints
          : update.kind === 'policy'
            ? this.#policies
            : undefined;
      if (update.op === 'put') known?.add(update.key);
      else known?.delete(update.key);
    }
    this.#takeInterfaces();
    this.#network.take(updates);
  }

  #takeInterfaces(): void {
    const changed = [...this.#changedInterfaces];
    this.#changedInterfaces.clear();
    if (changed.length > 0) this.#stale = true;
    for (const [name, lostRoutes] of changed) this.#network.interfaceChanged(name, lostRoutes);
  }

  /** Devices may appear by our own hand: what hangs on them is done in the same pass. */
  async #applyNetwork(): Promise<number | undefined> {
    let retryAt: number | undefined;
    for (const reconciler of this.#network.reconcilers) {
      if (this.#suspects.delete(reconciler)) await this.#resyncOne(reconciler);
      else if (!reconciler.isDue(this.#now())) {
        for (const _ of reconciler.failures)
          retryAt = Math.min(retryAt ?? Number.POSITIVE_INFINITY, this.#now() + 1000);
        continue;
      }
      const outcome = await reconciler.apply(this.#now());
      this.#stale = true;
      this.#logFailures(reconciler, outcome.failed);
      if (outcome.retryAt !== undefined) retryAt = Math.min(retryAt ?? outcome.retryAt, outcome.retryAt);
      if ((reconciler as unknown) === this.#network.tunnels && outcome.written > 0) {
        this.#readLinks();
        this.#takeInterfaces();
        // The packet filter began with the interfaces of before.
        this.#schedule(0);
      }
    }
    return retryAt;
  }

  async #applyRules(): Promise<number | undefined> {
    const { rules } = this.#options;
    const encapsulation = this.#network.encapsulation;
    const change = {
      updates: this.#rulesPending,
      ...(this.#interfaces ? {} : { interfaces: this.#links.interfaces() }),
      ...(sameEncapsulation(encapsulation, this.#encapsulation) ? {} : { encapsulation }),
    };
    try {
      if (
        !this.#rulesWritten ||
        change.updates.length > 0 ||
        'interfaces' in change ||
        'encapsulation' in change
      ) {
        this.#rulesPending = [];
        if (change.interfaces) this.#interfaces = change.interfaces;
        this.#encapsulation = encapsulation;
        this.#outcome = await rules.apply(change);
        if (!this.#rulesWritten || this.#rulesFailing) this.#stale = true;
        this.#rulesWritten = true;
        this.#rulesFailing = false;
        this.#logProblems();
      } else if (this.#rulesFailing) {
        this.#outcome = await rules.apply({ updates: [] });
        this.#rulesFailing = false;
        this.#stale = true;
      }
      if (this.#rulesSuspect) {
        this.#rulesSuspect = false;
        await this.#resyncRules();
      }
      return undefined;
    } catch (error) {
      // The dataplane keeps the change: the next call continues.
      this.#rulesFailing = true;
      this.#stale = true;
      this.#metrics.add('felix_int_dataplane_failures');
      this.#log.error(`cannot program ${rules.name}; will try again`, { reason: messageOf(error) });
      return this.#now() + 1000;
    }
  }

  async #resyncOne(reconciler: Reconciler<unknown>): Promise<DriftReport> {
    const begin = this.#now();
    const drift = await reconciler.resync(this.#now());
    if (reconciler.noun.endsWith('route')) {
      this.#metrics.observe('felix_route_table_resync_seconds', (this.#now() - begin) / 1000);
    }
    this.#logDrift(reconciler.noun, drift);
    return drift;
  }

  async #resyncRules(): Promise<DriftReport> {
    const drift = await this.#options.rules.resync();
    this.#logDrift(`${this.#options.rules.name} object`, drift);
    return drift;
  }

  /** Each refusal is logged once, not at each further attempt. */
  #logFailures(reconciler: Reconciler<unknown>, failed: ReadonlyMap<string, Error>): void {
    for (const [key, error] of failed) {
      this.#metrics.add('felix_int_dataplane_failures');
      const object = `${reconciler.noun} ${key}`;
      if (this.#complaints.get(object) === error.message) continue;
      this.#complaints.set(object, error.message);
      this.#log.warn(`cannot program a ${reconciler.noun}; will try again`, {
        object: key,
        reason: error.message,
      });
    }
    for (const object of this.#complaints.keys()) {
      if (!object.startsWith(reconciler.noun)) continue;
      if (!reconciler.failures.has(object.slice(reconciler.noun.length + 1))) this.#complaints.delete(object);
    }
  }

  #logDrift(noun: string, drift: DriftReport): void {
    for (const kind of ['missing', 'different', 'stray'] as const) {
      const names = drift[kind];
      if (names.length === 0) continue;
      this.#metrics.add('felix_dataplane_drift', names.length, { object: noun, kind });
      this.#log.warn(`drift repaired: ${names.length} ${noun}${names.length === 1 ? '' : 's'} ${kind}`, {
        [kind]: names.slice(0, namesLogged).join('; ') + (names.length > namesLogged ? '; …' : ''),
      });
    }
  }

  #logProblems(): void {
    const text = this.#outcome.problems.map((problem) => `${problem.subject}: ${problem.reason}`).join('\n');
    if (text === this.#problems) return;
    this.#problems = text;
    this.#metrics.set('felix_dataplane_problems', this.#outcome.problems.length);
    this.#stale = true;
    for (const { subject, reason } of this.#outcome.problems) {
      this.#log.warn('an object of the program cannot be programmed', { object: subject, reason });
    }
  }

  // What follows from it

  #settle(): void {
    this.#stale = false;
    for (const endpoint of [...this.#programmed.keys()]) {
      if (!this.#isUp(endpoint)) continue;
      for (const waiter of [...(this.#programmed.get(endpoint) ?? [])]) waiter.resolve();
    }
    const statuses = this.statuses();
    const text = JSON.stringify([
      [...statuses.workloads].map(([id, one]) => [id, one.status]),
      [...statuses.hostEndpoints],
    ]);
    if (text !== this.#fileStatuses) {
      this.#fileStatuses = text;
      this.#options.onStatuses?.(statuses);
    }
    this.#writeFiles(statuses);
    this.#metrics.set(
      'felix_active_local_endpoints',
      this.#network.workloads.size + this.#hostEndpoints.size,
    );
    this.#metrics.set('felix_active_local_policies', this.#policies.size);
    this.#metrics.set('felix_cluster_num_hosts', this.#network.hostCount);
    for (const version of [4, 6] as const) {
      const routes = this.#network.routes[version].desired;
      const table = `IPv${version}:254`;
      this.#metrics.set('felix_route_table_num_routes', routes.size, { table });
      this.#metrics.set('felix_route_table_num_ifaces', this.#network.routedInterfaces(version), { table });
    }
  }

  #writeFiles(statuses: EndpointStatuses): void {
    try {
      const { mtuFile } = this.#options;
      const { pod } = this.#network.mtus;
      if (mtuFile && pod !== this.#podMtu) {
        mkdirSync(dirname(mtuFile), { recursive: true });
        writeFileSync(`${mtuFile}.new`, String(pod));
        renameSync(`${mtuFile}.new`, mtuFile);
        if (this.#podMtu !== undefined)
          this.#log.info('the MTU for pods changed', { from: this.#podMtu, to: pod });
        this.#podMtu = pod;
      }
      if (!this.#files) return;
      const up = new Map<string, WorkloadProgram>();
      for (const [key, workload] of this.#network.workloads) {
        if (statuses.workloads.get(workloadId(workload.id))?.status === 'up') up.set(key, workload);
      }
      this.#files.update(up);
    } catch (error) {
      this.#log.warn('cannot write a status file', { reason: messageOf(error) });
    }
  }

  #isUp(endpoint: string): boolean {
    if (!this.#rulesWritten || this.#rulesPending.length > 0 || this.#rulesFailing) return false;
    for (const [key, workload] of this.#network.workloads) {
      if (workloadId(workload.id) === endpoint)
        return this.#network.isProgrammed(key) && !this.#hasProblem(key);
    }
    return false;
  }

  #hasProblem(key: string): boolean {
    return this.#outcome.problems.some((problem) => problem.subject === `workload ${key}`);
  }

  #reportHealth(): void {
    this.#health.report(loopName, {
      live: true,
      ready: this.#passDone && this.#rulesWritten,
      ...this.#rulesDetail(),
    });
  }

  #rulesDetail(): { readonly detail?: string } {
    if (this.#rulesFailing) return { detail: `${this.#options.rules.name} cannot be programmed` };
    const [first, ...others] = this.#outcome.problems;
    if (!first) return {};
    const more = others.length > 0 ? ` (and ${others.length} more)` : '';
    return { detail: `not in force as written: ${first.subject}: ${first.reason}${more}` };
  }
}

function sameEncapsulation(a: Encapsulation, b: Encapsulation | undefined): boolean {
  return a.ipip === b?.ipip && a.vxlan === b.vxlan && a.vxlanV6 === b.vxlanV6;
}
