/** A set of strings in which several owners may put the same one; remembers what changed. */

/**
 * Reads as a `ReadonlySet`. A member is in it while its count is above zero; counts above one are rare and kept apart,
 * so that a large set costs no more than a plain one.
 */
export class CountedSet extends Set<string> {
  readonly #extra = new Map<string, number>();
  readonly #added = new Set<string>();
  readonly #removed = new Set<string>();

  /** One owner more or less. */
  count(member: string, change: 1 | -1): void {
    if (change === 1) {
      if (this.has(member)) {
        this.#extra.set(member, (this.#extra.get(member) ?? 0) + 1);
        return;
      }
      this.add(member);
      if (!this.#removed.delete(member)) this.#added.add(member);
      return;
    }
    const extra = this.#extra.get(member);
    if (extra !== undefined) {
      if (extra === 1) this.#extra.delete(member);
      else this.#extra.set(member, extra - 1);
      return;
    }
    if (!this.delete(member)) return;
    if (!this.#added.delete(member)) this.#removed.add(member);
  }

  /** Members that came and went since the last call. */
  takeDelta(): { readonly added: readonly string[]; readonly removed: readonly string[] } {
    const delta = { added: [...this.#added], removed: [...this.#removed] };
    this.#added.clear();
    this.#removed.clear();
    return delta;
  }
}
