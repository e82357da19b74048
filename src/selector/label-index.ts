/**
 * Which items (endpoints, network sets) match which selectors, kept up to date incrementally.
 *
 * Selectors are filed under labels that their matches must have, items under their labels, so that an update touches
 * only what can change. Items inherit the labels of their parents (profiles). Upstream: felix/labelindex.
 */

import type { Labels } from './evaluate.ts';
import { evaluate } from './evaluate.ts';
import { alternativesOf, type Requirement } from './requirement.ts';
import type { Selector } from './syntax.ts';

/** Is told of every pair that begins or ceases to match. Must not change the index from inside. */
export interface MatchListener<S, I> {
  matchStarted(selector: S, item: I): void;
  matchStopped(selector: S, item: I): void;
}

interface Item<S, I> {
  readonly id: I;
  readonly own: Labels;
  readonly parents: readonly string[];
  /** Own labels and those of the parents, the own and then the earlier parent winning. */
  labels: ReadonlyMap<string, string>;
  readonly matched: Set<Filed<S, I>>;
}

interface Filed<S, I> {
  readonly id: S;
  readonly selector: Selector;
  /** Where it is filed; `undefined`: among those that every item must be tried with. */
  requirements: readonly Requirement[] | undefined;
  /** Items that came to it by its requirements in vain since it was filed, and how many more make it move. */
  misses: number;
  patience: number;
  readonly matched: Set<Item<S, I>>;
}

/** Items that may come to a selector in vain before it is filed anew. */
const firstPatience = 32;

/** The index. `S` and `I` are identities that work as Map keys. */
export class LabelIndex<S, I> {
  readonly #listener: MatchListener<S, I>;
  readonly #items = new Map<I, Item<S, I>>();
  readonly #selectors = new Map<S, Filed<S, I>>();
  readonly #itemsByLabel = new Buckets<Item<S, I>>();
  readonly #selectorsByLabel = new Buckets<Filed<S, I>>();
  readonly #selectorsForAll = new Set<Filed<S, I>>();
  readonly #parents = new Map<string, Labels>();
  readonly #itemsByParent = new Map<string, Set<I>>();
  #evaluations = 0;

  constructor(listener: MatchListener<S, I>) {
    this.#listener = listener;
  }

  /** How many times a selector was evaluated, for metrics and tests. */
  get evaluations(): number {
    return this.#evaluations;
  }

  /** Adds or replaces a selector. */
  setSelector(id: S, selector: Selector): void {
    const before = this.#selectors.get(id);
    const requirements = this.#chooseRequirements(selector);
    const filed: Filed<S, I> = {
      id,
      selector,
      requirements,
      matched: new Set(),
      misses: 0,
      patience: firstPatience,
    };
    this.#selectors.set(id, filed);
    for (const item of this.#candidates(selector)) {
      // Alternatives of an "or" may bring the same item twice.
      if (filed.matched.has(item) || !this.#evaluate(filed, item)) continue;
      filed.matched.add(item);
      item.matched.add(filed);
      if (!before?.matched.has(item)) this.#listener.matchStarted(id, item.id);
    }
    if (before) {
      this.#unfile(before);
      for (const item of before.matched) {
        item.matched.delete(before);
        if (!filed.matched.has(item)) this.#listener.matchStopped(id, item.id);
      }
    }
    if (requirements) for (const requirement of requirements) this.#selectorsByLabel.add(requirement, filed);
    else this.#selectorsForAll.add(filed);
  }

  /** Removes a selector; its matches stop. */
  deleteSelector(id: S): void {
    const filed = this.#selectors.get(id);
    if (!filed) return;
    this.#selectors.delete(id);
    this.#unfile(filed);
    for (const item of filed.matched) {
      item.matched.delete(filed);
      this.#listener.matchStopped(id, item.id);
    }
  }

  /** Adds or replaces an item with its own labels and the names of its parents. */
  setItem(id: I, labels: Labels, parents: readonly string[] = []): void {
    const before = this.#items.get(id);
    const item: Item<S, I> = {
      id,
      own: labels,
      parents,
      labels: this.#inherit(labels, parents),
      matched: before?.matched ?? new Set(),
    };
    if (before) {
      this.#unlink(before);
      for (const filed of before.matched) {
        filed.matched.delete(before);
        filed.matched.add(item);
      }
    }
    this.#items.set(id, item);
    for (const parent of parents) {
      const children = this.#itemsByParent.get(parent);
      if (children) children.add(id);
      else this.#itemsByParent.set(parent, new Set([id]));
    }
    this.#link(item);
    this.#rematch(item);
  }

  /** Removes an item; its matches stop. */
  deleteItem(id: I): void {
    const item = this.#items.get(id);
    if (!item) return;
    this.#items.delete(id);
    this.#unlink(item);
    for (const filed of item.matched) {
      filed.matched.delete(item);
      this.#listener.matchStopped(filed.id, id);
    }
  }

  /** Sets the labels that children of a parent inherit. */
  setParent(name: string, labels: Labels): void {
    this.#parents.set(name, labels);
    this.#inheritAgain(name);
  }

  /** Forgets a parent; its children stay. */
  deleteParent(name: string): void {
    if (this.#parents.delete(name)) this.#inheritAgain(name);
  }

  /** The items that a selector matches now. */
  *itemsOf(id: S): Generator<I> {
    for (const item of this.#selectors.get(id)?.matched ?? []) yield item.id;
  }

  /** The selectors that an item matches now. */
  *selectorsOf(id: I): Generator<S> {
    for (const filed of this.#items.get(id)?.matched ?? []) yield filed.id;
  }

  /** The labels of an item, inherited ones included. */
  labelsOf(id: I): ReadonlyMap<string, string> | undefined {
    return this.#items.get(id)?.labels;
  }

  #inheritAgain(parent: string): void {
    for (const id of this.#itemsByParent.get(parent) ?? []) {
      const item = this.#items.get(id)!;
      this.#unfileItem(item);
      item.labels = this.#inherit(item.own, item.parents);
      this.#link(item);
      this.#rematch(item);
    }
  }

  #inherit(own: Labels, parents: readonly string[]): ReadonlyMap<string, string> {
    const labels = new Map(Object.entries(own));
    for (const parent of parents) {
      for (const [label, value] of Object.entries(this.#parents.get(parent) ?? {})) {
        if (!labels.has(label)) labels.set(label, value);
      }
    }
    return labels;
  }

  #link(item: Item<S, I>): void {
    for (const [label, value] of item.labels) {
      this.#itemsByLabel.add({ label, value }, item);
    }
  }

  #unfileItem(item: Item<S, I>): void {
    for (const [label, value] of item.labels) this.#itemsByLabel.delete({ label, value }, item);
  }

  #unlink(item: Item<S, I>): void {
    this.#unfileItem(item);
    for (const parent of item.parents) {
      const children = this.#itemsByParent.get(parent);
      children?.delete(item.id);
      if (children?.size === 0) this.#itemsByParent.delete(parent);
    }
  }

  #unfile(filed: Filed<S, I>): void {
    this.#selectorsForAll.delete(filed);
    for (const requirement of filed.requirements ?? []) this.#selectorsByLabel.delete(requirement, filed);
  }

  /** Evaluates an item against what it matched and what its labels may make it match. */
  #rematch(item: Item<S, I>): void {
    for (const filed of [...item.matched]) {
      if (this.#evaluate(filed, item)) continue;
      item.matched.delete(filed);
      filed.matched.delete(item);
      this.#listener.matchStopped(filed.id, item.id);
    }
    const tryOne = (filed: Filed<S, I>): void => {
      if (item.matched.has(filed)) return;
      if (!this.#evaluate(filed, item)) {
        if (++filed.misses > filed.patience) this.#file(filed);
        return;
      }
      item.matched.add(filed);
      filed.matched.add(item);
      this.#listener.matchStarted(filed.id, item.id);
    };
    for (const filed of this.#selectorsForAll) tryOne(filed);
    for (const [label, value] of item.labels) {
      for (const filed of this.#selectorsByLabel.get({ label })) tryOne(filed);
      for (const filed of this.#selectorsByLabel.get({ label, value })) tryOne(filed);
    }
  }

  /**
   * Files a selector that is met in vain under what the fewest items have. When it came, there may have been none to
   * judge by; each move makes it more patient.
   */
  #file(filed: Filed<S, I>): void {
    filed.misses = 0;
    filed.patience *= 2;
    const better = cheapest(alternativesOf(filed.selector), (requirement) =>
      this.#itemsByLabel.count(requirement),
    );
    if (!filed.requirements || !better) return;
    for (const requirement of filed.requirements) this.#selectorsByLabel.delete(requirement, filed);
    filed.requirements = better;
    for (const requirement of better) this.#selectorsByLabel.add(requirement, filed);
  }

  /** The alternative under which the fewest other selectors are filed. */
  #chooseRequirements(selector: Selector): readonly Requirement[] | undefined {
    return cheapest(alternativesOf(selector), (requirement) => this.#selectorsByLabel.count(requirement));
  }

  /** The smallest known collection of items that holds all matches of the selector. */
  *#candidates(selector: Selector): Generator<Item<S, I>> {
    const best = cheapest(alternativesOf(selector), (requirement) => this.#itemsByLabel.count(requirement));
    if (!best) yield* this.#items.values();
    else for (const requirement of best) yield* this.#itemsByLabel.within(requirement);
  }

  #evaluate(filed: Filed<S, I>, item: Item<S, I>): boolean {
    this.#evaluations++;
    return evaluate(filed.selector, (label) => item.labels.get(label));
  }
}

function cheapest(
  alternatives: readonly (readonly Requirement[])[] | undefined,
  cost: (requirement: Requirement) => number,
): readonly Requirement[] | undefined {
  if (!alternatives) return undefined;
  let best: { readonly list: readonly Requirement[]; readonly cost: number } | undefined;
  for (const list of alternatives) {
    // A requirement without value is met by more labels than one with: on a tie, values win.
    const sum = list.reduce((total, one) => total + cost(one) + (one.value === undefined ? 0.5 : 0), 0);
    if (!best || sum < best.cost) best = { list, cost: sum };
  }
  return best?.list;
}

/** Entries by label and value; entries without value are kept apart from those with one. */
class Buckets<T> {
  readonly #byLabel = new Map<string, { size: number; readonly byValue: Map<string | undefined, Set<T>> }>();

  add({ label, value }: Requirement, entry: T): void {
    let shelf = this.#byLabel.get(label);
    if (!shelf) {
      shelf = { size: 0, byValue: new Map() };
      this.#byLabel.set(label, shelf);
    }
    const bucket = shelf.byValue.get(value);
    if (!bucket) shelf.byValue.set(value, new Set([entry]));
    else if (bucket.has(entry)) return;
    else bucket.add(entry);
    shelf.size++;
  }

  delete({ label, value }: Requirement, entry: T): void {
    const shelf = this.#byLabel.get(label);
    const bucket = shelf?.byValue.get(value);
    if (!shelf || !bucket?.delete(entry)) return;
    shelf.size--;
    if (bucket.size === 0) shelf.byValue.delete(value);
    if (shelf.size === 0) this.#byLabel.delete(label);
  }

  /** The bucket of exactly this label and value, or of the label without value. */
  get({ label, value }: Requirement): Iterable<T> {
    return this.#byLabel.get(label)?.byValue.get(value) ?? [];
  }

  /** All entries whose label satisfies the requirement. */
  *within({ label, value }: Requirement): Generator<T> {
    const byValue = this.#byLabel.get(label)?.byValue;
    if (value !== undefined) yield* byValue?.get(value) ?? [];
    else for (const bucket of byValue?.values() ?? []) yield* bucket;
  }

  /** How many entries {@link within} yields. */
  count({ label, value }: Requirement): number {
    const shelf = this.#byLabel.get(label);
    return (value === undefined ? shelf?.size : shelf?.byValue.get(value)?.size) ?? 0;
  }
}
