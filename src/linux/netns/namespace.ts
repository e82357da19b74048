/**
 * Network namespaces: an open handle, and the one way to act inside another one.
 *
 * A namespace belongs to a thread. {@link inNamespace} moves this thread, runs a synchronous function and moves back
 * before anything else can run; what the function opens (sockets, children) stays in that namespace for ever, so it is
 * enough to open a socket inside and use it outside. The function must not await, nor start anything that makes a
 * thread (a thread made inside would stay inside).
 */
import { statSync } from 'node:fs';
import { CalicoError } from '../../errors.ts';
import {
  CLONE_NEWNET,
  closeDescriptor,
  isKernelError,
  KernelError,
  openDescriptor,
  setNamespace,
  unshareNamespace,
} from '../libc/index.ts';

/** Where named namespaces live, as `ip netns` has them. */
export const netnsDirectory = '/run/netns';

/** The calling thread's own network namespace. */
const ownPath = '/proc/thread-self/ns/net';

/** An open network namespace. It lives at least until {@link close}. */
export class Namespace {
  readonly path: string;
  readonly fd: number;
  #open = true;

  private constructor(path: string, fd: number) {
    this.path = path;
    this.fd = fd;
  }

  /** Opens a namespace by name (below /run/netns) or path. @throws CalicoError NOT_FOUND */
  static open(nameOrPath: string): Namespace {
    const path = namespacePath(nameOrPath);
    try {
      return new Namespace(path, openDescriptor(path));
    } catch (error) {
      if (!isKernelError(error, 'ENOENT')) throw error;
      throw new CalicoError('NOT_FOUND', `there is no network namespace ${path}`, { cause: error });
    }
  }

  /** The namespace of the calling thread. */
  static current(): Namespace {
    return new Namespace(ownPath, openDescriptor(ownPath));
  }

  /** A new namespace without a name: it ends with the handle and what was opened inside. */
  static unnamed(): Namespace {
    const home = openDescriptor(ownPath);
    try {
      unshareNamespace(CLONE_NEWNET);
      try {
        return new Namespace(ownPath, openDescriptor(ownPath));
      } finally {
        returnHome(home);
      }
    } finally {
      closeDescriptor(home);
    }
  }

  /** Releases the handle. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    closeDescriptor(this.fd);
  }

  /** Runs a synchronous function with this thread inside the namespace. */
  run<T>(act: () => T): T {
    const home = openDescriptor(ownPath);
    try {
      setNamespace(this.fd, CLONE_NEWNET);
      try {
        return act();
      } finally {
        returnHome(home);
      }
    } finally {
      closeDescriptor(home);
    }
  }
}

/** A thread that cannot go home would do everything that follows in the wrong network: end instead. */
function returnHome(home: number): void {
  try {
    setNamespace(home, CLONE_NEWNET);
  } catch (error) {
    console.error(
      `cannot leave a network namespace: ${error instanceof KernelError ? error.message : error}`,
    );
    process.abort();
  }
}

/** `/run/netns/NAME` of a name; a path stays as it is. */
export function namespacePath(nameOrPath: string): string {
  return nameOrPath.includes('/') ? nameOrPath : `${netnsDirectory}/${nameOrPath}`;
}

/** Runs a synchronous function inside the namespace of that name or path. */
export function inNamespace<T>(nameOrPath: string, act: () => T): T {
  const namespace = Namespace.open(nameOrPath);
  try {
    return namespace.run(act);
  } finally {
    namespace.close();
  }
}

/** Whether the path is a network namespace (not an empty file left by a crash or a reboot). */
export function isNamespace(nameOrPath: string): boolean {
  const path = namespacePath(nameOrPath);
  try {
    // The nsfs of the kernel has a device number of its own, which our own namespace's file shows.
    return statSync(path).dev === statSync(ownPath).dev;
  } catch {
    return false;
  }
}
