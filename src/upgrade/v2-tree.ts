/** The etcd v2 key space of Calico v2.6 as a sorted tree, however it was read. Pure. */

/** A directory of the tree. */
export interface V2Directory {
  readonly directories: ReadonlyMap<string, V2Directory>;
  readonly values: ReadonlyMap<string, string>;
}

interface MutableDirectory extends V2Directory {
  readonly directories: Map<string, MutableDirectory>;
  readonly values: Map<string, string>;
}

/** A flat map of keys to values, as dumps have it; a key that ends in a slash is an empty directory. */
export type V2Dump = Readonly<Record<string, string>>;

/** Builds the tree. Names that begin with `_` are left out, as etcd leaves them out of listings. */
export function treeOf(dump: V2Dump): V2Directory {
  const root = emptyDirectory();
  for (const key of Object.keys(dump).sort(byteOrder)) {
    const segments = key.split('/').filter((segment) => segment !== '');
    const name = key.endsWith('/') ? undefined : segments.pop();
    let directory = root;
    let hidden = false;
    for (const segment of segments) {
      hidden ||= segment.startsWith('_');
      if (hidden) break;
      let next = directory.directories.get(segment);
      if (!next) {
        next = emptyDirectory();
        directory.directories.set(segment, next);
      }
      directory = next;
    }
    if (!hidden && name !== undefined && !name.startsWith('_')) directory.values.set(name, dump[key]!);
  }
  return root;
}

/** The directory at a path of segments. */
export function directoryAt(tree: V2Directory, ...segments: readonly string[]): V2Directory {
  let directory: V2Directory | undefined = tree;
  for (const segment of segments) directory = directory?.directories.get(segment);
  return directory ?? emptyDirectory();
}

/** Undoes the escaping of a name in a key: `%2f` first, then `%25`, lower-case hex only. */
export function unescapeSegment(segment: string): string {
  return segment.replaceAll('%2f', '/').replaceAll('%25', '%');
}

/** Order of UTF-8 bytes, in which etcd sorts. */
export function byteOrder(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function emptyDirectory(): MutableDirectory {
  return { directories: new Map(), values: new Map() };
}
