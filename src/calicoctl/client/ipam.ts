/** IPAM on the client's datastore, for cascades and for the `ipam` commands. */
import { type Block, createIpam, type Ipam, parseBlock } from '../../ipam/index.ts';
import type { ResourceClient } from './client.ts';

/** Releases that a deleted pool or node brings. */
export interface CascadeIpam {
  releaseAddresses(addresses: readonly string[]): Promise<void>;
  removeHost(host: string): Promise<void>;
  releasePoolAffinities(cidr: string): Promise<void>;
}

/** The allocator on the client's datastore. */
export function allocatorOf(client: ResourceClient): Ipam {
  return createIpam(client.store, { now: client.settings.now });
}

/** What cascades do with IPAM. */
export async function ipamOf(client: ResourceClient): Promise<CascadeIpam> {
  const ipam = allocatorOf(client);
  return {
    async releaseAddresses(addresses) {
      if (addresses.length > 0) await ipam.releaseIps(addresses.map((address) => ({ address })));
    },
    removeHost: (host) => ipam.removeHost(host),
    async releasePoolAffinities(cidr) {
      await ipam.releasePoolAffinities(cidr);
    },
  };
}

/** All blocks in the order of their keys. */
export async function listBlocks(client: ResourceClient): Promise<readonly Block[]> {
  const { items } = await client.store.list({ type: 'block' });
  return items.map((kv) => parseBlock(kv.value as Parameters<typeof parseBlock>[0]));
}
