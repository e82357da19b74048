/** What the host's interfaces are at the moment, kept up to date from events. */
import type { InterfaceAddress, Link, NetworkEvent, RtNetlink } from '../../linux/index.ts';
import type { HostInterface } from '../dataplane.ts';

/** The host's interfaces by name and index. */
export class HostLinks {
  readonly #byIndex = new Map<number, Link>();
  readonly #byName = new Map<string, Link>();
  readonly #addresses = new Map<number, Set<string>>();

  /** Reads everything anew; returns the names of interfaces that differ from before. */
  read(netlink: RtNetlink): ReadonlySet<string> {
    const before = new Map(
      [...this.#byName].map(([name, link]) => [name, fingerprint(link, this.#addresses.get(link.index))]),
    );
    this.#byIndex.clear();
    this.#byName.clear();
    this.#addresses.clear();
    for (const link of netlink.links()) this.#put(link);
    for (const address of netlink.addresses()) this.#address(address, false);
    const changed = new Set<string>();
    for (const [name, link] of this.#byName) {
      if (before.get(name) !== fingerprint(link, this.#addresses.get(link.index))) changed.add(name);
      before.delete(name);
    }
    for (const name of before.keys()) changed.add(name);
    return changed;
  }

  /**
   * Takes an event in. Returns the name of the interface that changed, and whether it may have lost its routes
   * meanwhile (went down, was replaced, or lost an address).
   */
  observe(event: NetworkEvent): { readonly name: string; readonly lostRoutes: boolean } | undefined {
    if (event.type === 'link') {
      const before = this.#byIndex.get(event.link.index);
      if (event.gone) {
        if (!before) return undefined;
        this.#byIndex.delete(before.index);
        this.#addresses.delete(before.index);
        if (this.#byName.get(before.name)?.index === before.index) this.#byName.delete(before.name);
        return { name: before.name, lostRoutes: true };
      }
      if (before && before.name !== event.link.name) this.#byName.delete(before.name);
      const replaced = this.#byName.get(event.link.name)?.index !== event.link.index;
      this.#put(event.link);
      if (!replaced && before && fingerprint(before) === fingerprint(event.link)) return undefined;
      return { name: event.link.name, lostRoutes: !event.link.up || replaced };
    }
    if (event.type !== 'address') return undefined;
    const name = this.#byIndex.get(event.address.index)?.name;
    return this.#address(event.address, event.gone) && name !== undefined
      ? { name, lostRoutes: event.gone }
      : undefined;
  }

  /** A link by name. */
  get(name: string): Link | undefined {
    return this.#byName.get(name);
  }

  /** A link by index. */
  at(index: number): Link | undefined {
    return this.#byIndex.get(index);
  }

  /** All links. */
  all(): Iterable<Link> {
    return this.#byName.values();
  }

  /** Addresses with prefix of an interface. */
  addressesOf(name: string): readonly string[] {
    const index = this.#byName.get(name)?.index;
    return index === undefined ? [] : [...(this.#addresses.get(index) ?? [])].sort();
  }

  /** The interface that holds an address. */
  holding(address: string): Link | undefined {
    for (const [index, addresses] of this.#addresses) {
      for (const one of addresses) if (one.startsWith(`${address}/`)) return this.#byIndex.get(index);
    }
    return undefined;
  }

  /** The interfaces as packet filters need them. */
  interfaces(): readonly HostInterface[] {
    return [...this.#byName.values()].map((link) => {
      const plain = this.addressesOf(link.name).map((address) => address.slice(0, address.indexOf('/')));
      return {
        name: link.name,
        index: link.index,
        up: link.up,
        ipv4: plain.filter((address) => !address.includes(':')),
        ipv6: plain.filter((address) => address.includes(':')),
      };
    });
  }

  #put(link: Link): void {
    this.#byIndex.set(link.index, link);
    this.#byName.set(link.name, link);
  }

  #address(address: InterfaceAddress, gone: boolean): boolean {
    const known = this.#addresses.get(address.index) ?? new Set();
    this.#addresses.set(address.index, known);
    if (gone) return known.delete(address.address);
    const before = known.size;
    return known.add(address.address).size !== before;
  }
}

function fingerprint(link: Link, addresses?: ReadonlySet<string>): string {
  return `${link.index} ${link.name} ${link.up} ${link.operUp} ${link.mtu} ${link.mac} ${[...(addresses ?? [])].sort()}`;
}
