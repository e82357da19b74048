/** A map from CIDR to value with longest-prefix match. */
import { type Address, addressBits, type IpVersion } from './address.ts';
import type { Cidr } from './cidr.ts';

/**
 * One hash table per prefix length in use: a look-up costs one probe per distinct length, of which real tables have
 * few, and an update costs one. Both versions may be mixed.
 */
export class CidrTrie<V> {
  readonly #tables = new Map<number, Map<bigint, { readonly cidr: Cidr; value: V }>>();
  #lengths: number[] = [];
  #size = 0;

  /** Number of entries. */
  get size(): number {
    return this.#size;
  }

  /** Adds or replaces the entry of exactly this block. */
  set(cidr: Cidr, value: V): void {
    const slot = slotOf(cidr.version, cidr.prefix);
    let table = this.#tables.get(slot);
    if (!table) {
      table = new Map();
      this.#tables.set(slot, table);
      this.#lengths = [...this.#tables.keys()].sort((a, b) => b - a);
    }
    if (!table.has(cidr.value)) this.#size++;
    table.set(cidr.value, { cidr, value });
  }

  /** The value of exactly this block. */
  get(cidr: Cidr): V | undefined {
    return this.#tables.get(slotOf(cidr.version, cidr.prefix))?.get(cidr.value)?.value;
  }

  /** Removes the entry of exactly this block; whether there was one. */
  delete(cidr: Cidr): boolean {
    const slot = slotOf(cidr.version, cidr.prefix);
    const table = this.#tables.get(slot);
    if (!table?.delete(cidr.value)) return false;
    this.#size--;
    if (table.size === 0) {
      this.#tables.delete(slot);
      this.#lengths = this.#lengths.filter((length) => length !== slot);
    }
    return true;
  }

  /** The longest block that holds the address (or, given a CIDR, that covers all of it). */
  lookup(target: Address | Cidr): { readonly cidr: Cidr; readonly value: V } | undefined {
    for (const match of this.matches(target)) return match;
    return undefined;
  }

  /** Every block that holds the address or covers the CIDR, longest first. */
  *matches(target: Address | Cidr): Generator<{ readonly cidr: Cidr; readonly value: V }> {
    const bits = addressBits(target.version);
    const most = 'prefix' in target ? target.prefix : bits;
    for (const slot of this.#lengths) {
      if (slot % 2 !== (target.version === 6 ? 1 : 0)) continue;
      const prefix = slot >> 1;
      if (prefix > most) continue;
      const shift = BigInt(bits - prefix);
      const entry = this.#tables.get(slot)!.get((target.value >> shift) << shift);
      if (entry) yield entry;
    }
  }

  /** All entries, in no particular order. */
  *entries(): Generator<{ readonly cidr: Cidr; readonly value: V }> {
    for (const table of this.#tables.values()) yield* table.values();
  }
}

/** Prefix length and version in one key, ordered by length. */
function slotOf(version: IpVersion, prefix: number): number {
  return prefix * 2 + (version === 6 ? 1 : 0);
}
