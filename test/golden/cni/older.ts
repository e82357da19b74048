/**
 * Recordings of v3.15 against ours, which answers as v3.32 does: what 3.32 added is left out of both sides, and of
 * errors and results only their gist is compared.
 */

/** Members that v3.15 does not know. */
const newer = new Set([
  'affinity_claim_time',
  'sequenceNumber',
  'sequenceNumberForAllocation',
  'timestamp',
  'serviceAccountName',
  'allowSpoofedSourcePrefixes',
  'hostPort',
  'hostIP',
]);

/** A stored value without what v3.15 does not know. */
export function olderStored(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(olderStored);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => !newer.has(name))
      .map(([name, item]) => [name, olderStored(item)]),
  );
}

/** Addresses of a result, without masks; of an error only that it is one. */
export function gistOfReply(document: unknown): unknown {
  if (typeof document !== 'object' || document === null) return null;
  const value = document as {
    readonly code?: unknown;
    readonly ips?: readonly { readonly address: string }[];
    readonly ip4?: { readonly ip: string };
    readonly ip6?: { readonly ip: string };
  };
  if (value.code !== undefined) return 'error';
  const texts = [...(value.ips ?? []).map(({ address }) => address), value.ip4?.ip, value.ip6?.ip];
  return texts.filter((text) => text !== undefined).map((text) => text.slice(0, text.indexOf('/')));
}

/** Kernel parameters that both releases set alike. */
export function isSharedSysctl(name: string): boolean {
  return !/route_localnet|proxy_delay|accept_dad|accept_ra|disable_ipv6/.test(name);
}
