/** Node: a create initialises the cluster, a delete takes along what belongs to the node. */
import { parseAddressOrCidr } from '../addresses.ts';
import type { ObjectId, ResourceClient } from '../client.ts';
import { ClientError } from '../errors.ts';
import { initialiseCluster } from '../initialise.ts';
import type { KindRules } from '../kind-rules.ts';
import { prepareByDefault } from '../prepare.ts';

/** Deletes; that the object is gone or not deletable here is no failure. */
async function deleteIfThere(client: ResourceClient, id: ObjectId): Promise<void> {
  try {
    await client.delete(id);
  } catch (error) {
    const harmless = error instanceof ClientError && ['not-found', 'unsupported'].includes(error.class);
    if (!harmless) throw error;
  }
}

async function tunnelAddresses(client: ResourceClient, name: string): Promise<string[]> {
  try {
    const { spec } = await client.get({ kind: 'Node', name });
    const bgp = spec['bgp'] as Readonly<Record<string, unknown>> | undefined;
    const wireguard = spec['wireguard'] as Readonly<Record<string, unknown>> | undefined;
    const later =
      client.release.minor <= 15
        ? []
        : [
            spec['ipv6VXLANTunnelAddr'],
            wireguard?.['interfaceIPv4Address'],
            wireguard?.['interfaceIPv6Address'],
          ];
    return [bgp?.['ipv4IPIPTunnelAddr'], spec['ipv4VXLANTunnelAddr'], ...later].filter(
      (address): address is string => typeof address === 'string' && address !== '',
    );
  } catch (error) {
    if (error instanceof ClientError && error.class === 'not-found') return [];
    throw error;
  }
}

/** See the module's comment. */
export const nodeRules: KindRules = {
  prepare: prepareByDefault,
  beforeCreate: (_resource, client) => initialiseCluster(client),
  async delete(id, revision, client, plain) {
    const { name } = id;
    if (name === '') throw new ClientError('validation', 'error with field node (field should be assigned)');
    const endpoints = (await client.list('WorkloadEndpoint')).items.filter(
      (item) => item.spec['node'] === name,
    );
    const networks = endpoints.flatMap((item) => (item.spec['ipNetworks'] as string[] | undefined) ?? []);
    const addresses = [...networks, ...(await tunnelAddresses(client, name))]
      .map(parseAddressOrCidr)
      .filter((address) => address !== undefined);
    const { ipamOf } = await import('../ipam.ts');
    const ipam = await ipamOf(client);
    await ipam.releaseAddresses(addresses);
    for (const { kind, metadata } of endpoints) {
      await deleteIfThere(client, { kind, namespace: metadata.namespace, name: metadata.name });
    }
    await ipam.removeHost(name);
    await deleteWhere(client, 'BGPPeer', name);
    await deleteIfThere(client, { kind: 'FelixConfiguration', name: `node.${name}` });
    await deleteIfThere(client, { kind: 'BGPConfiguration', name: `node.${name}` });
    if (client.release.minor > 15) await deleteWhere(client, 'HostEndpoint', name);
    await plain(revision);
  },
};

async function deleteWhere(client: ResourceClient, kind: string, node: string): Promise<void> {
  for (const item of (await client.list(kind)).items) {
    if (item.spec['node'] === node) await deleteIfThere(client, { kind, name: item.metadata.name });
  }
}
