/** Kernel parameters below /proc/sys. Those below `net` are the calling thread's namespace's. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CalicoError, messageOf } from '../../errors.ts';

/** A parameter's path below /proc/sys: `net/ipv4/ip_forward`, `net/ipv4/conf/eth0.5/proxy_arp`. */
export type SysctlPath = string;

const root = '/proc/sys';

/** Value without the newline; `undefined` when the kernel has no such parameter (or no such interface). */
export function readSysctl(path: SysctlPath): string | undefined {
  try {
    return readFileSync(join(root, path), 'utf8').trim();
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw failure('read', path, error);
  }
}

/**
 * Sets a value; does not write when it is there already, so that read-only mounts with the right value work. False
 * when the parameter does not exist. `current` saves the reading to a caller who has just read it.
 */
export function writeSysctl(path: SysctlPath, value: string | number, current = readSysctl(path)): boolean {
  if (current === undefined) return false;
  if (current === String(value)) return true;
  try {
    writeFileSync(join(root, path), `${value}\n`);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw failure('set', path, error);
  }
  return true;
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

function failure(what: string, path: string, cause: unknown): CalicoError {
  return new CalicoError('KERNEL', `cannot ${what} the kernel parameter ${path}: ${messageOf(cause)}`, {
    cure: 'In a container, /proc/sys must be mounted writable.',
    cause,
  });
}
