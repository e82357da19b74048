/** What a run remembers beside the stores: how far it came, what it read and what it wrote. */
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { CalicoError, messageOf } from '../errors.ts';

/** How far a run came. */
export interface RunState {
  /** `start`: begun, v3 may hold part of the data; `agents`: v3 holds all of it; `complete`: v3 is in use. */
  readonly phase: 'start' | 'agents' | 'complete';
  /** Whether v3 held nothing of Calico's when the first attempt began, so that all of it is this upgrade's. */
  readonly v3WasEmpty: boolean;
  readonly at: string;
  /** The process that is at it. */
  readonly pid: number;
}

/** Values by v3 key. */
export type Items = ReadonlyMap<string, unknown>;

/** The journal of a run; every write is whole or not there. */
export interface Journal {
  state(): RunState | undefined;
  saveState(state: RunState): void;
  /** What the last attempt was about to write. */
  items(): Items;
  saveItems(items: Items): void;
  /** The v2 data as it was before anything began. */
  saveDump(dump: Readonly<Record<string, string>>): void;
}

/** Names of the files. */
export const journalFiles = {
  state: 'run-state.json',
  items: 'converted.json',
  dump: 'v2-dump.json',
} as const;

/** A journal in a folder. Files are readable by their owner only. */
export function diskJournal(folder: string): Journal {
  const read = (name: string): unknown => {
    const path = join(folder, name);
    if (!existsSync(path)) return undefined;
    try {
      return JSON.parse(readFileSync(path, 'utf8'));
    } catch (error) {
      throw new CalicoError('INPUT', `${path} cannot be read: ${messageOf(error)}`, {
        cure: 'Run `calico upgrade abort`, remove the file, and begin again.',
      });
    }
  };
  const write = (name: string, value: unknown) => {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const path = join(folder, name);
    const file = openSync(`${path}.part`, 'w', 0o600);
    try {
      writeSync(file, `${JSON.stringify(value, null, 1)}\n`);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(`${path}.part`, path);
  };
  return {
    state: () => read(journalFiles.state) as RunState | undefined,
    saveState: (state) => write(journalFiles.state, state),
    items: () => new Map(Object.entries((read(journalFiles.items) ?? {}) as Record<string, unknown>)),
    saveItems: (items) => write(journalFiles.items, Object.fromEntries(items)),
    saveDump: (dump) => write(journalFiles.dump, dump),
  };
}

/** A journal in memory, for tests. */
export function memoryJournal(): Journal & { dump: Readonly<Record<string, string>> | undefined } {
  let state: RunState | undefined;
  let items: Items = new Map();
  return {
    dump: undefined,
    state: () => state,
    saveState: (next) => {
      state = next;
    },
    items: () => items,
    saveItems: (next) => {
      items = next;
    },
    saveDump(dump) {
      this.dump = dump;
    },
  };
}
