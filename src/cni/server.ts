/** calico-node's side of the socket: one request per connection, one at a time per container. */
import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { CalicoError } from '../errors.ts';
import { asDel, CallGuard, guardFolders } from './guard.ts';
import type { CniReply, CniRequest } from './types.ts';
import { encodeFrame, FrameReader } from './wire.ts';

/** A listening server. */
export interface CniServer {
  /** Stops listening, waits for requests that are being served, and removes the socket. */
  close(): Promise<void>;
}

/** Serves one request. `cancelled`: a DEL for the same interface has come since. */
export type CniHandler = (request: CniRequest, cancelled: () => boolean) => Promise<CniReply>;

/**
 * Listens on the path, which only root may use. A socket that a dead process left is replaced; what a dead process had
 * begun is taken back.
 */
export async function serveCni(
  socketPath: string,
  handler: CniHandler,
  guard: CallGuard = new CallGuard(guardFolders(socketPath, {})),
): Promise<CniServer> {
  const queue = new KeyedQueue();
  const running = new Set<Promise<void>>();
  const recovered = takeBackUnfinished(guard, handler);
  running.add(recovered);
  void recovered.finally(() => running.delete(recovered));
  const serve = (request: CniRequest) => {
    const call = guard.arrive(request);
    return queue.run(keyOf(request), () => call.run((cancelled) => handler(request, cancelled)));
  };
  const server = createServer((socket) => {
    const work = serveOne(socket, serve);
    running.add(work);
    void work.finally(() => running.delete(work));
  });
  mkdirSync(dirname(socketPath), { recursive: true, mode: 0o755 });
  rmSync(socketPath, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(socketPath, resolve);
  });
  chmodSync(socketPath, 0o600);
  return {
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await Promise.all(running);
      await closed;
      rmSync(socketPath, { force: true });
    },
  };
}

/** What cannot be taken back now stays in the journal, and with the collector. */
async function takeBackUnfinished(guard: CallGuard, handler: CniHandler): Promise<void> {
  try {
    await guard.recover((request) => handler(request, () => false));
  } catch {
    // The journal cannot be read: calls are served all the same.
  }
}

/** Calls for one container wait for each other. */
function keyOf(request: CniRequest): string {
  return request.env['CNI_CONTAINERID'] ?? '';
}

async function serveOne(socket: Socket, serve: (request: CniRequest) => Promise<CniReply>): Promise<void> {
  try {
    const request = await readRequest(socket);
    let gone = false;
    socket.on('close', () => {
      gone = true;
    });
    const reply = await serve(request);
    if (gone) {
      // Nobody will learn of these addresses: an ADD whose plugin was killed is taken back.
      if (request.env['CNI_COMMAND'] === 'ADD' && reply.exit === 0) await serve(asDel(request));
      return;
    }
    await new Promise<void>((resolve) => socket.end(encodeFrame(reply), () => resolve()));
  } catch {
    // The plugin is gone or talks nonsense: there is nobody to tell.
    socket.destroy();
  }
}

function readRequest(socket: Socket): Promise<CniRequest> {
  const reader = new FrameReader();
  return new Promise((resolve, reject) => {
    socket.on('data', (chunk) => {
      try {
        const frame = reader.push(Buffer.from(chunk));
        if (frame !== undefined) resolve(requestOf(frame));
      } catch (error) {
        reject(error);
      }
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new CalicoError('INPUT', 'the plugin hung up')));
  });
}

function requestOf(frame: unknown): CniRequest {
  const { program, env, stdin } = frame as Partial<Record<'program' | 'env' | 'stdin', unknown>>;
  if ((program !== 'calico' && program !== 'calico-ipam') || typeof env !== 'object' || env === null) {
    throw new CalicoError('INPUT', 'this is no request of a CNI plugin');
  }
  const texts = Object.entries(env).filter((pair): pair is [string, string] => typeof pair[1] === 'string');
  return { program, env: Object.fromEntries(texts), stdin: typeof stdin === 'string' ? stdin : '' };
}

/** Runs tasks of one key one after another. */
class KeyedQueue {
  readonly #tails = new Map<string, Promise<unknown>>();

  async run<T>(key: string, task: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key) ?? Promise.resolve();
    const now = before.then(task, task);
    this.#tails.set(key, now);
    try {
      return await now;
    } finally {
      if (this.#tails.get(key) === now) this.#tails.delete(key);
    }
  }
}
