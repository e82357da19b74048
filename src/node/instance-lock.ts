/** One calico-node per host: two would undo each other's work. */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { CalicoError } from '../errors.ts';

/** Takes the lock; the function that is returned gives it back. @throws CalicoError CONFLICT naming the other process */
export function takeInstanceLock(path: string): () => void {
  mkdirSync(dirname(path), { recursive: true });
  const holder = readHolder(path);
  if (holder !== undefined && holder.pid !== process.pid && startTime(holder.pid) === holder.started) {
    throw new CalicoError('CONFLICT', `calico-node runs on this host already, as process ${holder.pid}`, {
      cure: `Stop it first: kill ${holder.pid}`,
    });
  }
  // Start time beside the number: a number that the kernel gave to another process is no holder.
  const fresh = `${path}.${process.pid}`;
  writeFileSync(fresh, `${process.pid} ${startTime(process.pid) ?? ''}\n`, { mode: 0o644 });
  renameSync(fresh, path);
  return () => {
    if (readHolder(path)?.pid === process.pid) rmSync(path, { force: true });
  };
}

function readHolder(path: string): { readonly pid: number; readonly started: string } | undefined {
  try {
    const [pid, started] = readFileSync(path, 'utf8').trim().split(' ');
    return pid && started ? { pid: Number(pid), started } : undefined;
  } catch {
    return undefined;
  }
}

/** Field 22 of /proc/PID/stat: the process's start in clock ticks. */
function startTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}
