/**
 * Keeps one BIRD running with the wanted configuration. It outlives this process: a later one adopts it by its pid
 * file. Whatever goes wrong becomes a line of `faults` and is tried again; sessions are never given up for it.
 */
import { copyFileSync, existsSync, readFileSync, statSync, truncateSync } from 'node:fs';
import { CalicoError, messageOf } from '../../errors.ts';
import { type BgpFault, Faults } from '../faults.ts';
import type { BgpLog } from '../log.ts';
import { writeAtomically } from './atomic-file.ts';
import { checkConfiguration, type DaemonStatus, daemonStatus, reconfigure } from './control-socket.ts';
import { type BirdPaths, endedAbruptly, runningBird, startBird } from './process.ts';

/** Milliseconds of the supervisor's timing. */
export interface SupervisorTiming {
  /** Between looks at the daemon. */
  readonly probe: number;
  /** Without an answer for this long it is killed and started again; its peers keep its routes meanwhile. */
  readonly hung: number;
  /** A command's limit. */
  readonly command: number;
  /**
   * Rest of a graceful restart. Hosts learn of a new AS number at about the same time; one that does not know it yet
   * would answer the first OPEN with "bad peer AS" and forget our routes.
   */
  readonly rest: number;
}

const defaultTiming: SupervisorTiming = { probe: 1000, hung: 15_000, command: 2000, rest: 1000 };

/** Most milliseconds between attempts to start a daemon that ends at once. */
const longestLaunchDelay = 30_000;

/** Size of the log in bytes at which it becomes `.1`. */
const logLimit = 8 * 2 ** 20;

/** See {@link SupervisorTiming} and {@link BirdPaths}. */
export interface SupervisorOptions {
  readonly paths: BirdPaths;
  readonly log: BgpLog;
  readonly timing?: Partial<SupervisorTiming>;
  readonly now?: () => number;
}

/** One daemon. Calls never overlap: each waits for the one before it. */
export class BirdSupervisor {
  readonly #paths: BirdPaths;
  readonly #log: BgpLog;
  readonly #timing: SupervisorTiming;
  readonly #now: () => number;
  readonly #faults = new Faults();
  #queue: Promise<unknown> = Promise.resolve();
  #wanted: string | undefined;
  #rejected: string | undefined;
  #restart = false;
  #silentSince: number | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #pid: number | undefined;
  #launchAfter = 0;
  #launchDelay = 0;

  constructor(options: SupervisorOptions) {
    this.#paths = options.paths;
    this.#log = options.log;
    this.#timing = { ...defaultTiming, ...options.timing };
    this.#now = options.now ?? (() => performance.now());
  }

  /** What is wrong at present. */
  get faults(): readonly BgpFault[] {
    return this.#faults.list;
  }

  /** The daemon's process id, as last seen. */
  get pid(): number | undefined {
    return this.#pid;
  }

  /**
   * Looks after the daemon from now on. One that died while nobody looked comes back with the configuration it had,
   * before any other is known: traffic does not wait for the datastore.
   */
  start(): void {
    if (endedAbruptly(this.#paths)) this.#wanted ??= readText(this.#paths.config);
    this.#timer ??= setInterval(() => void this.#serial(() => this.#look()), this.#timing.probe);
  }

  /** Stops looking; the daemon goes on. */
  async detach(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    await this.#queue;
  }

  /**
   * Makes this the configuration. Resolves when it was tried; what failed is in `faults` and tried again. `restart`:
   * it ends every session, so the daemon is restarted gracefully: its peers and the kernel keep the routes meanwhile.
   */
  apply(text: string, restart = false): Promise<void> {
    this.#wanted = text;
    this.#restart ||= restart;
    this.#rejected = undefined;
    this.#launchAfter = 0;
    this.#launchDelay = 0;
    return this.#serial(() => this.#look());
  }

  /** `show status` of the running daemon. */
  status(): Promise<DaemonStatus> {
    return daemonStatus({ path: this.#paths.socket, timeout: this.#timing.command });
  }

  #serial(step: () => Promise<void>): Promise<void> {
    const run = this.#queue.then(step).catch((error: unknown) => {
      this.#faults.set('bird', messageOf(error));
    });
    this.#queue = run;
    return run;
  }

  async #look(): Promise<void> {
    if (this.#wanted === undefined) return;
    this.#pid = runningBird(this.#paths);
    if (this.#pid === undefined) {
      this.#silentSince = undefined;
      return this.#launch();
    }
    rotate(this.#paths.log);
    if (!(await this.#answers(this.#pid))) return;
    await this.#converge();
  }

  /** Whether the daemon answers; one that has been silent for too long is replaced. */
  async #answers(pid: number): Promise<boolean> {
    try {
      await this.status();
      this.#silentSince = undefined;
      this.#faults.clear('bird');
      return true;
    } catch (error) {
      this.#silentSince ??= this.#now();
      this.#faults.set('bird', messageOf(error));
      if (this.#now() - this.#silentSince < this.#timing.hung) return false;
      this.#log.error('BIRD does not answer: it is started anew, its routes stay', { pid });
      process.kill(pid, 'SIGKILL');
      this.#silentSince = undefined;
      return false;
    }
  }

  async #launch(): Promise<void> {
    if (this.#now() < this.#launchAfter) return;
    this.#launchDelay = Math.min(longestLaunchDelay, this.#launchDelay * 2 || this.#timing.probe);
    this.#launchAfter = this.#now() + this.#launchDelay;
    const file = this.#paths.config;
    const previous = readText(file);
    if (previous !== this.#wanted && this.#wanted !== this.#rejected && !this.#write(file)) return;
    const recover = endedAbruptly(this.#paths);
    let ended: string | undefined;
    const pid = startBird(this.#paths, recover, (code, signal) => {
      ended = `BIRD ended (${signal ?? `status ${code}`})`;
      this.#log.warn(ended);
    });
    this.#pid = pid;
    this.#log.info('BIRD started', { pid, recover });
    const until = this.#now() + this.#timing.command;
    while (ended === undefined && this.#now() < until) {
      try {
        await this.status();
        this.#faults.clear('bird');
        this.#launchDelay = 0;
        return;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
    const said = lastLine(this.#paths.log);
    if (ended !== undefined && previous !== undefined && previous !== this.#wanted) {
      // The daemon never ran with this text: go back to the one before it.
      this.#rejected = this.#wanted;
      writeAtomically(file, previous);
      this.#faults.set('configuration', `BIRD refuses its configuration: ${said}`);
    }
    if (ended !== undefined)
      throw new CalicoError('PROGRAM', `${ended}${said === '' ? '' : `: ${said}`}`, {
        cure: `Its log is ${this.#paths.log}.`,
      });
  }

  /** Brings the running daemon to the wanted configuration, or back to the last good one. */
  async #converge(): Promise<void> {
    const { config, socket } = this.#paths;
    const wanted = this.#wanted!;
    const active = readText(config);
    if (active === wanted) return this.#faults.clear('configuration');
    if (wanted === this.#rejected) return;
    const options = { path: socket, timeout: this.#timing.command };
    const draft = `${config}.new`;
    if (!this.#write(draft)) return;
    const checked = await checkConfiguration(draft, options);
    if (!checked.ok) return this.#reject(wanted, checked.message, draft);
    if (active !== undefined) writeAtomically(`${config}.prev`, active);
    writeAtomically(config, wanted);
    if (this.#restart) return this.#restartGracefully();
    const done = await reconfigure({ path: socket });
    if (!done.ok) {
      if (active !== undefined) {
        writeAtomically(config, active);
        await reconfigure({ path: socket });
      }
      return this.#reject(wanted, done.message, config);
    }
    this.#faults.clear('configuration');
    this.#log.info('BIRD has its new configuration');
  }

  /** Killed, it says no goodbye, which its peers take for a graceful restart. */
  async #restartGracefully(): Promise<void> {
    this.#restart = false;
    const pid = this.#pid;
    this.#log.info('BIRD is restarted gracefully: every session begins anew', { pid });
    if (pid !== undefined) process.kill(pid, 'SIGKILL');
    const until = this.#now() + this.#timing.command;
    while (runningBird(this.#paths) !== undefined && this.#now() < until)
      await new Promise((resolve) => setTimeout(resolve, 5));
    await new Promise((resolve) => setTimeout(resolve, this.#timing.rest));
    this.#faults.clear('configuration');
    return this.#launch();
  }

  #reject(wanted: string, message: string, file: string): void {
    this.#rejected = wanted;
    this.#restart = false;
    const line = Number(/:(\d+):\d+ /.exec(message)?.[1] ?? 0);
    const text = wanted.split('\n')[line - 1]?.trim();
    const quote = text === undefined || text.includes('password') ? '' : ` («${text}»)`;
    this.#faults.set(
      'configuration',
      `BIRD refuses its new configuration and keeps the old one: ${message.replaceAll(file, 'bird.conf')}${quote}`,
    );
    this.#log.error('BIRD refuses its configuration', { message });
  }

  #write(file: string): boolean {
    try {
      writeAtomically(file, this.#wanted!);
      this.#faults.clear('file');
      return true;
    } catch (error) {
      this.#faults.set('file', `cannot write ${file}: ${messageOf(error)}`);
      return false;
    }
  }
}

function readText(file: string): string | undefined {
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}

/** BIRD appends to the file that it was given, so the file stays and is emptied. */
function rotate(log: string): void {
  if (!existsSync(log) || statSync(log).size < logLimit) return;
  copyFileSync(log, `${log}.1`);
  truncateSync(log);
}

function lastLine(file: string): string {
  return readText(file)?.trimEnd().split('\n').at(-1) ?? '';
}
