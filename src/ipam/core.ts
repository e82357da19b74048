/** What the parts of the allocator share: reads, a cache of blocks, and writes whose outcome is always known. */
import {
  type CallOptions,
  type Datastore,
  formatJson,
  type Json,
  type Key,
  type KeyValue,
  type TxnResult,
  type TxnStep,
} from '../datastore/index.ts';
import { CalicoError } from '../errors.ts';
import { type Block, formatBlock, parseBlock } from './block.ts';
import { fnv1 } from './candidates.ts';
import { WriteQueue } from './queue.ts';
import { DatastoreSource } from './source.ts';
import type { IpamSource } from './types.ts';

/** A parsed value with the revision that a compare needs. */
export interface Stored<T> {
  readonly value: T;
  readonly revision: string;
}

/** A handle: addresses per block. */
export interface Handle {
  readonly blocks: ReadonlyMap<string, number>;
}

/** State of an affinity; very old ones have none and count as confirmed. */
export type AffinityState = 'pending' | 'confirmed' | 'pendingDeletion';

/** An affinity key with its state. */
export interface Affinity {
  readonly host: string;
  readonly virtual: boolean;
  readonly block: string;
  readonly state: AffinityState;
  readonly revision: string;
}

/** Attempts before a call gives up on conflicts. */
export const maxAttempts = 100;

/** Steps per transaction; etcd refuses more than 128. */
export const maxSteps = 120;

/** Blocks kept for the next call. */
const cacheLimit = 2_000;

/** Shared state of one allocator. */
export class Core {
  readonly datastore: Datastore;
  readonly source: IpamSource;
  readonly now: () => Date;
  /** Where in a pool a host begins to look for a block: see `candidateBlocks`. */
  readonly start: (host: string, blocks: bigint) => number;
  /** All writes go through it: calls of one process never conflict with each other. */
  readonly queue: WriteQueue;
  readonly #blocks = new Map<string, Stored<Block>>();
  readonly #handles = new Map<string, Stored<Handle>>();
  readonly #affinities = new Map<string, readonly Affinity[]>();
  #lastSequence = 0n;

  constructor(
    datastore: Datastore,
    source: IpamSource | undefined,
    now: () => Date,
    start: (host: string, blocks: bigint) => number = fnv1,
  ) {
    this.start = start;
    this.datastore = datastore;
    this.source = source ?? new DatastoreSource(datastore);
    this.now = now;
    this.queue = new WriteQueue(
      (text) => this.#blocks.get(text),
      (steps) => this.commit(steps),
    );
  }

  /** A block, from the cache unless `fresh`. */
  async block(text: string, options: CallOptions = {}, fresh = false): Promise<Stored<Block> | undefined> {
    const cached = fresh ? undefined : this.#blocks.get(text);
    if (cached) return cached;
    return this.note(text, await this.datastore.get({ type: 'block', cidr: text }, options));
  }

  /** A block as known already, without a read. */
  knownBlock(text: string): Stored<Block> | undefined {
    return this.#blocks.get(text);
  }

  /** All blocks of a family. */
  async allBlocks(
    version: 4 | 6 | undefined,
    options?: CallOptions,
  ): Promise<ReadonlyMap<string, Stored<Block>>> {
    const { items } = await this.datastore.list(
      version ? { type: 'block', version } : { type: 'block' },
      options,
    );
    const blocks = new Map<string, Stored<Block>>();
    for (const kv of items) {
      const block = tryParseBlock(kv);
      if (block && kv.key.type === 'block') blocks.set(kv.key.cidr, block);
    }
    return blocks;
  }

  async handle(id: string, options: CallOptions = {}, fresh = false): Promise<Stored<Handle> | undefined> {
    const cached = fresh ? undefined : this.#handles.get(id);
    if (cached) return cached;
    return this.noteHandle(id, await this.datastore.get({ type: 'handle', id }, options));
  }

  /** A handle as known already, without a read. */
  knownHandle(id: string): Stored<Handle> | undefined {
    return this.#handles.get(id);
  }

  /** Affinities of a host in path order; from the cache unless `fresh` (another process may have added some). */
  async affinities(
    host: string,
    virtual: boolean,
    version: 4 | 6,
    options?: CallOptions,
    fresh = false,
  ): Promise<readonly Affinity[]> {
    const name = affinityListName(host, virtual, version);
    const cached = fresh ? undefined : this.#affinities.get(name);
    if (cached) return cached;
    const query = virtual
      ? ({ type: 'raw', prefix: `/calico/ipam/v2/virtual/${host}/ipv${version}/block/` } as const)
      : ({ type: 'affinity', host, version } as const);
    const { items } = await this.datastore.list(query, options);
    const list = items.map(parseAffinity).filter((affinity) => affinity !== undefined);
    this.#affinities.set(name, list);
    return list;
  }

  /** The affinities as known already, without a read. */
  knownAffinities(host: string, virtual: boolean, version: 4 | 6): readonly Affinity[] | undefined {
    return this.#affinities.get(affinityListName(host, virtual, version));
  }

  /** Keeps what a read or a failed transaction has shown. */
  note(text: string, kv: KeyValue | undefined): Stored<Block> | undefined {
    const stored = kv && tryParseBlock(kv);
    this.#blocks.delete(text);
    if (stored) this.#keep(text, stored);
    return stored;
  }

  noteHandle(id: string, kv: KeyValue | undefined): Stored<Handle> | undefined {
    const stored = kv && { value: parseHandle(kv.value as Json), revision: kv.revision };
    this.#handles.delete(id);
    if (stored) this.#handles.set(id, stored);
    if (this.#handles.size > 10 * cacheLimit) this.#handles.clear();
    return stored;
  }

  /** A sequence number for a new block: the time in nanoseconds, never the same twice. */
  newSequence(): bigint {
    const time = BigInt(this.now().getTime()) * 1_000_000n;
    this.#lastSequence = time > this.#lastSequence ? time : this.#lastSequence + 1n;
    return this.#lastSequence;
  }

  /**
   * One transaction. When its outcome is unknown (a lost reply), the keys are read again: if they show what was
   * written it counts as done, else as refused. What it shows goes into the cache.
   */
  async commit(
    steps: readonly TxnStep[],
    options: CallOptions = {},
  ): Promise<TxnResult & { unknown?: boolean }> {
    if (!this.datastore.txn) {
      throw new CalicoError(
        'UNSUPPORTED',
        `IPAM needs transactions, which a ${this.datastore.kind} datastore lacks`,
      );
    }
    let result: TxnResult & { unknown?: boolean };
    try {
      result = await this.datastore.txn(steps, options);
    } catch (error) {
      if (!(error instanceof CalicoError) || error.details['outcome'] !== 'unknown') throw error;
      result = await this.#settle(steps, options, error);
    }
    steps.forEach((step, i) => {
      const kv = result.ok ? (step.op === 'check' ? null : result.written[i]) : result.current[i];
      if (kv === null) return;
      if (step.key.type === 'block') this.note(step.key.cidr, kv);
      if (step.key.type === 'handle') this.noteHandle(step.key.id, kv);
      if (step.key.type === 'affinity') this.#noteAffinity(step.key, kv);
    });
    return result;
  }

  async #settle(
    steps: readonly TxnStep[],
    options: CallOptions,
    cause: CalicoError,
  ): Promise<TxnResult & { unknown?: boolean }> {
    const { timeout: _timeout, ...rest } = options;
    let current: (KeyValue | undefined)[];
    try {
      current = await Promise.all(steps.map((step) => this.datastore.get(step.key, rest)));
    } catch {
      throw cause;
    }
    const applied = steps.every((step, i) => {
      const kv = current[i];
      if (step.op === 'check') return true;
      if (step.op === 'delete') return kv === undefined;
      return kv !== undefined && sameValue(kv, step.value as Json);
    });
    if (!applied) return { ok: false, current, unknown: true };
    const written = steps.map((step, i) => (step.op === 'check' ? undefined : current[i]));
    return { ok: true, written, revision: current.find((kv) => kv !== undefined)?.revision ?? '0' };
  }

  #noteAffinity(key: Extract<Key, { type: 'affinity' }>, kv: KeyValue | undefined): void {
    const name = affinityListName(key.host, key.owner === 'virtual', key.cidr.includes(':') ? 6 : 4);
    const list = this.#affinities.get(name);
    if (!list) return;
    const others = list.filter((affinity) => affinity.block !== key.cidr);
    const affinity = kv && parseAffinity(kv);
    this.#affinities.set(name, affinity ? [...others, affinity].sort(byBlock) : others);
  }

  #keep(text: string, stored: Stored<Block>): void {
    this.#blocks.set(text, stored);
    if (this.#blocks.size <= cacheLimit) return;
    for (const oldest of this.#blocks.keys()) {
      this.#blocks.delete(oldest);
      break;
    }
  }
}

/** Key of a node's or virtual owner's affinity to a block. */
export function affinityKey(host: string, virtual: boolean, block: string): Key {
  return virtual
    ? { type: 'affinity', host, cidr: block, owner: 'virtual' }
    : { type: 'affinity', host, cidr: block };
}

/** The value of an affinity. */
export function affinityValue(state: AffinityState): Json {
  return { state, deleted: false };
}

/** The step that stores a block: a create when it is new. */
export function blockStep(block: Block, revision: string | undefined): TxnStep {
  const key = { type: 'block', cidr: block.text } as const;
  const value = formatBlock(block);
  return revision === undefined ? { op: 'create', key, value } : { op: 'update', key, value, revision };
}

/** The step that makes a handle hold these counts: create, update, or delete when none are left. */
export function handleStep(
  id: string,
  blocks: ReadonlyMap<string, number>,
  stored: Stored<Handle> | undefined,
): TxnStep | undefined {
  const key = { type: 'handle', id } as const;
  const counted = [...blocks].filter(([, count]) => count > 0).sort(([a], [b]) => (a < b ? -1 : 1));
  const value = { block: Object.fromEntries(counted), deleted: false };
  if (!stored) return counted.length === 0 ? undefined : { op: 'create', key, value };
  const { revision } = stored;
  return counted.length === 0 ? { op: 'delete', key, revision } : { op: 'update', key, value, revision };
}

/** Reads an affinity; `undefined` when the key is none. */
export function parseAffinity(kv: KeyValue): Affinity | undefined {
  const { key } = kv;
  if (key.type !== 'affinity') return undefined;
  const value = kv.value as { readonly state?: unknown } | null;
  const state = typeof value === 'object' ? value?.state : undefined;
  return {
    host: key.host,
    virtual: key.owner === 'virtual',
    block: key.cidr,
    state: state === 'pending' || state === 'pendingDeletion' ? state : 'confirmed',
    revision: kv.revision,
  };
}

/** Reads a handle. */
export function parseHandle(json: Json): Handle {
  const blocks = new Map<string, number>();
  const document = (typeof json === 'object' && json !== null ? json : {}) as { readonly block?: unknown };
  if (typeof document.block === 'object' && document.block !== null) {
    for (const [cidr, count] of Object.entries(document.block)) blocks.set(cidr, Number(count));
  }
  return { blocks };
}

function affinityListName(host: string, virtual: boolean, version: 4 | 6): string {
  return `${virtual ? 'virtual' : 'host'} ${version} ${host}`;
}

/** The order of the keys in etcd. */
function byBlock(a: Affinity, b: Affinity): number {
  return a.block < b.block ? -1 : 1;
}

/** The error of a call that met a conflict too often. */
export function tooManyConflicts(): CalicoError {
  return new CalicoError('CONFLICT', 'Max retries hit - excessive concurrent IPAM requests');
}

function tryParseBlock(kv: KeyValue): Stored<Block> | undefined {
  try {
    return { value: parseBlock(kv.value as Json), revision: kv.revision };
  } catch {
    return undefined;
  }
}

/** Compares stored with written, a resource's revision left aside. */
function sameValue(kv: KeyValue, wanted: Json): boolean {
  if (kv.key.type !== 'resource') return formatJson(kv.value) === formatJson(wanted);
  const uid = (resource: unknown) => {
    const { spec, metadata } = resource as { spec?: unknown; metadata?: { uid?: unknown } };
    return formatJson([metadata?.uid ?? null, spec ?? null]);
  };
  return uid(kv.value) === uid(wanted);
}
