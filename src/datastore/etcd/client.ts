/**
 * The etcd v3 client: several endpoints with fail-over, user and password, deadlines, watches. Its retries never
 * repeat a write that can have reached a server.
 */
import { CalicoError, messageOf } from '../../errors.ts';
import type { KvRange, KvRangeResult, KvStore, KvTxn, KvTxnResult, KvWatchEvent } from '../kv.ts';
import type { CallOptions } from '../port.ts';
import { cancelled, GrpcConnection, GrpcFailure, type TlsOptions } from './grpc.ts';
import { watchRange } from './watch.ts';
import * as adminWire from './wire-admin.ts';
import * as kvWire from './wire-kv.ts';

/** How to reach a cluster. */
export interface EtcdOptions {
  /** `http://` or `https://` URLs; tried in this order, beginning at a random one unless `inOrder`. */
  readonly endpoints: readonly string[];
  readonly inOrder?: boolean;
  readonly tls?: TlsOptions;
  readonly username?: string;
  readonly password?: string;
  /** Milliseconds a call may take when it does not say; 10 s. */
  readonly timeout?: number;
  /** Milliseconds for one attempt to connect; 5 s. */
  readonly connectTimeout?: number;
}

/** gRPC codes after which another endpoint may do better. */
const elsewhere = new Set([-1, 14]);
const unauthenticated = 16;

/** A client of an etcd cluster. It connects when first used and holds one connection. */
export class EtcdClient implements KvStore {
  readonly #endpoints: readonly URL[];
  readonly #options: EtcdOptions;
  #next: number;
  #connection: GrpcConnection | undefined;
  #connecting: Promise<GrpcConnection> | undefined;
  #token: string | undefined;
  #closed = false;
  /** Requests sent since the start, watches not counted: what benchmarks print. */
  requests = 0;

  constructor(options: EtcdOptions) {
    this.#options = options;
    this.#endpoints = options.endpoints.map(parseEndpoint);
    if (this.#endpoints.length === 0) throw new CalicoError('INPUT', 'no etcd endpoints specified');
    this.#next = options.inOrder ? 0 : Math.floor(Math.random() * this.#endpoints.length);
  }

  async range(range: KvRange, options?: CallOptions): Promise<KvRangeResult> {
    return kvWire.decodeRange(await this.#call('KV/Range', kvWire.encodeRange(range), 'read', options));
  }

  async put(
    key: string,
    value: Uint8Array,
    options: CallOptions & { readonly lease?: string } = {},
  ): Promise<string> {
    const request = kvWire.encodePut(key, value, options.lease);
    return kvWire.decodeRevision(await this.#call('KV/Put', request, 'write', options));
  }

  async deleteRange(key: string, end: string | undefined, options?: CallOptions) {
    const request = kvWire.encodeDeleteRange(key, end);
    return kvWire.decodeDeleteRange(await this.#call('KV/DeleteRange', request, 'write', options));
  }

  async txn(txn: KvTxn, options?: CallOptions): Promise<KvTxnResult> {
    return kvWire.decodeTxn(await this.#call('KV/Txn', kvWire.encodeTxn(txn), 'write', options));
  }

  async compact(revision: string, options?: CallOptions): Promise<void> {
    await this.#call('KV/Compact', kvWire.encodeCompact(revision), 'write', options);
  }

  async grantLease(ttlSeconds: number, options?: CallOptions): Promise<string> {
    // Granted twice, the first lease simply runs out.
    const request = adminWire.encodeLeaseGrant(ttlSeconds);
    return adminWire.decodeLeaseGrant(await this.#call('Lease/LeaseGrant', request, 'read', options));
  }

  async revokeLease(lease: string, options?: CallOptions): Promise<void> {
    await this.#call('Lease/LeaseRevoke', adminWire.encodeLeaseId(lease), 'write', options);
  }

  /** What the member that we are connected to says about itself. */
  async status(options?: CallOptions): Promise<adminWire.MemberStatus> {
    return adminWire.decodeStatus(await this.#call('Maintenance/Status', new Uint8Array(), 'read', options));
  }

  /** The members of the cluster. */
  async members(options?: CallOptions): Promise<adminWire.Member[]> {
    return adminWire.decodeMembers(await this.#call('Cluster/MemberList', new Uint8Array(), 'read', options));
  }

  /** The bytes of a snapshot of the connected member's whole database, with etcd's own checksum at the end. */
  async *snapshot(options: CallOptions = {}): AsyncGenerator<adminWire.SnapshotChunk> {
    const connection = await this.#connect(options.signal);
    const queue: adminWire.SnapshotChunk[] = [];
    let end: { readonly failure: Error | undefined } | undefined;
    let wake: () => void = () => {};
    const stream = connection.stream(
      this.#callTo('Maintenance/Snapshot', options.signal),
      (message) => {
        queue.push(adminWire.decodeSnapshot(message));
        wake();
      },
      (failure) => {
        end = { failure };
        wake();
      },
    );
    stream?.send(new Uint8Array());
    stream?.end();
    try {
      for (;;) {
        const chunk = queue.shift();
        if (chunk) yield chunk;
        else if (end) break;
        else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
      if (end.failure) throw this.#explain(end.failure, 'Maintenance/Snapshot', connection.address);
    } finally {
      stream?.cancel();
    }
  }

  watch(
    range: { readonly key: string; readonly end?: string },
    startRevision: string,
    options: { readonly signal?: AbortSignal } = {},
  ): AsyncIterable<readonly KvWatchEvent[]> {
    return watchRange({
      range,
      startRevision,
      signal: options.signal,
      onRefused: (reason) => {
        if (/auth token|auth store is old/.test(reason)) this.#forgetToken();
      },
      open: async (onMessage, onEnd) => {
        const connection = await this.#connect(options.signal);
        const ended = (failure?: Error) => {
          if (failure instanceof GrpcFailure && isTokenStale(failure)) this.#forgetToken();
          onEnd(failure && this.#explain(failure, 'Watch/Watch', connection.address));
        };
        return connection.stream(this.#callTo('Watch/Watch', undefined), onMessage, ended);
      },
    });
  }

  close(): void {
    this.#closed = true;
    this.#connection?.close();
  }

  #callTo(method: string, signal: AbortSignal | undefined) {
    return {
      path: `/etcdserverpb.${method}`,
      ...(this.#token === undefined ? {} : { token: this.#token }),
      ...(signal === undefined ? {} : { signal }),
    };
  }

  /** Sends a request, on another endpoint when that is safe, until the deadline. */
  async #call(
    method: string,
    request: Uint8Array,
    effect: 'read' | 'write',
    options: CallOptions = {},
  ): Promise<Uint8Array> {
    const timeout = options.timeout ?? this.#options.timeout ?? 10_000;
    const deadline = new AbortController();
    let last: unknown;
    const began = performance.now();
    const timer = setTimeout(() => {
      // A server that was not heard at all meanwhile is given up, and with it the watches that it would starve.
      if (this.#connection && this.#connection.lastHeard < began) this.#dropConnection();
      const detail = last === undefined ? '' : `: ${messageOf(last)}`;
      deadline.abort(
        new CalicoError('TIMEOUT', `the datastore did not answer within ${timeout} ms${detail}`, {
          cure: `Check that etcd answers at ${this.#options.endpoints.join(', ')}.`,
          details: { outcome: effect === 'write' ? 'unknown' : 'none' },
        }),
      );
    }, timeout);
    const signal = options.signal ? AbortSignal.any([options.signal, deadline.signal]) : deadline.signal;
    try {
      for (let attempt = 1; ; attempt++) {
        let address = '';
        try {
          const connection = await this.#connect(signal);
          address = connection.address;
          this.requests++;
          return await connection.unary(this.#callTo(method, signal), request);
        } catch (error) {
          if (!(error instanceof GrpcFailure)) throw error;
          last = error;
          if (isTokenStale(error) && this.#token !== undefined && attempt < 3) {
            this.#forgetToken();
            continue;
          }
          const mayRepeat = effect === 'read' || !error.sent || /no leader/.test(error.message);
          const enough = attempt >= 2 * this.#endpoints.length;
          if (!elsewhere.has(error.status) || !mayRepeat || enough) {
            throw this.#explain(error, method, address, effect);
          }
          this.#dropConnection();
          if (attempt % this.#endpoints.length === 0) await pause(100, signal);
        }
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** A new token is fetched with the next connection. */
  #forgetToken(): void {
    this.#token = undefined;
    this.#dropConnection();
  }

  #dropConnection(): void {
    this.#connection?.close();
    this.#connection = undefined;
  }

  /** The live connection, or a new one to the next endpoint that accepts. */
  async #connect(signal: AbortSignal | undefined): Promise<GrpcConnection> {
    if (this.#closed) throw new CalicoError('DATASTORE', 'the datastore client was closed');
    if (this.#connection?.usable) return this.#connection;
    this.#connecting ??= this.#open().finally(() => {
      this.#connecting = undefined;
    });
    if (!signal) return this.#connecting;
    return raceSignal(this.#connecting, signal);
  }

  async #open(): Promise<GrpcConnection> {
    let last: unknown;
    for (let i = 0; i < this.#endpoints.length; i++) {
      const url = this.#endpoints[this.#next]!;
      this.#next = (this.#next + 1) % this.#endpoints.length;
      try {
        const tls = url.protocol === 'https:' ? (this.#options.tls ?? {}) : undefined;
        const connection = await GrpcConnection.open(url, tls, this.#options.connectTimeout ?? 5_000);
        await this.#authenticate(connection);
        if (this.#closed) connection.close();
        this.#connection = connection;
        return connection;
      } catch (error) {
        last = error;
        if (error instanceof CalicoError) throw error;
      }
    }
    throw last;
  }

  async #authenticate(connection: GrpcConnection): Promise<void> {
    const { username, password } = this.#options;
    if (username === undefined || password === undefined || this.#token !== undefined) return;
    try {
      const request = adminWire.encodeAuthenticate(username, password);
      this.#token = adminWire.decodeAuthenticate(
        await connection.unary({ path: '/etcdserverpb.Auth/Authenticate' }, request),
      );
    } catch (error) {
      // A cluster without authentication refuses to issue tokens; it needs none either.
      if (error instanceof GrpcFailure && /authentication is not enabled/.test(error.message)) return;
      connection.close();
      if (error instanceof GrpcFailure && elsewhere.has(error.status)) throw error;
      throw this.#explain(error, 'Auth/Authenticate', connection.address);
    }
  }

  #explain(error: unknown, method: string, address: string, effect: 'read' | 'write' = 'read'): Error {
    if (!(error instanceof GrpcFailure)) return error instanceof Error ? error : new Error(String(error));
    const doubtful = error.sent && elsewhere.has(error.status) && !/no leader/.test(error.message);
    const outcome = effect === 'write' && doubtful ? 'unknown' : 'none';
    const details = { status: error.status, method, outcome };
    if (
      error.status === 7 ||
      error.status === unauthenticated ||
      /authentication failed|user name is empty|permission denied/.test(error.message)
    ) {
      return new CalicoError('PERMISSION', `connection is unauthorized: ${error.message}`, {
        cure: 'Check the user, the password and the client certificate for etcd.',
        details,
        cause: error,
      });
    }
    if (error.status === 4) {
      return new CalicoError('TIMEOUT', error.message, {
        details: { ...details, outcome: 'unknown' },
        cause: error,
      });
    }
    const where = address === '' || error.message.startsWith(address) ? '' : `${address}: `;
    return new CalicoError('DATASTORE', `${where}${error.message}`, {
      cure: `Check that etcd is healthy at ${this.#options.endpoints.join(', ')}.`,
      details,
      cause: error,
    });
  }
}

/** The server has forgotten the token, or users changed since it was issued. */
function isTokenStale(error: GrpcFailure): boolean {
  return error.status === unauthenticated || /auth store is old/.test(error.message);
}

function parseEndpoint(text: string): URL {
  try {
    const url = new URL(text.includes('://') ? text : `http://${text}`);
    if (url.protocol === 'http:' || url.protocol === 'https:') return url;
  } catch {
    // Reported below, in our words.
  }
  throw new CalicoError('INPUT', `${JSON.stringify(text)} is not an etcd endpoint`, {
    cure: 'Write http://ADDRESS:PORT or https://ADDRESS:PORT.',
  });
}

function raceSignal<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) return Promise.reject(cancelled(signal));
  return new Promise((resolve, reject) => {
    const abort = () => reject(cancelled(signal));
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return raceSignal(new Promise((resolve) => setTimeout(resolve, ms)), signal);
}
