/** A table as the kernel has it, read from nft's JSON. */

/** See the file's comment. Names are the kernel's. */
export interface TableState {
  readonly exists: boolean;
  readonly chains: ReadonlyMap<string, ChainState>;
  readonly sets: ReadonlyMap<string, SetState>;
  /** Entries of verdict maps, `interface>chain`. */
  readonly maps: ReadonlyMap<string, ReadonlySet<string>>;
}

/** A chain: its hook if it has one, and the comments of its rules in order. */
export interface ChainState {
  readonly hook: string | undefined;
  readonly comments: readonly string[];
}

/** A set: its type and its elements. */
export interface SetState {
  readonly type: string;
  readonly members: ReadonlySet<string>;
}

/** A table that is not there. */
export const noTable: TableState = { exists: false, chains: new Map(), sets: new Map(), maps: new Map() };

interface Listed {
  readonly name?: string;
  readonly chain?: string;
  readonly comment?: string;
  readonly hook?: string;
  readonly type?: string | readonly string[];
  readonly prio?: number;
  readonly flags?: readonly string[];
}

/**
 * Reads the objects of `list table`, listed without elements, which `elementsOf` brings.
 *
 * @param elementsOf elements of a set of the type, or of a map when there is none; called for sets that are ours
 */
export function readTable(
  objects: readonly Readonly<Record<string, unknown>>[],
  elementsOf: (name: string, type: string | undefined) => ReadonlySet<string>,
): TableState {
  const chains = new Map<string, { hook: string | undefined; comments: string[] }>();
  const sets = new Map<string, SetState>();
  const maps = new Map<string, ReadonlySet<string>>();
  for (const object of objects) {
    const [kind, value] = Object.entries(object)[0] ?? [];
    const listed = (value ?? {}) as Listed;
    const name = listed.name ?? '';
    switch (kind) {
      case 'chain':
        chains.set(name, {
          hook:
            listed.hook === undefined
              ? undefined
              : hookKey(String(listed.type), listed.hook, listed.prio ?? 0),
          comments: chains.get(name)?.comments ?? [],
        });
        break;
      case 'rule':
        chains.get(listed.chain ?? '')?.comments.push(listed.comment ?? '');
        break;
      case 'set': {
        const type = [listed.type, ...(listed.flags ?? [])].flat().join(' ');
        sets.set(name, { type, members: elementsOf(name, type) });
        break;
      }
      case 'map':
        maps.set(name, elementsOf(name, undefined));
        break;
    }
  }
  return { exists: true, chains, sets, maps };
}

/** Identity of a hook, for comparison. */
export function hookKey(type: string, hook: string, priority: number): string {
  return `${type} ${hook} ${priority}`;
}
