/** The files an inventory is read from; a fake one in memory serves tests. */
import { readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { CalicoError, messageOf } from '../../errors.ts';

/** Read access to a tree of files. Nothing here writes or executes. */
export interface FileTree {
  /** What is at a path; undefined if nothing is. */
  kind(path: string): 'file' | 'directory' | undefined;
  /** The file's bytes. */
  read(path: string): Uint8Array;
  /** Names in a directory, unsorted. */
  list(path: string): readonly string[];
}

/** The files of this machine. */
export const diskFiles: FileTree = {
  kind: (path) => {
    try {
      const stat = statSync(realpathSync(path));
      return stat.isDirectory() ? 'directory' : 'file';
    } catch {
      return undefined;
    }
  },
  read: (path) => {
    try {
      return readFileSync(path);
    } catch (error) {
      throw new CalicoError('INPUT', `${path}: cannot be read: ${messageOf(error)}`, {
        cure: 'Check that the file exists and that you may read it.',
        cause: error,
      });
    }
  },
  list: (path) => readdirSync(path),
};

/** Files in memory: path → text. */
export function memoryFiles(files: Readonly<Record<string, string | Uint8Array>>): FileTree {
  const paths = Object.keys(files);
  const folder = (path: string) => `${path.replace(/\/$/, '')}/`;
  return {
    kind: (path) => {
      if (Object.hasOwn(files, path)) return 'file';
      return paths.some((one) => one.startsWith(folder(path))) || path === '.' ? 'directory' : undefined;
    },
    read: (path) => {
      const content = files[path];
      if (content === undefined) throw new CalicoError('INPUT', `${path}: does not exist`);
      return typeof content === 'string' ? new TextEncoder().encode(content) : content;
    },
    list: (path) => {
      const prefix = path === '.' ? '' : folder(path);
      const names = paths
        .filter((one) => one.startsWith(prefix))
        .map((one) => one.slice(prefix.length).split('/')[0] ?? '');
      return [...new Set(names)];
    },
  };
}

/** A file as text; a file that is not UTF-8 is an error that names it. */
export function readText(files: FileTree, path: string): string {
  const bytes = files.read(path);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw new CalicoError('INPUT', `${path}: not UTF-8 text`, {
      cure: 'Convert the file to UTF-8 or leave it out of the inventory.',
      cause: error,
    });
  }
}
