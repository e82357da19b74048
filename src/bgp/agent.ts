/** The BGP agent of one host: updates in, a configured BIRD out. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Datastore } from '../datastore/port.ts';
import type { SyncConsumer, SyncStatus, SyncUpdate } from '../datastore/syncer.types.ts';
import { messageOf } from '../errors.ts';
import { tryParseCidr } from '../ip/index.ts';
import { compileBird } from './bird/compile.ts';
import { type KernelRoutes, removeLeftOverRoutes } from './bird/left-over-routes.ts';
import { SessionOverlap } from './bird/overlap.ts';
import { type BirdPaths, defaultBirdPaths } from './bird/process.ts';
import { renderBird } from './bird/render.ts';
import { BirdSupervisor, type SupervisorTiming } from './bird/supervisor.ts';
import type { BgpLog } from './log.ts';
import { BgpCluster } from './model/cluster.ts';
import type { Problem, SecretRef } from './model/state.ts';
import { type NodePeering, PeeringGraph } from './peering/peering.ts';
import type { Session } from './peering/session.ts';
import type { ProtocolRow } from './status/protocols.ts';
import { StatusPublisher } from './status/publisher.ts';
import { protocolsOf } from './status/query.ts';
import { publishedStatus } from './status/report.ts';

/** What the agent is made with. Only the node's name has no default. */
export interface BgpAgentOptions {
  readonly nodeName: string;
  readonly log: BgpLog;
  readonly paths?: Partial<BirdPaths>;
  /** Folder of Secrets as Kubernetes mounts them, `<name>/<key>`; `/etc/calico/secrets` by default. */
  readonly secrets?: string;
  /** CALICO_ROUTER_ID, CALICO_ADVERTISE_CLUSTER_IPS, CALICO_K8S_NODE_REF, CALICO_BIRD. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Prefixes of workload interfaces' names; `cali` by default. */
  readonly workloadInterfaces?: readonly string[];
  /** Milliseconds without a change before a configuration is made, and the longest wait. */
  readonly debounce?: { readonly quiet: number; readonly longest: number };
  readonly timing?: Partial<SupervisorTiming>;
  /** Milliseconds that a session between hosts outlives its reason. */
  readonly overlap?: number;
  /** Where the state of the sessions is published, for `calico bgp status` on any host. */
  readonly store?: Pick<Datastore, 'put'>;
  /** The kernel's routes, to remove what another BIRD left behind. */
  readonly kernel?: KernelRoutes;
}

/** A thing that is wrong, for the health report. */
export interface BgpHealthItem {
  readonly severity: 'error' | 'warning';
  /** `BIRD`, or the object that was left out. */
  readonly subject: string;
  readonly message: string;
}

/** A session with what BIRD says of it. */
export interface SessionStatus {
  readonly session: Session;
  /** Absent: BIRD does not have it. */
  readonly actual: ProtocolRow | undefined;
}

/** Everything that can be said about BGP on this host. */
export interface BgpStatus {
  readonly inSync: boolean;
  readonly sessions: readonly SessionStatus[];
  readonly health: readonly BgpHealthItem[];
}

/** See {@link createBgpAgent}. */
export interface BgpAgent {
  /** Takes the updates of a syncer. */
  readonly consumer: SyncConsumer;
  /** Starts to look after BIRD. Nothing is configured before the datastore is in sync. */
  start(): void;
  /** Stops; BIRD goes on. Resolves when nothing is under way any more. */
  stop(): Promise<void>;
  /** What is wrong; empty: all is well. */
  health(): readonly BgpHealthItem[];
  /** Expected sessions and what BIRD says of each. */
  status(): Promise<BgpStatus>;
  /** Resolves when every update so far has reached BIRD, or is known to have failed. */
  settled(): Promise<void>;
}

/** Milliseconds between looks at the sessions for the published state. */
const reportInterval = 1000;

/** Milliseconds after which a left-over route that ours never replaced is stale: longer than any graceful restart. */
const sweepTime = 300_000;

/** Milliseconds that a session between hosts outlives its reason: the time in which those in its place are set up. */
const overlapTime = 10_000;

/** Makes an agent. */
export function createBgpAgent(options: BgpAgentOptions): BgpAgent {
  return new Agent(options);
}

class Agent implements BgpAgent, SyncConsumer {
  readonly consumer: SyncConsumer = this;
  readonly #options: BgpAgentOptions;
  readonly #paths: BirdPaths;
  readonly #cluster = new BgpCluster();
  readonly #supervisor: BirdSupervisor;
  #status: SyncStatus = 'waiting';
  #started = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #dirtySince: number | undefined;
  #peering: NodePeering | undefined;
  readonly #overlap: SessionOverlap;
  #ending: ReturnType<typeof setTimeout> | undefined;
  #left: readonly Problem[] = [];
  #text: string | undefined;
  #localAS: number | undefined;
  #applying: Promise<void> = Promise.resolve();
  #reports: ReturnType<typeof setInterval> | undefined;
  #reporting = false;
  #sweeps: ReturnType<typeof setInterval> | undefined;

  constructor(options: BgpAgentOptions) {
    this.#options = options;
    this.#overlap = new SessionOverlap(options.overlap ?? overlapTime);
    const binary = options.env?.['CALICO_BIRD'];
    this.#paths = { ...defaultBirdPaths, ...options.paths, ...(binary && { binary }) };
    this.#supervisor = new BirdSupervisor({
      paths: this.#paths,
      log: options.log,
      ...(options.timing && { timing: options.timing }),
    });
  }

  onUpdates(updates: readonly SyncUpdate[]): void {
    let changed = false;
    for (const update of updates) {
      if (!concerns(update, this.#options.nodeName)) continue;
      if (this.#cluster.apply(update)) changed = true;
    }
    if (changed) this.#schedule();
  }

  onStatus(status: SyncStatus): void {
    const before = this.#status;
    this.#status = status;
    if (status === 'in-sync' && before !== 'in-sync') this.#schedule();
  }

  start(): void {
    this.#started = true;
    this.#supervisor.start();
    const { store, log, kernel } = this.#options;
    if (kernel && !this.#sweeps) this.#sweep(kernel);
    if (store && !this.#reports) {
      const publisher = new StatusPublisher(store, log);
      this.#reports = setInterval(() => void this.#report(publisher), reportInterval);
    }
    if (this.#status === 'in-sync') this.#schedule();
  }

  async stop(): Promise<void> {
    this.#started = false;
    clearTimeout(this.#timer);
    clearTimeout(this.#ending);
    clearInterval(this.#reports);
    clearInterval(this.#sweeps);
    this.#timer = undefined;
    this.#reports = undefined;
    this.#sweeps = undefined;
    await this.#applying;
    await this.#supervisor.detach();
  }

  health(): readonly BgpHealthItem[] {
    return [
      ...this.#supervisor.faults.map(
        ({ message }): BgpHealthItem => ({ severity: 'error', subject: 'BIRD', message }),
      ),
      ...[...this.#cluster.problems, ...(this.#peering?.problems ?? []), ...this.#left].map(
        ({ object, message }): BgpHealthItem => ({ severity: 'warning', subject: object, message }),
      ),
    ];
  }

  async status(): Promise<BgpStatus> {
    const sessions = this.#peering?.sessions ?? [];
    let rows: ReadonlyMap<string, ProtocolRow> = new Map();
    try {
      rows = new Map((await protocolsOf(this.#paths.socket)).map((row) => [row.name, row]));
    } catch (error) {
      this.#options.log.warn('BIRD cannot be asked', { error: messageOf(error) });
    }
    return {
      inSync: this.#status === 'in-sync',
      sessions: sessions.map((session) => ({ session, actual: rows.get(session.name) })),
      health: this.health(),
    };
  }

  async settled(): Promise<void> {
    if (this.#timer !== undefined) {
      clearTimeout(this.#timer);
      this.#apply();
    }
    await this.#applying;
  }

  #schedule(): void {
    if (!this.#started || this.#status !== 'in-sync') return;
    const { quiet, longest } = this.#options.debounce ?? { quiet: 100, longest: 1000 };
    const now = performance.now();
    this.#dirtySince ??= now;
    clearTimeout(this.#timer);
    const wait = Math.max(0, Math.min(quiet, this.#dirtySince + longest - now));
    this.#timer = setTimeout(() => this.#apply(), wait);
  }

  #apply(): void {
    this.#timer = undefined;
    this.#dirtySince = undefined;
    const { nodeName, log } = this.#options;
    // Without our own node there is nothing to say yet; an earlier configuration stays.
    if (!this.#cluster.nodes.has(nodeName)) return;
    const peering = new PeeringGraph(this.#cluster).of(nodeName);
    const { config, problems } = compileBird(this.#cluster, peering, {
      routerId: this.#options.env?.['CALICO_ROUTER_ID'],
      clusterIPs: clusterIPsOf(this.#options.env?.['CALICO_ADVERTISE_CLUSTER_IPS']),
      nodeRef: this.#options.env?.['CALICO_K8S_NODE_REF'] || undefined,
      workloadInterfaces: this.#options.workloadInterfaces ?? ['cali'],
      password: (ref) => this.#password(ref),
    });
    this.#peering = peering;
    this.#left = problems;
    const now = performance.now();
    const { config: whole, next } = this.#overlap.extend(config, (one) => this.#isNode(one.neighbor), now);
    clearTimeout(this.#ending);
    if (next !== undefined && this.#started) this.#ending = setTimeout(() => this.#apply(), next - now + 1);
    const text = renderBird(whole);
    if (text === this.#text) return;
    this.#text = text;
    log.info('BGP configuration', { sessions: peering.sessions.length });
    const { localAS } = config.template;
    const restart = this.#localAS !== undefined && this.#localAS !== localAS;
    this.#localAS = localAS;
    this.#applying = this.#supervisor.apply(text, restart);
  }

  #isNode(address: string): boolean {
    return [...this.#cluster.nodes.values()].some(
      ({ ipv4, ipv6 }) => ipv4?.ip === address || ipv6?.ip === address,
    );
  }

  /** Left-over routes go as ours take their place; those that nothing replaces go at the end, if all is well. */
  #sweep(kernel: KernelRoutes): void {
    const until = performance.now() + sweepTime;
    this.#sweeps = setInterval(() => {
      if (this.#text === undefined || this.#supervisor.faults.length > 0) return;
      const over = performance.now() > until;
      const pools = [...this.#cluster.pools.values()].map(({ cidr }) => cidr);
      try {
        if (removeLeftOverRoutes(kernel, pools, over) === 0 && over) clearInterval(this.#sweeps);
      } catch (error) {
        this.#options.log.warn('left-over routes cannot be removed', { cause: messageOf(error) });
      }
    }, reportInterval);
  }

  async #report(publisher: StatusPublisher): Promise<void> {
    if (this.#reporting || this.#status !== 'in-sync') return;
    this.#reporting = true;
    const rows = await protocolsOf(this.#paths.socket).catch((): readonly ProtocolRow[] => []);
    const health = this.health().map(({ subject, message }) => `${subject}: ${message}`);
    await publisher.publish(publishedStatus(this.#options.nodeName, rows, health), performance.now());
    this.#reporting = false;
  }

  #password({ name, key }: SecretRef): string | undefined {
    const folder = this.#options.secrets ?? '/etc/calico/secrets';
    if ([name, key].some((part) => !/^[\w.-]+$/.test(part) || part === '..')) return undefined;
    try {
      return readFileSync(join(folder, name, key), 'utf8').replace(/\n$/, '');
    } catch {
      return undefined;
    }
  }
}

function concerns(update: SyncUpdate, node: string): boolean {
  const key = update.type === 'put' ? update.kv.key : update.key;
  return key.type === 'resource' || (key.type === 'affinity' && key.host === node);
}

/** The ranges of CALICO_ADVERTISE_CLUSTER_IPS; `undefined` when it is unset. */
export function clusterIPsOf(text: string | undefined): readonly string[] | undefined {
  if (!text) return undefined;
  return text
    .split(',')
    .map((one) => one.trim())
    .filter((one) => tryParseCidr(one) !== undefined);
}
