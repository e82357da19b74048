/**
 * Which members of an interval set need to be in the kernel: those that no other member covers.
 *
 * nftables refuses overlapping elements, and cannot take single members out of merged ones.
 */
import { type Cidr, CidrTrie, cidrCovers, compareCidrs, parseCidr } from '../../ip/index.ts';

/** A set of nets with its outermost ones. Single addresses, the common case, cost one look-up per prefix length in use. */
export class NetCover {
  readonly #cidrs = new Map<string, Cidr>();
  readonly #trie = new CidrTrie<string>();
  /** Members that are not single addresses: only they can cover others. */
  readonly #blocks = new Map<string, Cidr>();

  /** All members, covered ones included. */
  get members(): ReadonlyMap<string, Cidr> {
    return this.#cidrs;
  }

  /** Fills an empty cover: one sort instead of a walk per block. Returns what must be shown. */
  load(members: readonly string[]): readonly string[] {
    const sorted = members.map((member) => ({ member, cidr: parseCidr(member) }));
    sorted.sort((a, b) => compareCidrs(a.cidr, b.cidr));
    const shown: string[] = [];
    let outer: Cidr | undefined;
    for (const { member, cidr } of sorted) {
      this.#cidrs.set(member, cidr);
      if (!isSingle(cidr)) {
        this.#trie.set(cidr, member);
        this.#blocks.set(member, cidr);
      }
      if (outer && cidrCovers(outer, cidr)) continue;
      outer = cidr;
      shown.push(member);
    }
    return shown;
  }

  /** Adds a member: whether it must be shown, and which others need not be any more. */
  add(member: string): { readonly shown: boolean; readonly hidden: readonly string[] } {
    if (this.#cidrs.has(member)) return { shown: false, hidden: [] };
    const cidr = parseCidr(member);
    const shown = this.#blocks.size === 0 || this.#trie.lookup(cidr) === undefined;
    this.#cidrs.set(member, cidr);
    if (isSingle(cidr)) return { shown, hidden: [] };
    this.#trie.set(cidr, member);
    this.#blocks.set(member, cidr);
    return { shown, hidden: shown ? this.#inside(cidr, member) : [] };
  }

  /** Removes a member: whether it was shown, and which others must be now. */
  remove(member: string): { readonly hidden: boolean; readonly shown: readonly string[] } {
    const cidr = this.#cidrs.get(member);
    if (!cidr) return { hidden: false, shown: [] };
    this.#cidrs.delete(member);
    if (!isSingle(cidr)) {
      this.#trie.delete(cidr);
      this.#blocks.delete(member);
    }
    const hidden = this.#trie.lookup(cidr) === undefined;
    if (!hidden || isSingle(cidr)) return { hidden, shown: [] };
    const shown = this.#inside(cidr, member).filter((other) => {
      const inner = this.#cidrs.get(other)!;
      for (const { value } of this.#trie.matches(inner)) if (value !== other) return false;
      return true;
    });
    return { hidden, shown };
  }

  /** Members that lie in the block. A walk over all, but blocks that come and go are rare beside addresses. */
  #inside(outer: Cidr, self: string): readonly string[] {
    const inside: string[] = [];
    for (const [member, cidr] of this.#cidrs) {
      if (member !== self && cidrCovers(outer, cidr)) inside.push(member);
    }
    return inside;
  }
}

function isSingle(cidr: Cidr): boolean {
  return cidr.prefix === (cidr.version === 4 ? 32 : 128);
}
