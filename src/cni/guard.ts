/**
 * What keeps calls for one interface of one container apart, in calico-node and in plugins that work alone:
 *
 * - a lock file per (network, container, interface), flock(2): the kernel gives it back when its holder dies;
 * - the time of the last DEL in that file: an ADD that came before stops at its next step, for the DEL wins;
 * - a journal of the ADDs under way: the record is the request itself, written before anything is taken and removed
 *   before the reply is sent. A record that is found at a start therefore belongs to an ADD that no runtime counts as
 *   done, and is taken back by a DEL. It is not synced to the disk: what was written outlives the process, and a host
 *   that crashed has lost its pods too.
 */
import { createHash } from 'node:crypto';
import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { lockFile } from '../linux/index.ts';
import { CniError, cniCode, cniErrorJson } from './protocol/cni-error.ts';
import type { CniReply, CniRequest } from './types.ts';

/** Where the guard keeps its files. */
export interface GuardFolders {
  /** Shared by calico-node and plugins; gone with a reboot. */
  readonly locks: string;
  /** Outlives a reboot. */
  readonly journal: string;
}

/** A call that has come: it may have to wait before it runs. */
export interface GuardedCall {
  /** Runs the work with the lock held. `cancelled`: a DEL for the same interface has come since. */
  run(work: (cancelled: () => boolean) => Promise<CniReply>): Promise<CniReply>;
}

/** The folders that belong to a socket, so that calico-node and the plugins that call it have the same. */
export function guardFolders(
  socketPath: string,
  env: Readonly<Record<string, string | undefined>>,
): GuardFolders {
  const locks = join(dirname(socketPath), 'cni');
  const isUsual = dirname(socketPath) === '/var/run/calico';
  const state = env['CALICO_LIB_DIR'] || (isUsual ? '/var/lib/calico' : dirname(socketPath));
  return { locks, journal: join(state, 'cni-journal') };
}

const pauseMs = 5;
/** Longest wait for another process's call; a runtime gives up about then. */
const patienceMs = 60_000;
/** How long the mark of a DEL counts. */
const markLifeMs = 600_000;
const sweepEveryMs = 60_000;

const unguarded: GuardedCall = { run: (work) => work(() => false) };

/** See the file's comment. */
export class CallGuard {
  readonly #folders: GuardFolders;
  #swept = Date.now();

  constructor(folders: GuardFolders) {
    this.#folders = folders;
  }

  /** Notes that a call has come. A DEL leaves its mark at once, so that an ADD under way stops. */
  arrive(request: CniRequest): GuardedCall {
    const command = request.env['CNI_COMMAND'];
    if (command !== 'ADD' && command !== 'DEL') return unguarded;
    const came = Date.now();
    const id = idOf(request);
    const path = join(this.#folders.locks, `${id}.lock`);
    const record = join(this.#folders.journal, `${id}.json`);
    try {
      for (const folder of [this.#folders.locks, this.#folders.journal]) {
        mkdirSync(folder, { recursive: true, mode: 0o700 });
      }
      if (command === 'DEL') writeFileSync(path, String(came), { mode: 0o600 });
    } catch (error) {
      return { run: async () => failed(`cannot write to ${this.#folders.locks}`, error) };
    }
    const cancelled = () => command === 'ADD' && markOf(path) > came;
    return {
      run: async (work) => {
        const lock = await acquire(path);
        if (lock === undefined) return failed('another call for this container does not end', undefined);
        try {
          if (command === 'ADD') writeRecord(record, request);
          const reply = await work(cancelled);
          if (command === 'ADD' || reply.exit === 0) rmSync(record, { force: true });
          return reply;
        } finally {
          closeSync(lock);
          this.#sweep();
        }
      },
    };
  }

  /** Takes back the ADDs that a dead process left; those that cannot be now stay recorded. Returns how many there were. */
  async recover(takeBack: (request: CniRequest) => Promise<CniReply>): Promise<number> {
    const records = filesOf(this.#folders.journal).filter((name) => name.endsWith('.json'));
    if (records.length > 0) mkdirSync(this.#folders.locks, { recursive: true, mode: 0o700 });
    for (const name of records) {
      const path = join(this.#folders.journal, name);
      const lock = await acquire(join(this.#folders.locks, name.replace(/json$/, 'lock')));
      if (lock === undefined) continue;
      try {
        // Another process may have finished with it meanwhile.
        const request = readRecord(path);
        if (request && (await takeBack(asDel(request))).exit === 0) rmSync(path, { force: true });
      } finally {
        closeSync(lock);
      }
    }
    return records.length;
  }

  /** Removes lock files whose mark counts no more and which nobody holds. */
  #sweep(): void {
    const now = Date.now();
    if (now - this.#swept < sweepEveryMs) return;
    this.#swept = now;
    for (const name of filesOf(this.#folders.locks)) {
      const path = join(this.#folders.locks, name);
      try {
        if (now - statSync(path).mtimeMs < markLifeMs) continue;
        const fd = openSync(path, 'r');
        if (lockFile(fd)) unlinkSync(path);
        closeSync(fd);
      } catch {
        // Another process was faster.
      }
    }
  }
}

/** The same call as a DEL. */
export function asDel(request: CniRequest): CniRequest {
  return { ...request, env: { ...request.env, CNI_COMMAND: 'DEL' } };
}

function idOf({ env, stdin }: CniRequest): string {
  const network = /"name"\s*:\s*"([^"]*)"/.exec(stdin)?.[1] ?? '';
  const parts = [network, env['CNI_CONTAINERID'] ?? '', env['CNI_IFNAME'] ?? ''];
  return createHash('sha1').update(JSON.stringify(parts)).digest('hex');
}

/** The open file whose lock this process now has; `undefined` when another call holds it for too long. */
async function acquire(path: string): Promise<number | undefined> {
  for (let waited = 0; waited < patienceMs; waited += pauseMs) {
    const fd = openSync(path, 'a', 0o600);
    // A file that was swept away between opening and locking guards nothing.
    if (lockFile(fd) && isStill(path, fd)) return fd;
    closeSync(fd);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  return undefined;
}

function isStill(path: string, fd: number): boolean {
  try {
    return statSync(path).ino === fstatSync(fd).ino;
  } catch {
    return false;
  }
}

function markOf(path: string): number {
  try {
    return Number(readFileSync(path, 'utf8'));
  } catch {
    return 0;
  }
}

function writeRecord(path: string, request: CniRequest): void {
  const env = Object.fromEntries(
    Object.entries(request.env).filter(([name]) => /^(CNI_|FELIX_|PATH$)/.test(name)),
  );
  const fresh = `${path}.new`;
  writeFileSync(fresh, JSON.stringify({ program: request.program, env, stdin: request.stdin }), {
    mode: 0o600,
  });
  renameSync(fresh, path);
}

function readRecord(path: string): CniRequest | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as CniRequest;
  } catch {
    return undefined;
  }
}

function filesOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function failed(message: string, cause: unknown): CniReply {
  const error = new CniError(cniCode.tryAgain, message, cause instanceof Error ? cause.message : '');
  return { exit: 1, stdout: cniErrorJson(error), stderr: '' };
}
