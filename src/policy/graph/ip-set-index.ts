/**
 * Members of IP sets, kept up to date as endpoints, network sets and selectors come and go.
 *
 * A set exists while a rule refers to it. Work per update: the sets whose selector starts or stops to match.
 */
import { createHash } from 'node:crypto';
import { LabelIndex, parseSelector, selectorId } from '../../selector/index.ts';
import type { LabelledItem } from '../model/endpoint.ts';
import type { IpSetKind } from '../program.ts';
import { CountedSet } from './counted-set.ts';

/** What a set holds. */
export type IpSetSpec =
  | { readonly type: 'selector'; readonly selector: string }
  | {
      readonly type: 'named-port';
      readonly selector: string;
      readonly protocol: string;
      readonly port: string;
    };

/** Identifier and kind of a set; equal specs give equal identifiers, as upstream's do. */
export interface IpSetName {
  readonly id: string;
  readonly kind: IpSetKind;
}

interface ActiveSet extends IpSetName {
  readonly spec: IpSetSpec;
  readonly members: CountedSet;
  references: number;
}

/** Changes of sets since the last {@link IpSetIndex.takeChanges}. */
export interface IpSetChanges {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly deltas: readonly { id: string; added: readonly string[]; removed: readonly string[] }[];
}

/** All sets in use on this host. */
export class IpSetIndex {
  readonly #index: LabelIndex<string, string>;
  readonly #items = new Map<string, LabelledItem>();
  readonly #sets = new Map<string, ActiveSet>();
  readonly #names = new Map<string, IpSetName>();
  readonly #fresh = new Set<string>();
  readonly #gone = new Set<string>();
  readonly #changed = new Set<string>();

  constructor() {
    this.#index = new LabelIndex<string, string>({
      matchStarted: (set, item) => this.#contribute(set, item, 1),
      matchStopped: (set, item) => this.#contribute(set, item, -1),
    });
  }

  /** Adds or replaces an endpoint or network set. */
  setItem(id: string, item: LabelledItem): void {
    const old = this.#items.get(id);
    if (old && !(sameStrings(old.members, item.members) && samePorts(old, item))) {
      // Matches are told again with the new contributions; what both have in common cancels out.
      this.#index.deleteItem(id);
    }
    this.#items.set(id, item);
    this.#index.setItem(id, item.labels, item.parents);
  }

  /** Removes an endpoint or network set. */
  deleteItem(id: string): void {
    this.#index.deleteItem(id);
    this.#items.delete(id);
  }

  /** Labels that a profile gives to its endpoints; `undefined` when there is no such profile. */
  setParent(name: string, labels: Readonly<Record<string, string>> | undefined): void {
    if (labels) this.#index.setParent(name, labels);
    else this.#index.deleteParent(name);
  }

  /** The name of the set of a spec, without a claim on it. */
  nameOf(spec: IpSetSpec): IpSetName {
    const cacheKey = spec.type === 'selector' ? spec.selector : JSON.stringify(spec);
    let name = this.#names.get(cacheKey);
    if (!name) {
      const selector = selectorId(parseSelector(spec.selector));
      name =
        spec.type === 'selector'
          ? { id: selector, kind: 'net' }
          : { id: uniqueId('n', `${selector},${spec.protocol},${spec.port}`), kind: 'ip-port' };
      this.#names.set(cacheKey, name);
    }
    return name;
  }

  /** Claims a set; the first claim makes it. */
  acquire(spec: IpSetSpec): IpSetName {
    const name = this.nameOf(spec);
    const existing = this.#sets.get(name.id);
    if (existing) {
      existing.references++;
      return existing;
    }
    const set: ActiveSet = { ...name, spec, members: new CountedSet(), references: 1 };
    this.#sets.set(set.id, set);
    this.#fresh.add(set.id);
    this.#index.setSelector(set.id, parseSelector(spec.selector));
    return set;
  }

  /** Gives up a claim; the last one removes the set at the next {@link takeChanges}. */
  release(id: string): void {
    const set = this.#sets.get(id);
    if (!set) return;
    set.references--;
    if (set.references === 0) this.#gone.add(id);
  }

  /** The set as the program shows it. */
  get(
    id: string,
  ): { readonly id: string; readonly kind: IpSetKind; readonly members: ReadonlySet<string> } | undefined {
    return this.#sets.get(id);
  }

  /** What changed; the caller hands it on before it calls again. */
  takeChanges(): IpSetChanges {
    const removed: string[] = [];
    for (const id of this.#gone) {
      const set = this.#sets.get(id);
      if (!set || set.references > 0) continue;
      this.#sets.delete(id);
      this.#index.deleteSelector(id);
      this.#changed.delete(id);
      // A set that came and went between two flushes was never told.
      if (!this.#fresh.delete(id)) removed.push(id);
    }
    const deltas: { id: string; added: readonly string[]; removed: readonly string[] }[] = [];
    for (const id of this.#changed) {
      const set = this.#sets.get(id);
      if (!set) continue;
      const delta = set.members.takeDelta();
      if (this.#fresh.has(id) || (delta.added.length === 0 && delta.removed.length === 0)) continue;
      deltas.push({ id, ...delta });
    }
    const added = [...this.#fresh];
    this.#fresh.clear();
    this.#gone.clear();
    this.#changed.clear();
    return { added, removed, deltas };
  }

  #contribute(id: string, itemId: string, change: 1 | -1): void {
    const set = this.#sets.get(id);
    const item = this.#items.get(itemId);
    if (!set || !item) return;
    this.#changed.add(id);
    if (set.spec.type === 'selector') {
      for (const member of item.members) set.members.count(member, change);
      return;
    }
    const { port: name, protocol } = set.spec;
    for (const port of item.ports) {
      if (port.name !== name || port.protocol !== protocol) continue;
      for (const member of item.members) {
        if (!member.includes('/')) set.members.count(`${member},${port.protocol}:${port.port}`, change);
      }
    }
  }
}

/** Upstream's identifiers: `prefix:` + base64url(SHA-224(`prefix:content`)). */
export function uniqueId(prefix: string, content: string): string {
  return `${prefix}:${createHash('sha224').update(`${prefix}:${content}`).digest('base64url')}`;
}

function sameStrings(a: readonly string[], b: readonly string[]): boolean {
  return a === b || (a.length === b.length && a.every((text, i) => text === b[i]));
}

function samePorts(a: LabelledItem, b: LabelledItem): boolean {
  return (
    a.ports === b.ports ||
    (a.ports.length === b.ports.length &&
      a.ports.every((port, i) => {
        const other = b.ports[i]!;
        return port.name === other.name && port.protocol === other.protocol && port.port === other.port;
      }))
  );
}
