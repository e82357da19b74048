/** Garbage collection as a task: scans from time to time and releases what two scans confirm. */
import type { CallOptions, Datastore, Json } from '../datastore/index.ts';
import { messageOf } from '../errors.ts';
import type { Resource } from '../resources/resource.ts';
import { type IpamState, readIpamState } from './audit.ts';
import { parseBlock } from './block.ts';
import {
  type Candidate,
  candidatesOfGoneHosts,
  candidatesOfHost,
  collect,
  confirm,
  defaultGrace,
  goneHosts,
  type IsAlive,
  type Sightings,
} from './collect.ts';
import { parseAffinity } from './core.ts';
import type { Ipam } from './types.ts';

/** What a scan found: what may be garbage, and hosts whose empty blocks may go. */
export interface Scan {
  readonly candidates: readonly Candidate[];
  readonly hosts: readonly string[];
}

/** What a collector needs. */
export interface CollectorOptions {
  readonly ipam: Ipam;
  readonly scan: () => Promise<Scan>;
  /** Milliseconds a candidate must stay one; 15 minutes. */
  readonly grace?: number;
  readonly now?: () => number;
  readonly log: (message: string) => void;
  /** Asked before each pass; when it says no, nothing is scanned and what was seen is forgotten. */
  readonly isOurs?: () => Promise<boolean>;
}

/** Remembers candidates between scans. Nothing is released by the first scan after a start. */
export class Collector {
  readonly #options: CollectorOptions;
  #sightings: Sightings = new Map();
  #hosts: ReadonlySet<string> = new Set();

  constructor(options: CollectorOptions) {
    this.#options = options;
  }

  /** One pass; what it released. */
  async pass(): Promise<{ readonly addresses: readonly string[]; readonly blocks: readonly string[] }> {
    const { ipam, scan, grace = defaultGrace, now = Date.now, log, isOurs } = this.#options;
    if (isOurs && !(await isOurs())) {
      this.#sightings = new Map();
      this.#hosts = new Set();
      return { addresses: [], blocks: [] };
    }
    const found = await scan();
    const { sightings, confirmed } = confirm(this.#sightings, found.candidates, now(), grace);
    const hosts = found.hosts.filter((host) => this.#hosts.has(host));
    this.#sightings = sightings;
    this.#hosts = new Set(found.hosts);
    for (const { handle, addresses, reason } of confirmed) {
      log(`releasing ${addresses.map(({ address }) => address).join(', ')} of ${handle}: ${reason}`);
    }
    const done = await collect(ipam, confirmed, hosts);
    for (const block of done.blocks) log(`released the block ${block}: its host is gone`);
    return done;
  }

  /** Passes twice per grace period until the signal; a pass that fails is logged and repeated later. */
  async run(signal: AbortSignal): Promise<void> {
    const { grace = defaultGrace, log } = this.#options;
    while (!signal.aborted) {
      await new Promise<void>((resolve) => {
        const done = () => {
          clearTimeout(timer);
          signal.removeEventListener('abort', done);
          resolve();
        };
        const timer = setTimeout(done, grace / 2);
        signal.addEventListener('abort', done);
      });
      if (signal.aborted) return;
      await this.pass().catch((error: unknown) => log(`garbage collection: ${messageOf(error)}`));
    }
  }
}

/**
 * Scan of one host, for its own calico-node: only the host's blocks are read, and its endpoints are the caller's to
 * give (the agent has them). Addresses borrowed from other hosts' blocks are left to the cluster's scan.
 */
export function scanOfHost(
  datastore: Datastore,
  host: string,
  local: {
    readonly endpoints: () => readonly Resource[];
    readonly isAlive: IsAlive;
    readonly now?: () => number;
    readonly grace?: number;
  },
): () => Promise<Scan> {
  return async () => {
    const state = await readHostState(datastore, host, local.endpoints());
    const options = { now: (local.now ?? Date.now)(), isAlive: local.isAlive, ...graceOf(local.grace) };
    return { candidates: candidatesOfHost(state, host, options), hosts: [] };
  };
}

/** Scan for hosts that have no Node any more, for one controller of the cluster. */
export function scanOfGoneHosts(datastore: Datastore): () => Promise<Scan> {
  return async () => {
    const state = await readIpamState(datastore);
    return { candidates: candidatesOfGoneHosts(state), hosts: goneHosts(state) };
  };
}

async function readHostState(
  datastore: Datastore,
  host: string,
  endpoints: readonly Resource[],
  options?: CallOptions,
): Promise<IpamState> {
  const { items } = await datastore.list({ type: 'affinity', host }, options);
  const affinities = items.map(parseAffinity).filter((affinity) => affinity !== undefined);
  const stored = await Promise.all(
    affinities.map(({ block }) => datastore.get({ type: 'block', cidr: block }, options)),
  );
  return {
    blocks: stored.flatMap((kv) =>
      kv ? [{ block: parseBlock(kv.value as Json), revision: kv.revision }] : [],
    ),
    affinities,
    handles: [],
    pools: [],
    nodes: [],
    endpoints,
    others: [],
    broken: [],
  };
}

function graceOf(grace: number | undefined): { grace?: number } {
  return grace === undefined ? {} : { grace };
}
