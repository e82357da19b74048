/** A table as the kernel has it, read from nft's JSON. */

/** See the file's comment. Names are the kernel's. */
export interface TableState {
  readonly exists: boolean;
  readonly chains: ReadonlyMap<string, ChainState>;
  readonly sets: ReadonlyMap<string, SetState>;
  /** Verdict maps: interface → chain it goes to. */
  readonly maps: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

/** A chain: its hook if it has one, and the comments of its rules in order. */
export interface ChainState {
  readonly hook: string | undefined;
  readonly comments: readonly string[];
}

/** A set: its type and members in the form of the program. */
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
  readonly elem?: readonly unknown[];
}

/** Reads the objects of `list table`. */
export function readTable(objects: readonly Readonly<Record<string, unknown>>[]): TableState {
  const chains = new Map<string, { hook: string | undefined; comments: string[] }>();
  const sets = new Map<string, SetState>();
  const maps = new Map<string, ReadonlyMap<string, string>>();
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
      case 'set':
        sets.set(name, {
          type: [listed.type, ...(listed.flags ?? [])].flat().join(' '),
          members: new Set((listed.elem ?? []).map(memberOf)),
        });
        break;
      case 'map':
        maps.set(name, new Map((listed.elem ?? []).map(entryOf)));
        break;
    }
  }
  return { exists: true, chains, sets, maps };
}

/** Identity of a hook, for comparison. */
export function hookKey(type: string, hook: string, priority: number): string {
  return `${type} ${hook} ${priority}`;
}

function memberOf(element: unknown): string {
  if (typeof element === 'string' || typeof element === 'number') return String(element);
  const object = element as {
    prefix?: { addr: string; len: number };
    concat?: readonly unknown[];
    range?: readonly [string, string];
    elem?: { val: unknown };
  };
  if (object.prefix) return `${object.prefix.addr}/${object.prefix.len}`;
  if (object.concat) {
    const [address, protocol, port] = object.concat.map(memberOf);
    return `${address},${protocol === 'ipv6-icmp' ? 'icmpv6' : protocol}:${port}`;
  }
  if (object.range) return object.range.join('-');
  return object.elem ? memberOf(object.elem.val) : JSON.stringify(element);
}

function entryOf(element: unknown): readonly [string, string] {
  const [key, verdict] = element as readonly [unknown, { goto?: { target: string } } | undefined];
  return [memberOf(key), verdict?.goto?.target ?? ''];
}
