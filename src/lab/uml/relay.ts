/**
 * What stands for the holder of a lab under user-mode-linux: boots that kernel and passes what the front says on the
 * control socket over the kernel's serial line. It is process 1 of a process namespace where the machine allows one.
 */
import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import type { LabReply, LabRequest, StageEvent } from '../protocol.ts';
import { LabState } from '../state.ts';
import { encodeFrame, FrameReader, greeting } from './frames.ts';
import { umlArguments, umlKernel, umlMemory, umlMemoryFolder } from './kernel.ts';
import type { RunRequest } from './run-protocol.ts';

/** Runs until the kernel ends. */
export async function relay(argv: readonly string[]): Promise<number> {
  const state = new LabState(argv[0] ?? '');
  const kernel = new Kernel(state);
  await listen(state, kernel);
  return await kernel.ended;
}

/** The kernel and the line to it. */
class Kernel {
  readonly ended: Promise<number>;
  /** Resolves when the guest listens. */
  readonly ready: Promise<void>;
  readonly #line: Duplex;
  readonly #sockets = new Map<number, Socket>();
  #last = greeting;
  booted: number | undefined;

  constructor(state: LabState) {
    const { plan } = state.spec();
    const mebibytes = umlMemory(plan.hosts.length);
    const folder = join(state.directory, 'uml');
    mkdirSync(folder, { recursive: true });
    const log = openSync(join(state.directory, 'kernel.log'), 'a', 0o600);
    const began = performance.now();
    const child = spawn(
      umlKernel,
      umlArguments({
        executable: join(state.directory, 'bin', 'calico'),
        name: state.name,
        labs: join(state.directory, '..'),
        folder,
        mebibytes,
      }),
      {
        stdio: ['ignore', log, log, 'pipe'],
        env: { PATH: '/usr/bin:/bin', TMPDIR: umlMemoryFolder(mebibytes, folder) },
      },
    );
    this.#line = child.stdio[3] as Duplex;
    this.#line.setEncoding('latin1');
    this.ended = new Promise((resolve) => {
      child.once('error', () => resolve(1));
      child.once('exit', (code) => resolve(code ?? 1));
    });
    this.ready = new Promise((resolve) => {
      const reader = new FrameReader();
      this.#line.on('data', (chunk) => {
        for (const { id, text } of reader.read(String(chunk))) {
          if (id === greeting) {
            this.booted = Math.round(performance.now() - began);
            resolve();
          } else if (text === undefined) {
            this.#sockets.get(id)?.end();
            this.#sockets.delete(id);
          } else this.#sockets.get(id)?.write(text);
        }
      });
    });
    this.#line.on('error', () => {});
  }

  /** A conversation for a connection of the front; `begin` was read from it already. */
  open(socket: Socket, begin: string): void {
    const id = ++this.#last;
    this.#sockets.set(id, socket);
    const send = (text: string | undefined) => this.#line.write(encodeFrame({ id, text }));
    send(begin);
    socket.on('data', (chunk) => send(String(chunk)));
    socket.on('close', () => {
      if (this.#sockets.delete(id)) send(undefined);
    });
  }
}

function listen(state: LabState, kernel: Kernel): Promise<void> {
  rmSync(state.socket, { force: true });
  const server = createServer((socket) => {
    socket.setEncoding('utf8');
    socket.on('error', () => {});
    let text = '';
    const first = (chunk: Buffer | string) => {
      text += String(chunk);
      if (!text.includes('\n')) return;
      socket.off('data', first);
      socket.pause();
      void begin(socket, text, state, kernel);
    };
    socket.on('data', first);
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(state.socket, () => {
      chmodSync(state.socket, 0o600);
      resolve();
    });
  });
}

/** Waits for the kernel, telling whoever follows, and passes the request on. */
async function begin(socket: Socket, text: string, state: LabState, kernel: Kernel): Promise<void> {
  const send = (reply: LabReply) => void socket.write(`${JSON.stringify(reply)}\n`);
  const { op } = JSON.parse(text.slice(0, text.indexOf('\n'))) as LabRequest | RunRequest;
  const stage = (how: StageEvent['state'], milliseconds: number) => {
    const event: StageEvent = {
      ...{ kind: 'stage', stage: 'kernel', state: how, done: how === 'done' ? 1 : 0, total: 1 },
      ...{ detail: how === 'running' ? 'user-mode-linux boots' : '', milliseconds },
    };
    if (op === 'follow') send(event);
  };
  if (kernel.booted === undefined) stage('running', 0);
  const how = await Promise.race([kernel.ready, kernel.ended]);
  if (typeof how === 'number') {
    send({ kind: 'error', message: `user-mode-linux ended: ${lastLine(state)}` });
    socket.end();
    return;
  }
  stage('done', kernel.booted ?? 0);
  kernel.open(socket, text);
  socket.resume();
}

function lastLine(state: LabState): string {
  const read = (file: string) => readFileSync(file, 'utf8').trimEnd().split('\n').at(-1) ?? '';
  return read(state.log) || read(join(state.directory, 'kernel.log'));
}
