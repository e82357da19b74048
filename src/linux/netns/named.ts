/** Named namespaces, compatible with `ip netns`: a bind mount of the namespace on a file below /run/netns. */
import { closeSync, mkdirSync, openSync, readdirSync, unlinkSync } from 'node:fs';
import { CalicoError } from '../../errors.ts';
import {
  CLONE_NEWNET,
  closeDescriptor,
  isKernelError,
  MNT_DETACH,
  MS_BIND,
  MS_REC,
  MS_SHARED,
  mountAt,
  openDescriptor,
  setNamespace,
  unmount,
  unshareNamespace,
} from '../libc/index.ts';
import { isNamespace, namespacePath, netnsDirectory } from './namespace.ts';

/** Names that exist below /run/netns. */
export function listNamespaces(): readonly string[] {
  try {
    return readdirSync(netnsDirectory).filter(isNamespace).sort();
  } catch {
    return [];
  }
}

/** Creates a named namespace; its `lo` is down. @throws CalicoError EXISTS */
export function createNamespace(name: string): void {
  if (!/^[A-Za-z0-9_.-]+$/.test(name) || name === '.' || name === '..') {
    throw new CalicoError('INPUT', `${JSON.stringify(name)} cannot be the name of a network namespace`);
  }
  mkdirSync(netnsDirectory, { recursive: true, mode: 0o755 });
  shareDirectory();
  const path = namespacePath(name);
  try {
    closeSync(openSync(path, 'wx', 0o444));
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'EEXIST')) throw cause;
    if (isNamespace(name)) throw new CalicoError('EXISTS', `the network namespace ${name} exists`, { cause });
  }
  const home = openDescriptor('/proc/thread-self/ns/net');
  try {
    unshareNamespace(CLONE_NEWNET);
    try {
      mountAt('/proc/thread-self/ns/net', path, 'none', MS_BIND);
    } finally {
      setNamespace(home, CLONE_NEWNET);
    }
  } catch (error) {
    unlinkSync(path);
    throw error;
  } finally {
    closeDescriptor(home);
  }
}

/** Removes the name; the namespace ends when nothing uses it any more. False when there was none. */
export function deleteNamespace(name: string): boolean {
  const path = namespacePath(name);
  try {
    unmount(path, MNT_DETACH);
  } catch (error) {
    if (isKernelError(error, 'ENOENT')) return false;
    if (!isKernelError(error, 'EINVAL')) throw error;
  }
  unlinkSync(path);
  return true;
}

/** As `ip netns` does: mounts made here reach other mount namespaces, and unmounting reaches them too. */
function shareDirectory(): void {
  try {
    mountAt('', netnsDirectory, 'none', MS_SHARED | MS_REC);
  } catch (error) {
    if (!isKernelError(error, 'EINVAL')) throw error;
    mountAt(netnsDirectory, netnsDirectory, 'none', MS_BIND | MS_REC);
    mountAt('', netnsDirectory, 'none', MS_SHARED | MS_REC);
  }
}
