/** Sets of one IP version: members of the other are left out, blocks that another block covers too. */
import { type IpVersion, tryParseCidr } from '../../ip/index.ts';
import type { IpSetKind } from '../../policy/index.ts';
import type { RuleDelta, RuleSet } from './host-rules.ts';
import { setName } from './names.ts';
import { NetCover } from './net-cover.ts';

interface Entry {
  readonly kind: IpSetKind;
  readonly members: Set<string>;
  /** For interval sets of nftables, which refuse overlaps. */
  readonly cover: NetCover | undefined;
  readonly added: Set<string>;
  readonly removed: Set<string>;
  /** Members that the kernel did not take, and why; they get another chance when they come again. */
  readonly refused: Map<string, string>;
  readonly id: string;
}

/** Keeps what the kernel should hold, and what differs since the last {@link RuleSets.take}. */
export class RuleSets {
  readonly #version: IpVersion;
  readonly #dataplane: 'nftables' | 'iptables';
  readonly #entries = new Map<string, Entry>();
  readonly #fresh = new Set<string>();
  readonly #changed = new Set<string>();
  readonly #deleted = new Set<string>();

  constructor(version: IpVersion, dataplane: 'nftables' | 'iptables') {
    this.#version = version;
    this.#dataplane = dataplane;
  }

  get all(): ReadonlyMap<string, RuleSet> {
    return this.#entries;
  }

  /** Adds or replaces the set of an identifier. */
  put(id: string, kind: IpSetKind, members: Iterable<string>): void {
    const name = this.#name(id);
    if (this.#entries.get(name)?.kind === kind) {
      this.replace(id, kind, members);
      return;
    }
    const entry: Entry = {
      kind,
      members: new Set(),
      cover: kind === 'net' && this.#dataplane === 'nftables' ? new NetCover() : undefined,
      added: new Set(),
      removed: new Set(),
      refused: new Map(),
      id,
    };
    this.#entries.set(name, entry);
    this.#deleted.delete(name);
    this.#fresh.add(name);
    const mine = [...members].filter((member) => this.#mine(member) && this.#readable(entry, member));
    for (const member of entry.cover ? entry.cover.load(mine) : mine) this.#show(entry, member);
  }

  /** Makes the set have exactly these members, as a difference. */
  replace(id: string, kind: IpSetKind, members: Iterable<string>): void {
    const entry = this.#entries.get(this.#name(id));
    if (!entry) {
      this.put(id, kind, members);
      return;
    }
    const wanted = new Set<string>();
    for (const member of members) if (this.#mine(member)) wanted.add(member);
    const have = entry.cover ? new Set(entry.cover.members.keys()) : entry.members;
    this.change(
      id,
      [...wanted].filter((member) => !have.has(member)),
      [...have].filter((member) => !wanted.has(member)),
    );
  }

  /** Members that came and went. */
  change(id: string, added: readonly string[], removed: readonly string[]): void {
    const name = this.#name(id);
    const entry = this.#entries.get(name);
    if (!entry) return;
    for (const member of removed) if (this.#mine(member)) this.#remove(entry, member);
    for (const member of added) if (this.#mine(member)) this.#add(entry, member);
    this.#changed.add(name);
  }

  /** Removes a set; one that is not there is gone already. */
  delete(id: string): void {
    const name = this.#name(id);
    if (!this.#entries.delete(name)) return;
    this.#changed.delete(name);
    if (!this.#fresh.delete(name)) this.#deleted.add(name);
  }

  /** Leaves members out that the kernel does not take. */
  refuse(name: string, members: ReadonlyMap<string, string>): void {
    const entry = this.#entries.get(name);
    if (!entry) return;
    for (const [member, reason] of members) {
      if (!entry.members.delete(member)) continue;
      entry.refused.set(member, reason);
    }
  }

  /** Refused members, by set. */
  *problems(): Generator<{ readonly id: string; readonly member: string; readonly reason: string }> {
    for (const { id, refused } of this.#entries.values())
      for (const [member, reason] of refused) yield { id, member, reason };
  }

  take(): Pick<RuleDelta, 'sets' | 'members' | 'deletedSets'> {
    const sets = new Map<string, RuleSet>();
    const members = new Map<string, { added: readonly string[]; removed: readonly string[] }>();
    for (const name of this.#fresh) {
      const entry = this.#entries.get(name)!;
      sets.set(name, entry);
      entry.added.clear();
      entry.removed.clear();
    }
    for (const name of this.#changed) {
      const entry = this.#entries.get(name);
      if (!entry || this.#fresh.has(name) || entry.added.size + entry.removed.size === 0) continue;
      members.set(name, { added: [...entry.added], removed: [...entry.removed] });
      entry.added.clear();
      entry.removed.clear();
    }
    const deletedSets = new Set(this.#deleted);
    this.#fresh.clear();
    this.#changed.clear();
    this.#deleted.clear();
    return { sets, members, deletedSets };
  }

  #name(id: string): string {
    return setName(id, this.#version, this.#dataplane);
  }

  #mine(member: string): boolean {
    const comma = member.indexOf(',');
    const address = comma < 0 ? member : member.slice(0, comma);
    return address.includes(':') === (this.#version === 6);
  }

  /** A block that is none would break the cover of all others. */
  #readable(entry: Entry, member: string): boolean {
    if (!entry.cover || tryParseCidr(member)) return true;
    entry.refused.set(member, 'not an address or block');
    return false;
  }

  #add(entry: Entry, member: string): void {
    if (!entry.cover) {
      this.#show(entry, member);
      return;
    }
    if (!this.#readable(entry, member)) return;
    const { shown, hidden } = entry.cover.add(member);
    for (const one of hidden) this.#hide(entry, one);
    if (shown) this.#show(entry, member);
  }

  #remove(entry: Entry, member: string): void {
    if (!entry.cover) {
      this.#hide(entry, member);
      return;
    }
    if (entry.refused.delete(member) && !tryParseCidr(member)) return;
    const { hidden, shown } = entry.cover.remove(member);
    if (hidden) this.#hide(entry, member);
    for (const one of shown) this.#show(entry, one);
  }

  #show(entry: Entry, member: string): void {
    if (entry.members.has(member) || entry.refused.has(member)) return;
    entry.members.add(member);
    if (!entry.removed.delete(member)) entry.added.add(member);
  }

  #hide(entry: Entry, member: string): void {
    entry.refused.delete(member);
    if (!entry.members.delete(member)) return;
    if (!entry.added.delete(member)) entry.removed.add(member);
  }
}
