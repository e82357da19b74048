/** Initialises a datastore: ClusterInformation `default`, and the tiers that every cluster has since 3.29. */
import { apiVersion, type Resource } from '../../resources/index.ts';
import type { ResourceClient } from './client.ts';
import { ClientError } from './errors.ts';

const tiers: readonly { readonly name: string; readonly order: number; readonly defaultAction: string }[] = [
  { name: 'default', order: 1_000_000, defaultAction: 'Deny' },
  { name: 'kube-admin', order: 1000, defaultAction: 'Pass' },
  { name: 'kube-baseline', order: 10_000_000, defaultAction: 'Pass' },
];

/** Makes what is missing; what is there stays. Of a ClusterInformation only empty fields are filled. */
export async function initialiseCluster(client: ResourceClient): Promise<void> {
  await ensureClusterInformation(client);
  if (client.release.minor < 29) return;
  for (const { name, ...spec } of tiers) {
    await createIfAbsent(client, { apiVersion, kind: 'Tier', metadata: { name }, spec });
  }
}

async function ensureClusterInformation(client: ResourceClient): Promise<void> {
  try {
    const current = await client.get({ kind: 'ClusterInformation', name: 'default' });
    const spec = {
      ...current.spec,
      ...(current.spec['clusterGUID'] ? {} : { clusterGUID: newGuid(client) }),
      ...(typeof current.spec['datastoreReady'] === 'boolean' ? {} : { datastoreReady: true }),
    };
    if (JSON.stringify(spec) !== JSON.stringify(current.spec)) await client.update({ ...current, spec });
  } catch (error) {
    if (!(error instanceof ClientError && error.class === 'not-found')) throw error;
    await createIfAbsent(client, {
      apiVersion,
      kind: 'ClusterInformation',
      metadata: { name: 'default' },
      spec: {
        clusterGUID: newGuid(client),
        datastoreReady: true,
        ...(client.store.kind === 'kubernetes' ? { clusterType: 'kdd' } : {}),
      },
    });
  }
}

async function createIfAbsent(client: ResourceClient, resource: Resource): Promise<void> {
  try {
    await client.create(resource);
  } catch (error) {
    if (!(error instanceof ClientError && error.class === 'exists')) throw error;
  }
}

function newGuid(client: ResourceClient): string {
  return client.settings.uuid().replaceAll('-', '');
}
