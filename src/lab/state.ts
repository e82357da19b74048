/**
 * The state directory of a lab: everything that a lab has on the disk. What it has in the kernel ends with its holder,
 * whose process ids are recorded here.
 */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { CalicoError } from '../errors.ts';
import type { ClusterPlan } from '../kubespray/index.ts';
import type { RouterSoftware } from './protocol.ts';

/** What `up` was asked for. */
export interface LabSpec {
  readonly name: string;
  readonly plan: ClusterPlan;
  readonly podsPerNode: number;
  /** What border routers run. */
  readonly routers: RouterSoftware;
  /** The calico executable. */
  readonly executable: string;
  /** The kernel that it runs on: this machine's, or user-mode-linux. */
  readonly kernel: 'host' | 'uml';
  /** What the inventory was read from, for people. */
  readonly inventory: readonly string[];
}

/** A process that cannot be mistaken for a later one with its number. */
export interface ProcessMark {
  readonly pid: number;
  /** Start time in clock ticks since boot. */
  readonly started: string;
}

/** The processes by which a lab lives: when the holder ends, the kernel ends everything else. */
export interface LabRecord {
  readonly launcher: ProcessMark;
  readonly holder: ProcessMark;
}

/** A lab as it is on the disk. */
export class LabState {
  readonly name: string;
  readonly directory: string;

  constructor(name: string, env: Readonly<Record<string, string | undefined>> = process.env) {
    if (!/^[a-z0-9][a-z0-9-]{0,30}$/.test(name)) {
      throw new CalicoError('USAGE', `${JSON.stringify(name)} cannot be the name of a lab`, {
        cure: 'Use lower-case letters, digits and hyphens: --name my-lab',
      });
    }
    this.name = name;
    this.directory = join(labRoot(env), name);
  }

  get socket(): string {
    return join(this.directory, 'control.sock');
  }

  get log(): string {
    return join(this.directory, 'holder.log');
  }

  get exists(): boolean {
    return existsSync(this.directory);
  }

  /** Folder of a host's private files. */
  host(name: string): string {
    return join(this.directory, 'hosts', name);
  }

  /** Makes the directory, for its owner alone. */
  create(spec: LabSpec): void {
    mkdirSync(this.directory, { recursive: true, mode: 0o700 });
    writeFileSync(join(this.directory, 'lab.json'), JSON.stringify(spec), { mode: 0o600 });
  }

  /** What `up` was asked for. @throws CalicoError NOT_FOUND */
  spec(): LabSpec {
    const file = join(this.directory, 'lab.json');
    if (!existsSync(file)) throw noSuchLab(this.name);
    return JSON.parse(readFileSync(file, 'utf8')) as LabSpec;
  }

  writeRecord(record: LabRecord): void {
    const file = join(this.directory, 'record.json');
    writeFileSync(`${file}.new`, JSON.stringify(record), { mode: 0o600 });
    renameSync(`${file}.new`, file);
  }

  /** The processes, whether or not they still run; `undefined` before the first start. */
  record(): LabRecord | undefined {
    const file = join(this.directory, 'record.json');
    return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as LabRecord) : undefined;
  }

  /** The holder, if it runs. */
  runningHolder(): number | undefined {
    const holder = this.record()?.holder;
    return holder && isRunning(holder) ? holder.pid : undefined;
  }

  /** Removes the lab's folder, and with the last lab the usual folder of all; one that the user named stays. */
  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
    const root = dirname(this.directory);
    if (root === labRoot({}) && existsSync(root) && readdirSync(root).length === 0) rmdirSync(root);
  }
}

/** Folder of all labs of this user. */
export function labRoot(env: Readonly<Record<string, string | undefined>>): string {
  if (env['CALICO_LAB_DIR']) return env['CALICO_LAB_DIR'];
  if (process.getuid?.() === 0) return '/var/lib/calico-lab';
  return join(env['XDG_STATE_HOME'] ?? join(homedir(), '.local', 'state'), 'calico-lab');
}

/** Names of the labs that have a state directory. */
export function labNames(env: Readonly<Record<string, string | undefined>> = process.env): readonly string[] {
  const root = labRoot(env);
  return existsSync(root) ? readdirSync(root).sort() : [];
}

/** The error for a lab that is not there. */
export function noSuchLab(name: string): CalicoError {
  return new CalicoError('NOT_FOUND', `there is no lab ${name}`, {
    cure: 'Start one: calico lab up -i INVENTORY. What there is: calico lab status',
  });
}

/** Marks a process. `undefined` when it has ended. */
export function markOf(pid: number): ProcessMark | undefined {
  const started = startTime(pid);
  return started === undefined ? undefined : { pid, started };
}

/** Whether the very process still runs (a zombie does not). */
export function isRunning({ pid, started }: ProcessMark): boolean {
  return startTime(pid) === started;
}

/** Field 22 of /proc/PID/stat; none for a zombie. */
function startTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}
