/** The `peers` variable: entries as values, with what becomes of each. */
import { formatAddress, tryParseAddress } from '../../ip/index.ts';
import type { Host } from '../inventory/index.ts';
import { isList, isMapping, type Mapping, text, type Value } from '../values/value.ts';
import type { ClusterView } from './cluster-view.ts';
import { type AsNumberResult, quotedAs, wholeNumber } from './numbers.ts';

/** One entry of `peers`. */
export interface PeerEntry {
  /** Text of router_id; empty if missing. */
  readonly routerId: string;
  /** The address in canonical form, if it is one. */
  readonly address: string | undefined;
  readonly as: AsNumberResult | undefined;
  readonly scope: 'global' | 'node' | 'dropped';
  readonly scopeText: string | undefined;
  readonly name: string | undefined;
  readonly sourceAddress: string | undefined;
  readonly filters: readonly string[];
  readonly allowedLocalAs: number | undefined;
}

/** Entries that a host sees, in order; undefined if `peers` is not a list of mappings. */
export function peersOf(view: ClusterView, host: Host): readonly PeerEntry[] | undefined {
  const value = view.value(host, 'peers');
  if (value === undefined) return undefined;
  if (!isList(value) || !value.every(isMapping)) return undefined;
  return value.map(entry);
}

function entry(mapping: Mapping): PeerEntry {
  const field = (name: string): Value | undefined => mapping.get(name);
  const optional = (name: string) => {
    const value = field(name);
    return value === undefined || value === null ? undefined : text(value);
  };
  const routerId = optional('router_id') ?? '';
  const parsed = tryParseAddress(routerId.split('/')[0] ?? '');
  const as = field('as');
  const scopeText = optional('scope');
  const filters = field('filters');
  return {
    routerId,
    address: parsed && formatAddress(parsed),
    as: as === undefined ? undefined : quotedAs(as),
    scope:
      scopeText === 'global'
        ? 'global'
        : scopeText === undefined || scopeText === 'node'
          ? 'node'
          : 'dropped',
    scopeText,
    name: optional('name'),
    sourceAddress: optional('sourceaddress'),
    filters: isList(filters) ? filters.map(text) : [],
    allowedLocalAs: wholeNumber(field('numallowedlocalasnumbers')),
  };
}

/** The name of the BGPPeer. Colons of IPv6 addresses become hyphens in every release here. */
export function peerName(view: ClusterView, prefix: string, peer: PeerEntry): string {
  const suffix = view.since('2.16') ? (peer.name ?? peer.routerId) : peer.routerId;
  return `${prefix}-${suffix.replaceAll(':', '-')}`;
}

/** Entries of one scope in the order in which Kubespray makes them, exact duplicates once, the last of a name winning. */
export function peersInOrder(entries: readonly PeerEntry[], scope: 'global' | 'node'): readonly PeerEntry[] {
  const wanted =
    scope === 'global'
      ? entries.filter((one) => one.scope === 'global')
      : [
          ...entries.filter((one) => one.scope === 'node' && one.scopeText === undefined),
          ...entries.filter((one) => one.scope === 'node' && one.scopeText !== undefined),
        ];
  const byName = new Map<string, PeerEntry>();
  for (const one of wanted) byName.set(one.name ?? one.routerId, one);
  return [...byName.values()];
}
