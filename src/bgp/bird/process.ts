/** BIRD as a process of its own that outlives ours: start, find again, end. */
import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { CalicoError } from '../../errors.ts';

/** Files of a daemon. */
export interface BirdPaths {
  /** The executable. */
  readonly binary: string;
  readonly config: string;
  readonly socket: string;
  readonly pid: string;
  /** Standard output and error. */
  readonly log: string;
}

/** Where everything is on a host. */
export const defaultBirdPaths: BirdPaths = {
  binary: '/usr/sbin/bird',
  config: '/etc/calico/bird/bird.conf',
  socket: '/var/run/calico/bird.ctl',
  pid: '/var/run/calico/bird.pid',
  log: '/var/log/calico/bird.log',
};

/** The process id of the running daemon; a pid file whose process is not BIRD counts for nothing. */
export function runningBird(paths: BirdPaths): number | undefined {
  let pid: number;
  try {
    pid = Number.parseInt(readFileSync(paths.pid, 'utf8'), 10);
  } catch {
    return undefined;
  }
  return pid > 1 && isBird(pid, paths) ? pid : undefined;
}

function isBird(pid: number, paths: BirdPaths): boolean {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    const state = /^\d+ \(.*\) (\S)/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1];
    return state !== 'Z' && state !== 'X' && words.includes(paths.socket);
  } catch {
    return false;
  }
}

/** Whether an earlier daemon ended without saying goodbye, so that its routes may still be in use. */
export function endedAbruptly(paths: BirdPaths): boolean {
  return existsSync(paths.pid);
}

/**
 * Starts the daemon in a session of its own, so that nothing that ends us ends it. With `recover` it takes over the
 * routes of the daemon before it and lets its peers keep theirs (`-R`).
 */
export function startBird(
  paths: BirdPaths,
  recover: boolean,
  onExit: (code: number | null, signal: string | null) => void,
): number {
  for (const file of [paths.socket, paths.pid, paths.log]) mkdirSync(dirname(file), { recursive: true });
  rmSync(paths.socket, { force: true });
  const log = openSync(paths.log, 'a', 0o640);
  try {
    const child = spawn(
      paths.binary,
      ['-f', ...(recover ? ['-R'] : []), '-s', paths.socket, '-P', paths.pid, '-c', paths.config],
      { detached: true, stdio: ['ignore', log, log] },
    );
    child.on('exit', onExit);
    child.on('error', () => onExit(127, null));
    child.unref();
    if (child.pid === undefined) {
      throw new CalicoError('PROGRAM', `cannot start ${paths.binary}`, {
        cure: 'Install the package bird2, or say where BIRD is with CALICO_BIRD.',
      });
    }
    return child.pid;
  } finally {
    closeSync(log);
  }
}
