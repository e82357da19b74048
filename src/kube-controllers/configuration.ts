/** First writes of a cluster, and the stored configuration with its status. */
import type { Datastore, Key, Value } from '../datastore/index.ts';
import { CalicoError } from '../errors.ts';
import { apiVersion, fixedTiers, type KubeControllersConfigurationSpec } from '../resources/index.ts';
import type { Resource } from '../resources/resource.ts';
import type { Stamps } from './apply.ts';
import { defaultConfiguration, type ResolvedSettings, resolveSettings } from './settings.ts';
import { saysTheSame } from './state.ts';

const configurationKey = { type: 'resource', kind: 'KubeControllersConfiguration', name: 'default' } as const;

/** Makes ClusterInformation and the tiers where they are missing; what is there stays. */
export async function ensureInitialised(store: Datastore, stamps: Stamps): Promise<void> {
  await ensure(store, stamps, 'ClusterInformation', 'default', {
    clusterGUID: stamps.uuid().replaceAll('-', ''),
    clusterType: store.kind === 'kubernetes' ? 'kdd,k8s' : 'k8s',
    datastoreReady: true,
  });
  for (const [name, { order, action }] of Object.entries(fixedTiers))
    await ensure(store, stamps, 'Tier', name, { order, defaultAction: action });
}

async function ensure(
  store: Datastore,
  { now, uuid }: Stamps,
  kind: string,
  name: string,
  spec: Resource['spec'],
): Promise<void> {
  const key: Key = { type: 'resource', kind, name };
  if (await store.get(key)) return;
  const creationTimestamp = now()
    .toISOString()
    .replace(/\.\d+Z$/, 'Z');
  await store.create(key, { apiVersion, kind, metadata: { name, uid: uuid(), creationTimestamp }, spec });
}

/** Reads the configuration, making it when there is none, and keeps its status true. @throws CalicoError INPUT */
export async function loadConfiguration(
  store: Datastore,
  env: Readonly<Record<string, string | undefined>>,
  stamps: Stamps,
): Promise<ResolvedSettings> {
  const datastore = store.kind === 'kubernetes' ? 'kubernetes' : 'etcdv3';
  for (let attempt = 1; attempt <= 10; attempt++) {
    const found = await store.get(configurationKey);
    if (!found) {
      const creationTimestamp = stamps
        .now()
        .toISOString()
        .replace(/\.\d+Z$/, 'Z');
      await store.create(configurationKey, {
        apiVersion,
        kind: 'KubeControllersConfiguration',
        metadata: { name: 'default', uid: stamps.uuid(), creationTimestamp },
        spec: defaultConfiguration,
      });
      continue;
    }
    const resource = found.value as Resource;
    const resolved = resolveSettings(resource.spec as KubeControllersConfigurationSpec, env, datastore);
    const { runningConfig, environmentVars } = resolved;
    const status = { runningConfig, environmentVars };
    if (saysTheSame(resource.status, status)) return resolved;
    const value = { ...resource, status } as unknown as Value<typeof configurationKey>;
    const written = await store.update(configurationKey, value, { revision: found.revision });
    if (written.ok) return resolved;
  }
  throw new CalicoError('CONFLICT', 'another writer keeps changing KubeControllersConfiguration default');
}
