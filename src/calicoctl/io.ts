/** Everything outside that calicoctl touches, so that the replay, the lab and the tests run it in their own process. */
import type { Datastore } from '../datastore/port.ts';
import type { ConnectionConfig } from './config.ts';

/** A process of this host, as `node status` looks for them. */
export interface HostProcess {
  readonly pid: number;
  readonly argv: readonly string[];
}

/** Result of an external program that `node diags` and `node checksystem` run. */
export interface ProgramOutput {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The facts and effects of the host that the `node` commands need. */
export interface HostAccess {
  readonly isRoot: boolean;
  readonly hostname: string;
  readonly kernel: string;
  processes(): readonly HostProcess[];
  /** Sends a line to BIRD's control socket and gives the reply's lines; throws with the system's text. */
  birdQuery(socket: string, command: string): Promise<readonly string[]>;
  /** Runs a program without a shell. */
  run(program: string, args: readonly string[]): Promise<ProgramOutput>;
}

/** The surroundings of one run of calicoctl. */
export interface CtlIo {
  stdout(text: string): void;
  stderr(text: string): void;
  stdin(): Promise<string>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Directory that relative file names start from. */
  readonly cwd: string;
  /** Base name of the program as it was called. */
  readonly program: string;
  connect(config: ConnectionConfig): Promise<Datastore>;
  now(): Date;
  uuid(): string;
  sleep(milliseconds: number): Promise<void>;
  readonly signal?: AbortSignal;
  host(): Promise<HostAccess>;
}
