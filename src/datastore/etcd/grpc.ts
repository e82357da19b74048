/**
 * gRPC on `node:http2`: one connection to one server, unary calls and streams. No more of gRPC than etcd's API needs;
 * the client above chooses the server and decides about retries.
 */
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import { CalicoError, messageOf } from '../../errors.ts';

/** TLS material of a connection, PEM. */
export interface TlsOptions {
  readonly ca?: string | Uint8Array;
  readonly cert?: string | Uint8Array;
  readonly key?: string | Uint8Array;
}

/** How a call ended when it did not succeed: gRPC's status code, or -1 when the transport failed. */
export class GrpcFailure extends Error {
  override readonly name = 'GrpcFailure';
  readonly status: number;
  /** Whether the request can have reached the server. */
  readonly sent: boolean;

  constructor(status: number, message: string, sent: boolean) {
    super(message);
    this.status = status;
    this.sent = sent;
  }
}

/** What a call may carry. */
export interface GrpcCall {
  readonly path: string;
  readonly token?: string;
  readonly signal?: AbortSignal;
}

/** A running stream of messages. */
export interface GrpcStream {
  send(message: Uint8Array): void;
  /** Ends our half. */
  end(): void;
  cancel(): void;
}

const transportFailed = -1;

/** A connection. It is of no more use once `closed` has resolved. */
export class GrpcConnection {
  readonly address: string;
  /** Resolves, with the reason, when the connection is gone. */
  readonly closed: Promise<string>;
  readonly #session: ClientHttp2Session;
  readonly #keepAlive: NodeJS.Timeout;
  #usable = true;
  /** When the server was last heard, in milliseconds of `performance.now()`. */
  lastHeard = performance.now();

  private constructor(address: string, session: ClientHttp2Session, keepAliveMs: number) {
    this.address = address;
    this.#session = session;
    let resolveClosed: (reason: string) => void = () => {};
    this.closed = new Promise((resolve) => {
      resolveClosed = resolve;
    });
    const lost = (reason: string) => {
      this.#usable = false;
      clearInterval(this.#keepAlive);
      resolveClosed(reason);
    };
    session.on('error', (error) => lost(messageOf(error)));
    session.on('goaway', () => lost('the server said goodbye'));
    session.on('close', () => lost('the connection was closed'));
    this.#keepAlive = setInterval(() => this.#ping(), keepAliveMs);
    this.#keepAlive.unref();
  }

  /** Connects within `timeoutMs`. @throws GrpcFailure */
  static open(
    url: URL,
    tls: TlsOptions | undefined,
    timeoutMs: number,
    keepAliveMs = 30_000,
  ): Promise<GrpcConnection> {
    return new Promise((resolve, reject) => {
      const session = connect(url.origin, {
        // A page of a list comes in one go; the default of 64 KiB has it wait for our word again and again.
        settings: { initialWindowSize: 4 << 20 },
        ...(tls?.ca === undefined ? {} : { ca: asPem(tls.ca) }),
        ...(tls?.cert === undefined ? {} : { cert: asPem(tls.cert) }),
        ...(tls?.key === undefined ? {} : { key: asPem(tls.key) }),
      });
      const fail = (reason: string) => {
        clearTimeout(timer);
        session.destroy();
        reject(new GrpcFailure(transportFailed, `${url.host}: ${reason}`, false));
      };
      const timer = setTimeout(() => fail('no connection in time'), timeoutMs);
      session.once('error', (error) => fail(messageOf(error)));
      session.once('close', () => fail('connection refused'));
      session.once('connect', () => {
        clearTimeout(timer);
        session.removeAllListeners('error');
        session.removeAllListeners('close');
        resolve(new GrpcConnection(url.host, session, keepAliveMs));
      });
    });
  }

  /** Whether calls may still be made. */
  get usable(): boolean {
    return this.#usable && !this.#session.closed && !this.#session.destroyed;
  }

  close(): void {
    this.#usable = false;
    clearInterval(this.#keepAlive);
    this.#session.destroy();
  }

  /** One request, one response. @throws GrpcFailure, or CalicoError when the signal ends it */
  unary(call: GrpcCall, request: Uint8Array): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      let response: Uint8Array | undefined;
      const stream = this.#start(
        call,
        (message) => {
          response = message;
        },
        (failure) => {
          if (failure) reject(failure);
          else if (response) resolve(response);
          else reject(new GrpcFailure(13, 'the response was empty', true));
        },
      );
      stream?.end(frame(request));
    });
  }

  /** Opens a stream; `onEnd` is called once, without an argument when the server ended it well. */
  stream(
    call: GrpcCall,
    onMessage: (message: Uint8Array) => void,
    onEnd: (failure?: Error) => void,
  ): GrpcStream | undefined {
    const stream = this.#start(call, onMessage, onEnd);
    return (
      stream && {
        send: (message) => void stream.write(frame(message)),
        end: () => void stream.end(),
        cancel: () => stream.close(constants.NGHTTP2_CANCEL),
      }
    );
  }

  #start(
    call: GrpcCall,
    onMessage: (message: Uint8Array) => void,
    onEnd: (failure?: Error) => void,
  ): ClientHttp2Stream | undefined {
    const { signal } = call;
    if (signal?.aborted) {
      onEnd(cancelled(signal));
      return undefined;
    }
    let stream: ClientHttp2Stream;
    try {
      stream = this.#session.request({
        ':method': 'POST',
        ':path': call.path,
        te: 'trailers',
        'content-type': 'application/grpc',
        // A member cut off from its leader says so instead of keeping silent.
        hasleader: 'true',
        ...(call.token === undefined ? {} : { token: call.token }),
      });
    } catch (error) {
      onEnd(new GrpcFailure(transportFailed, messageOf(error), false));
      return undefined;
    }
    let ended = false;
    let status: { code: number; message: string } | undefined;
    const finish = (failure?: Error) => {
      if (ended) return;
      ended = true;
      signal?.removeEventListener('abort', abort);
      onEnd(failure);
    };
    const abort = () => {
      finish(cancelled(signal!));
      stream.close(constants.NGHTTP2_CANCEL);
    };
    signal?.addEventListener('abort', abort);
    const noteStatus = (headers: Readonly<Record<string, unknown>>) => {
      const code = headers['grpc-status'];
      if (code === undefined) return;
      status = { code: Number(code), message: decodeMessage(String(headers['grpc-message'] ?? '')) };
    };
    stream.on('response', (headers) => {
      this.lastHeard = performance.now();
      noteStatus(headers);
      const http = Number(headers[':status']);
      if (http !== 200) finish(new GrpcFailure(14, `the server answered with HTTP status ${http}`, true));
    });
    stream.on('trailers', noteStatus);
    const split = frameSplitter(onMessage);
    stream.on('data', (chunk: Uint8Array) => {
      this.lastHeard = performance.now();
      if (!ended) split(chunk);
    });
    stream.on('error', (error) => finish(new GrpcFailure(transportFailed, messageOf(error), true)));
    stream.on('close', () => {
      if (status?.code === 0) finish();
      else if (status) finish(new GrpcFailure(status.code, status.message, true));
      else finish(new GrpcFailure(transportFailed, 'the connection was lost', true));
    });
    return stream;
  }

  /** A dead peer that sends no reset is found by an unanswered ping. */
  #ping(): void {
    const timer = setTimeout(() => this.#session.destroy(new Error('the server does not answer')), 10_000);
    timer.unref();
    try {
      this.#session.ping((error) => {
        if (!error) clearTimeout(timer);
      });
    } catch {
      clearTimeout(timer);
    }
  }
}

/** The error of a call that its caller's signal ended. */
export function cancelled(signal: AbortSignal): CalicoError {
  const reason: unknown = signal.reason;
  return reason instanceof CalicoError
    ? reason
    : new CalicoError('TIMEOUT', 'the request to the datastore was cancelled', { cause: reason });
}

function frame(message: Uint8Array): Uint8Array {
  const framed = new Uint8Array(5 + message.length);
  new DataView(framed.buffer).setUint32(1, message.length);
  framed.set(message, 5);
  return framed;
}

/** Cuts a byte stream into the messages of its length-prefixed frames. */
function frameSplitter(onMessage: (message: Uint8Array) => void): (chunk: Uint8Array) => void {
  let chunks: Uint8Array[] = [];
  let buffered = 0;
  let wanted = 5;
  return (chunk) => {
    chunks.push(chunk);
    buffered += chunk.length;
    if (buffered < wanted) return;
    let bytes = chunks.length === 1 ? chunk : Buffer.concat(chunks, buffered);
    for (;;) {
      if (bytes.length < 5) {
        wanted = 5;
        break;
      }
      const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(1);
      wanted = 5 + length;
      if (bytes.length < wanted) break;
      onMessage(bytes.subarray(5, wanted));
      bytes = bytes.subarray(wanted);
      wanted = 5;
    }
    chunks = bytes.length === 0 ? [] : [bytes];
    buffered = bytes.length;
  };
}

function decodeMessage(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function asPem(material: string | Uint8Array): string | Buffer {
  return typeof material === 'string' ? material : Buffer.from(material);
}
