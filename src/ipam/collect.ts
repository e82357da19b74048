/**
 * Garbage collection: which allocations nobody will ever release. Pure: one scan gives candidates, and only what two
 * scans far enough apart agree on is released.
 */
import type { AuditedAllocation, IpamState } from './audit.ts';
import { audit } from './audit.ts';
import { ageOf } from './doctor.ts';
import type { Attributes, Ipam, ReleaseRequest } from './types.ts';

/** A handle all of whose addresses are unused. */
export interface Candidate {
  readonly handle: string;
  readonly node: string;
  readonly addresses: readonly { readonly address: string; readonly sequence: bigint }[];
  /** Why, for the log. */
  readonly reason: string;
}

/** Whether something on the host vouches for a container: its sandbox, or its interface. */
export type IsAlive = (containerId: string, attributes: Attributes) => boolean;

/** Candidates of earlier scans: when each was first seen, in milliseconds. */
export type Sightings = ReadonlyMap<string, number>;

/** Milliseconds between the two sightings, and the least age of an allocation. */
export const defaultGrace = 15 * 60_000;

/**
 * Candidates of this host: pods' addresses whose container has neither an endpoint nor, as far as the runtime knows, a
 * sandbox. Never tunnels, load balancers, allocations without a handle, or those of other nodes.
 */
export function candidatesOfHost(
  state: IpamState,
  host: string,
  options: { readonly now: number; readonly grace?: number; readonly isAlive: IsAlive },
): readonly Candidate[] {
  const grace = options.grace ?? defaultGrace;
  const containers = new Set(state.endpoints.map((endpoint) => endpoint.spec['containerID']));
  return candidates(state, (allocation) => {
    const { handle, attributes } = allocation;
    if (attributes['node'] !== host || handle === undefined || attributes['type'] !== undefined)
      return undefined;
    const dot = handle.indexOf('.');
    if (dot < 0 || handle.startsWith('lb-')) return undefined;
    const container = handle.slice(dot + 1);
    if (allocation.owners.length > 0 || containers.has(container) || options.isAlive(container, attributes))
      return undefined;
    const age = ageOf(allocation, options.now);
    if (age !== undefined && age < grace) return undefined;
    return `container ${container} has no endpoint and no sandbox`;
  });
}

/** Candidates of hosts that have no Node any more: pods' and tunnels' addresses that nothing uses. */
export function candidatesOfGoneHosts(state: IpamState): readonly Candidate[] {
  const nodes = new Set(state.nodes.map((node) => node.metadata.name));
  return candidates(state, (allocation) => {
    const { attributes, handle } = allocation;
    const node = attributes['node'];
    if (node === undefined || nodes.has(node) || handle === undefined || allocation.owners.length > 0)
      return undefined;
    const judged = attributes['pod'] !== undefined || attributes['type']?.endsWith('TunnelAddress') === true;
    return judged ? `node ${node} is gone and nothing uses the address` : undefined;
  });
}

/** Hosts without a Node that still own blocks. */
export function goneHosts(state: IpamState): readonly string[] {
  const nodes = new Set(state.nodes.map((node) => node.metadata.name));
  const owners = state.affinities.filter(({ virtual }) => !virtual).map(({ host }) => host);
  return [...new Set(owners)].filter((host) => !nodes.has(host));
}

/** Takes in a scan: what has been a candidate, unchanged, for the whole grace period is confirmed. */
export function confirm(
  earlier: Sightings,
  found: readonly Candidate[],
  now: number,
  grace: number = defaultGrace,
): { readonly sightings: Sightings; readonly confirmed: readonly Candidate[] } {
  const sightings = new Map<string, number>();
  const confirmed: Candidate[] = [];
  for (const candidate of found) {
    const id = identityOf(candidate);
    const first = earlier.get(id) ?? now;
    sightings.set(id, first);
    if (earlier.has(id) && now - first >= grace) confirmed.push(candidate);
  }
  return { sightings, confirmed };
}

/** The releases of confirmed candidates: by handle and sequence, so that a later holder is never hit. */
export function releasesOf(confirmed: readonly Candidate[]): readonly ReleaseRequest[] {
  return confirmed.flatMap(({ handle, addresses }) =>
    addresses.map(({ address, sequence }) => ({ address, handle, sequence })),
  );
}

/** Releases what is confirmed, and the empty blocks of hosts that are gone. */
export async function collect(
  ipam: Ipam,
  confirmed: readonly Candidate[],
  hosts: readonly string[],
): Promise<{ readonly addresses: readonly string[]; readonly blocks: readonly string[] }> {
  const { released } = await ipam.releaseIps(releasesOf(confirmed));
  const blocks: string[] = [];
  for (const host of hosts) {
    for (const [block, outcome] of await ipam.releaseHostAffinities(host, { mustBeEmpty: true })) {
      if (outcome === 'released') blocks.push(block);
    }
  }
  return { addresses: released, blocks };
}

/** Handles all of whose allocations are judged garbage; one that is not keeps the others. */
function candidates(
  state: IpamState,
  judge: (allocation: AuditedAllocation) => string | undefined,
): readonly Candidate[] {
  const byHandle = new Map<string, AuditedAllocation[]>();
  for (const allocation of audit(state).allocations) {
    if (allocation.handle === undefined) continue;
    byHandle.set(allocation.handle, [...(byHandle.get(allocation.handle) ?? []), allocation]);
  }
  return [...byHandle].flatMap(([handle, allocations]) => {
    const reasons = allocations.map(judge);
    if (reasons.some((reason) => reason === undefined)) return [];
    return [
      {
        handle,
        node: allocations[0]!.attributes['node'] ?? '',
        addresses: allocations.map(({ address, sequence }) => ({ address, sequence })),
        reason: reasons[0]!,
      },
    ];
  });
}

function identityOf(candidate: Candidate): string {
  return [
    candidate.handle,
    ...candidate.addresses.map(({ address, sequence }) => `${address}@${sequence}`),
  ].join(' ');
}
