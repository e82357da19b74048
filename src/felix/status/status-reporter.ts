/**
 * Writes status to the datastore: that this host's agent lives (with a lease), and what its endpoints are.
 *
 * Reporting never holds anything up: it runs beside the agent, coalesces, and tries again later when the datastore
 * does not answer. Upstream: felix/statusrep, felix/usagerep.
 */
import type { Datastore } from '../../datastore/index.ts';
import { messageOf } from '../../errors.ts';
import type { WorkloadProgram } from '../../policy/index.ts';
import type { Log } from '../log.ts';
import {
  hostEndpointStatusKey,
  hostEndpointStatusPrefix,
  hostStatusKey,
  workloadStatusKey,
  workloadStatusPrefix,
} from './status-keys.ts';

/** What an endpoint is: `error` only for host endpoints that resolve to no interface. */
export type EndpointStatus = 'up' | 'down' | 'error';

/** The statuses of all local endpoints. */
export interface EndpointStatuses {
  readonly workloads: ReadonlyMap<
    string,
    { readonly id: WorkloadProgram['id']; readonly status: EndpointStatus }
  >;
  readonly hostEndpoints: ReadonlyMap<string, EndpointStatus>;
}

/** What a reporter needs. */
export interface StatusReporterOptions {
  readonly datastore: Datastore;
  readonly hostname: string;
  readonly region: string;
  /** Seconds between reports of the process; 0: none. */
  readonly interval: number;
  readonly ttl: number;
  readonly reportEndpoints: boolean;
  /** Seconds that endpoint changes are collected for. */
  readonly endpointDelay: number;
  readonly now: () => Date;
  readonly startedAt: Date;
  readonly log: Log;
}

/** See the file's comment. */
export class StatusReporter {
  readonly #options: StatusReporterOptions;
  #statuses: EndpointStatuses | undefined;
  /** What the datastore is believed to hold below our prefixes; absent: it must be listed first. */
  #stored: Map<string, string> | undefined;
  #first = true;
  #process: ReturnType<typeof setInterval> | undefined;
  #pending: ReturnType<typeof setTimeout> | undefined;
  #writing = false;

  constructor(options: StatusReporterOptions) {
    this.#options = options;
  }

  /** Begins to report that the process lives. */
  start(): void {
    const { interval } = this.#options;
    if (interval <= 0 || this.#process) return;
    void this.#reportProcess();
    this.#process = setInterval(() => void this.#reportProcess(), interval * 1000);
  }

  /** Takes the endpoints' statuses; they are written after the delay. */
  setEndpoints(statuses: EndpointStatuses): void {
    if (!this.#options.reportEndpoints) return;
    this.#statuses = statuses;
    this.#schedule(this.#options.endpointDelay * 1000);
  }

  /** Ends reporting; what is written stays. */
  stop(): void {
    clearInterval(this.#process);
    clearTimeout(this.#pending);
  }

  async #reportProcess(): Promise<void> {
    const { datastore, region, hostname, ttl, now, startedAt, log } = this.#options;
    const value = {
      time: now()
        .toISOString()
        .replace(/\.\d+Z$/, 'Z'),
      uptime: (now().getTime() - startedAt.getTime()) / 1000,
      first_update: this.#first,
    };
    try {
      await datastore.put(hostStatusKey(region, hostname, 'status'), value, { ttlSeconds: ttl });
      await datastore.put(hostStatusKey(region, hostname, 'last_reported_status'), value);
      this.#first = false;
    } catch (error) {
      log.warn('cannot report the status of this host', { reason: messageOf(error) });
    }
  }

  #schedule(delay: number): void {
    if (this.#pending) return;
    this.#pending = setTimeout(() => {
      this.#pending = undefined;
      void this.#reportEndpoints();
    }, delay);
  }

  async #reportEndpoints(): Promise<void> {
    const statuses = this.#statuses;
    if (!statuses || this.#writing) return;
    this.#writing = true;
    const { datastore, region, hostname, log } = this.#options;
    try {
      const wanted = new Map<string, EndpointStatus>();
      for (const { id, status } of statuses.workloads.values()) {
        wanted.set(workloadStatusKey(region, hostname, id).path, status);
      }
      for (const [id, status] of statuses.hostEndpoints)
        wanted.set(hostEndpointStatusKey(hostname, id).path, status);
      this.#stored ??= await this.#list();
      for (const [path, status] of wanted) {
        if (this.#stored.get(path) === status) continue;
        await datastore.put({ type: 'raw', path }, { status });
        this.#stored.set(path, status);
      }
      for (const path of [...this.#stored.keys()]) {
        if (wanted.has(path)) continue;
        await datastore.delete({ type: 'raw', path });
        this.#stored.delete(path);
      }
    } catch (error) {
      log.warn('cannot report the status of endpoints', { reason: messageOf(error) });
      this.#stored = undefined;
      this.#schedule(Math.max(1000, this.#options.endpointDelay * 1000));
    } finally {
      this.#writing = false;
    }
    if (this.#statuses !== statuses) this.#schedule(this.#options.endpointDelay * 1000);
  }

  async #list(): Promise<Map<string, string>> {
    const { datastore, region, hostname } = this.#options;
    const stored = new Map<string, string>();
    for (const prefix of [workloadStatusPrefix(region, hostname), hostEndpointStatusPrefix(hostname)]) {
      for (const { key, value } of (await datastore.list({ type: 'raw', prefix })).items) {
        const status =
          typeof value === 'object' && value !== null && 'status' in value ? value.status : undefined;
        if (key.type === 'raw') stored.set(key.path, typeof status === 'string' ? status : '');
      }
    }
    return stored;
  }
}
