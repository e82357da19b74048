/** A program that must run: started, logged, and started again when it ends. */
import type { ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { ProcessStatus } from '../protocol.ts';
import type { Machine } from './machine.ts';

/** What is supervised. */
export interface SupervisedOptions {
  readonly machine: Machine;
  readonly program: ProcessStatus['program'];
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly logFile: string;
}

/** First and longest wait before a restart, milliseconds; a run of this length resets it. */
const restartWait = { first: 100, longest: 5000, steady: 10_000 } as const;

/** See the file's comment. */
export class Supervised {
  readonly #options: SupervisedOptions;
  readonly #log: number;
  #child: ChildProcess | undefined;
  #wait: number = restartWait.first;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;
  #paused = false;
  restarts = 0;

  constructor(options: SupervisedOptions) {
    this.#options = options;
    mkdirSync(dirname(options.logFile), { recursive: true });
    this.#log = openSync(options.logFile, 'a', 0o640);
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get status(): ProcessStatus {
    const { machine, program } = this.#options;
    return {
      host: machine.name,
      program,
      pid: this.pid ?? null,
      restarts: this.restarts,
      memoryMiB: this.pid === undefined ? 0 : memoryMiB(this.pid),
    };
  }

  /** The log's end, for a message. */
  get lastLines(): string {
    return readFileSync(this.#options.logFile, 'utf8')
      .split('\n')
      .filter((line) => line.trim() !== '' && !line.startsWith('lab: '))
      .slice(-3)
      .join('\n');
  }

  start(): void {
    if (this.#stopped || this.#child) return;
    clearTimeout(this.#timer);
    this.#paused = false;
    const { machine, command, env } = this.#options;
    const began = performance.now();
    const child = machine.start(command, { log: this.#log, ...(env ? { env } : {}) });
    this.#child = child;
    const ended = (how: string) => {
      if (this.#child !== child) return;
      this.#child = undefined;
      if (this.#stopped || this.#paused) return;
      if (performance.now() - began > restartWait.steady) this.#wait = restartWait.first;
      writeSync(this.#log, `lab: the program ended (${how}); it starts again in ${this.#wait} ms\n`);
      this.#timer = setTimeout(() => {
        this.restarts++;
        this.start();
      }, this.#wait);
      this.#wait = Math.min(2 * this.#wait, restartWait.longest);
    };
    child.once('error', (error) => ended(error.message));
    child.once('exit', (code, signal) => ended(signal ?? `status ${code}`));
  }

  /** Ends the program until it is started again. */
  pause(): void {
    this.#paused = true;
    clearTimeout(this.#timer);
    this.#child?.kill('SIGKILL');
  }

  /** Ends the program for good. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#child?.kill('SIGKILL');
    closeSync(this.#log);
  }
}

/** Memory of a process that no other shares, plus its share of what others do (PSS); 0 when it has ended. */
export function memoryMiB(pid: number): number {
  try {
    const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
    return Math.round(Number(/^Pss:\s+(\d+)/m.exec(text)?.[1] ?? 0) / 1024);
  } catch {
    return 0;
  }
}
