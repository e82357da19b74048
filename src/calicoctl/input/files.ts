/** The `--filename` option: standard input, a file, or the YAML and JSON files of a directory. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import type { Resource } from '../../resources/index.ts';
import type { Ctl } from '../command.ts';
import { readResources } from './documents.ts';
import { EmptyInput, InputError } from './errors.ts';

/** Options of {@link readInput}. */
export interface InputOptions {
  readonly recursive: boolean;
  readonly skipEmpty: boolean;
}

/** Reads all resources that a `--filename` names, before anything is done. @throws InputError, EmptyInput */
export async function readInput(
  filename: string,
  options: InputOptions,
  ctl: Ctl,
): Promise<readonly Resource[]> {
  if (ctl.release.minor <= 15) return await readOne(filename, ctl);
  const files = filename === '-' ? ['-'] : listFiles(filename, options.recursive, ctl);
  const resources: Resource[] = [];
  for (const file of files) {
    const found = await readOne(file, ctl);
    if (found.length === 0 && !options.skipEmpty) {
      throw new EmptyInput(`no resources specified in file ${file}`);
    }
    resources.push(...found);
  }
  if (resources.length === 0 && !options.skipEmpty) {
    throw new EmptyInput(`no resources specified in directory ${filename}`);
  }
  return resources;
}

async function readOne(file: string, ctl: Ctl): Promise<readonly Resource[]> {
  const text = file === '-' ? await ctl.io.stdin() : readTextFile(file, ctl);
  return readResources(text, ctl.release);
}

/** Reads a file below the run's directory. @throws InputError with Go's text */
export function readTextFile(file: string, ctl: Ctl): string {
  try {
    return readFileSync(pathOf(file, ctl), 'utf8');
  } catch (error) {
    throw new InputError(goFileError(error, file));
  }
}

function pathOf(file: string, ctl: Ctl): string {
  if (file === '') return '';
  // Not normalised: `missing/../file` must fail, as it does for every other program.
  return isAbsolute(file) ? file : `${ctl.io.cwd}/${file}`;
}

/** Go's text of a failed open or read. */
export function goFileError(error: unknown, file: string): string {
  const code = (error as { readonly code?: string }).code ?? '';
  switch (code) {
    case 'ENOENT':
      return `open ${file}: no such file or directory`;
    case 'EISDIR':
      return `read ${file}: is a directory`;
    case 'EACCES':
      return `open ${file}: permission denied`;
    case 'ENOTDIR':
      return `open ${file}: not a directory`;
    default:
      return `open ${file}: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** Whether a `--filename` names a directory. */
export function isDirectory(path: string, ctl: Ctl): boolean {
  try {
    return path !== '-' && path !== '' && statSync(pathOf(path, ctl)).isDirectory();
  } catch {
    return false;
  }
}

function listFiles(path: string, recursive: boolean, ctl: Ctl): readonly string[] {
  // Reading what is none says what is wrong with it.
  if (!isDirectory(path, ctl)) return [path];
  const files: string[] = [];
  const walk = (directory: string): void => {
    const entries = readdirSync(pathOf(directory, ctl), { withFileTypes: true });
    entries.sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const entry of entries) {
      const child = join(directory, entry.name);
      if (entry.isDirectory()) {
        if (recursive) walk(child);
      } else if (/\.(json|ya?ml)$/i.test(entry.name)) files.push(child);
    }
  };
  walk(path);
  return files;
}
