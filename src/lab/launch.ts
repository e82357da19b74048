/** Starts a lab's holder in namespaces of its own, and ends it. */
import { spawn } from 'node:child_process';
import { closeSync, copyFileSync, existsSync, linkSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CalicoError } from '../errors.ts';
import { isRunning, type LabSpec, type LabState, markOf, type ProcessMark } from './state.ts';

const patience = 10_000;

/** Makes the state directory and starts the holder; resolves when it answers. @throws CalicoError */
export async function launch(state: LabState, spec: LabSpec): Promise<void> {
  state.create(spec);
  placeExecutable(spec.executable, join(state.directory, 'bin'));
  const log = openSync(state.log, 'a', 0o600);
  const root = process.getuid?.() === 0;
  const child = spawn(
    'unshare',
    [
      ...(root ? [] : ['--user', '--map-root-user']),
      ...['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc', '--propagation', 'private'],
      ...['--', spec.executable, 'lab', spec.kernel === 'uml' ? 'relay' : 'hold', state.name],
    ],
    {
      detached: true,
      stdio: ['ignore', log, log],
      cwd: '/',
      env: { ...process.env, CALICO_LAB_DIR: join(state.directory, '..') },
    },
  );
  closeSync(log);
  child.unref();
  const launcher = child.pid === undefined ? undefined : markOf(child.pid);
  if (!launcher)
    throw new CalicoError('PROGRAM', 'the program unshare (Debian package util-linux) cannot be started');
  state.writeRecord({ launcher, holder: launcher });
  const until = performance.now() + patience;
  for (;;) {
    const holder = childOf(launcher.pid);
    if (holder) state.writeRecord({ launcher, holder });
    // Under user-mode-linux whoever follows is told of the boot, so the relay must listen.
    if (holder && (spec.kernel === 'host' || existsSync(state.socket))) return;
    if (!isRunning(launcher) || performance.now() > until) {
      throw new CalicoError('KERNEL', `the lab's namespaces cannot be made: ${lastLine(state.log)}`, {
        cure: root
          ? 'In a container, CAP_SYS_ADMIN and CAP_NET_ADMIN are needed.'
          : 'Allow unprivileged user namespaces (sysctl kernel.unprivileged_userns_clone=1), or run as root.',
      });
    }
    await pause();
  }
}

/** Ends everything of a lab and removes its files. Nothing to do is no error. */
export async function end(state: LabState): Promise<void> {
  const record = state.record();
  const marks = record ? [record.holder, record.launcher] : [];
  for (const mark of marks) kill(mark);
  const until = performance.now() + patience;
  while (marks.some(isRunning) && performance.now() < until) await pause();
  state.remove();
}

function kill(mark: ProcessMark): void {
  if (!isRunning(mark)) return;
  try {
    process.kill(mark.pid, 'SIGKILL');
  } catch {
    // It ended meanwhile.
  }
}

function childOf(pid: number): ProcessMark | undefined {
  try {
    const [first] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ');
    return first ? markOf(Number(first)) : undefined;
  } catch {
    return undefined;
  }
}

/** Hosts link to one file: it must be on the state directory's file system, and stay when another is built. */
function placeExecutable(executable: string, folder: string): void {
  mkdirSync(folder, { recursive: true });
  const target = join(folder, 'calico');
  try {
    linkSync(executable, target);
  } catch {
    copyFileSync(executable, target);
  }
}

function lastLine(file: string): string {
  return readFileSync(file, 'utf8').trimEnd().split('\n').at(-1) ?? '';
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 20));
}
