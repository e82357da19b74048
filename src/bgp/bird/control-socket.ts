/** BIRD's control socket: one command, one reply. */
import { createConnection } from 'node:net';
import { CalicoError } from '../../errors.ts';

/** A complete reply. */
export interface BirdReply {
  /** Code of the last line. */
  readonly code: string;
  /** Text of the last line. */
  readonly text: string;
  /** Every line with its code, as received. */
  readonly lines: readonly string[];
}

/** How to reach a daemon. */
export interface BirdSocketOptions {
  readonly path: string;
  /** Milliseconds without progress after which the daemon counts as hung; 2,000 by default. */
  readonly timeout?: number;
  /** Longest reply in characters; 64 Mi by default. */
  readonly limit?: number;
}

/**
 * Sends one command on a connection of its own, read-only commands with `restrict` first.
 * @throws CalicoError PROGRAM when nobody listens or the reply is garbled, TIMEOUT when the daemon hangs.
 */
export function birdCommand(
  command: string,
  options: BirdSocketOptions & { readonly restrict?: boolean },
): Promise<BirdReply> {
  const { path, timeout = 2000, limit = 64 * 2 ** 20 } = options;
  const queue = [...(options.restrict ? ['restrict'] : []), command];
  return new Promise((resolve, reject) => {
    let pending = '';
    let size = 0;
    let lines: string[] = [];
    let greeted = false;
    const socket = createConnection(path);
    const timer = setTimeout(() => fail('TIMEOUT', `BIRD does not answer on ${path}`), timeout);
    const finish = () => {
      clearTimeout(timer);
      socket.destroy();
    };
    const fail = (code: 'PROGRAM' | 'TIMEOUT', message: string, cause?: unknown) => {
      finish();
      reject(new CalicoError(code, message, { ...(cause === undefined ? {} : { cause }) }));
    };
    const next = () => {
      lines = [];
      const one = queue.shift();
      if (one !== undefined) socket.write(`${one}\n`);
    };
    const onLine = (line: string): void => {
      if (!/^(\d{4}[- ]| |\+)/.test(line)) {
        fail('PROGRAM', `BIRD's reply on ${path} is garbled: ${JSON.stringify(line.slice(0, 80))}`);
        return;
      }
      lines.push(line);
      if (!/^\d{4} /.test(line)) return;
      if (!greeted && !line.startsWith('0001 ')) fail('PROGRAM', `what listens on ${path} is not BIRD`);
      else if (!greeted || queue.length > 0) next();
      else {
        finish();
        resolve({ code: line.slice(0, 4), text: line.slice(5), lines });
      }
      greeted = true;
    };
    socket.setEncoding('utf8');
    socket.on('error', (error: NodeJS.ErrnoException) =>
      fail('PROGRAM', `cannot reach BIRD on ${path}: ${error.code ?? error.message}`, error),
    );
    socket.on('close', () => fail('PROGRAM', `BIRD closed the connection on ${path} before its reply ended`));
    socket.on('data', (chunk: string) => {
      timer.refresh();
      size += chunk.length;
      if (size > limit) return fail('PROGRAM', `BIRD's reply on ${path} does not end`);
      const parts = (pending + chunk).split('\n');
      pending = parts.pop()!;
      for (const line of parts) {
        if (socket.destroyed) return;
        onLine(line);
      }
    });
  });
}

/** The outcome of `configure` and `configure check`. */
export type ConfigureOutcome =
  | { readonly ok: true }
  /** `message` is BIRD's own line, `<file>:<line>:<column> <what>`. */
  | { readonly ok: false; readonly message: string };

/** Checks a file without using it. */
export async function checkConfiguration(
  file: string,
  options: BirdSocketOptions,
): Promise<ConfigureOutcome> {
  return outcome(await birdCommand(`configure check "${file}"`, options), ['0020']);
}

/** Uses the file that the daemon was started with. A protocol that must go down first counts as success. */
export async function reconfigure(options: BirdSocketOptions): Promise<ConfigureOutcome> {
  return outcome(await birdCommand('configure', { timeout: 10_000, ...options }), ['0003', '0004', '0005']);
}

function outcome(reply: BirdReply, good: readonly string[]): ConfigureOutcome {
  return good.includes(reply.code) ? { ok: true } : { ok: false, message: reply.text };
}

/** `show status`, as far as it is of use. */
export interface DaemonStatus {
  readonly version: string;
  readonly routerId: string;
  readonly lastReconfiguration: string;
  readonly recovering: boolean;
}

/** Reads `show status`. */
export async function daemonStatus(options: BirdSocketOptions): Promise<DaemonStatus> {
  const { lines } = await birdCommand('show status', { ...options, restrict: true });
  const find = (pattern: RegExp) => lines.map((line) => pattern.exec(line)?.[1]).find(Boolean) ?? '';
  return {
    version: find(/BIRD (\S+)$/),
    routerId: find(/Router ID is (\S+)/),
    lastReconfiguration: find(/Last reconfiguration on (.+)/),
    recovering: lines.some((line) => line.startsWith('0024')),
  };
}
