/**
 * Rules of a packet filter as values: what both dataplanes render. A match is one condition, a rule holds when all of
 * its matches do, and its actions are done in order. Nothing here knows the syntax of nftables or iptables.
 */
import type { PortRange } from '../../policy/index.ts';

/** The netfilter tables; in nftables they are prefixes of chain names. */
export type Table = 'raw' | 'mangle' | 'nat' | 'filter';

/** Which end of the packet. */
export type Side = 'source' | 'destination';

/** A condition. `not` negates it as a whole. */
export type Match =
  | { readonly on: 'mark'; readonly mask: number; readonly value: number }
  | {
      readonly on: 'ct-state';
      readonly states: readonly ('established' | 'related' | 'invalid' | 'new' | 'untracked')[];
    }
  | { readonly on: 'protocol'; readonly protocol: number; readonly not?: boolean }
  | { readonly on: 'nets'; readonly side: Side; readonly nets: readonly string[]; readonly not?: boolean }
  | { readonly on: 'set'; readonly side: Side; readonly set: string; readonly not?: boolean }
  /** Address, protocol and port of a side are in the set. */
  | { readonly on: 'port-set'; readonly side: Side; readonly set: string; readonly not?: boolean }
  | {
      readonly on: 'ports';
      readonly side: Side;
      readonly ports: readonly PortRange[];
      readonly not?: boolean;
    }
  /** The port is one of these, or address, protocol and port are in one of the sets. */
  | {
      readonly on: 'ports-or-sets';
      readonly side: Side;
      readonly ports: readonly PortRange[];
      readonly sets: readonly string[];
    }
  | { readonly on: 'icmp'; readonly type: number; readonly code?: number; readonly not?: boolean }
  /** `name` may end in `*`. */
  | {
      readonly on: 'interface';
      readonly direction: 'in' | 'out';
      readonly name: string;
      readonly not?: boolean;
    }
  /** The address is one of this host's; with `ofOut`, one of the outgoing interface's. */
  | {
      readonly on: 'local';
      readonly side: Side;
      readonly ofOut?: boolean;
      readonly not?: boolean;
    }
  | { readonly on: 'dnat'; readonly not?: boolean }
  /** No route back to the source through the incoming interface. */
  | { readonly on: 'reverse-path-fails' }
  | { readonly on: 'rate'; readonly rate: string; readonly burst: number };

/** What is done. Chains are named without the table's prefix, and are of the rule's own table. */
export type Action =
  | { readonly do: 'accept' | 'drop' | 'reject' | 'return' | 'notrack' }
  | { readonly do: 'jump' | 'goto'; readonly chain: string }
  /** Goes to the chain that the map names for the interface; without an entry the next rule follows. */
  | { readonly do: 'dispatch'; readonly by: 'in' | 'out'; readonly map: string }
  | { readonly do: 'log'; readonly prefix: string }
  | { readonly do: 'set-mark' | 'clear-mark'; readonly bits: number }
  | { readonly do: 'masquerade'; readonly ports?: PortRange }
  | { readonly do: 'snat'; readonly to: string; readonly ports?: PortRange }
  | { readonly do: 'dnat'; readonly to: string };

/** A rule. */
export interface Rule {
  readonly match: readonly Match[];
  readonly actions: readonly Action[];
  readonly comment?: string;
}

/** A chain; the built-in hooks are chains named in capitals (`FORWARD`). */
export interface Chain {
  readonly table: Table;
  readonly name: string;
  readonly rules: readonly Rule[];
}

/** Identity of a chain or map within an IP version. */
export function chainKey(table: Table, name: string): string {
  return `${table}-${name}`;
}

/** Chains that the rules of a chain go to. */
export function targetsOf(rules: readonly Rule[]): readonly string[] {
  return rules.flatMap((rule) => rule.actions.flatMap((action) => ('chain' in action ? [action.chain] : [])));
}
