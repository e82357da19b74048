/**
 * The objects that every cluster has: ClusterInformation, tiers, default configurations.
 * Upstream: libcalico-go/lib/clientv3 (EnsureInitialized) and node/pkg/lifecycle/startup.
 */
import type { Datastore } from '../datastore/port.ts';
import { apiVersion, type Resource } from '../resources/resource.ts';
import { newMetadata, type ResourceKey, type Stamp, upsert } from './upsert.ts';

/** The release whose datastore we write; stands in ClusterInformation. */
export const calicoVersion = 'v3.32.1';

/** What this node adds to the cluster's description. */
export interface ClusterFacts {
  readonly clusterType: readonly string[];
  readonly kubernetesDatastore: boolean;
  /** 32 hex digits for a cluster that has no GUID. */
  readonly guid: () => string;
}

/** Creates or completes ClusterInformation. An explicit `datastoreReady: false` (upgrade lock) is kept. */
export async function ensureClusterInformation(
  store: Datastore,
  facts: ClusterFacts,
  stamp: Stamp,
): Promise<void> {
  await upsert(store, key('ClusterInformation', 'default'), (current) =>
    completeClusterInformation(current, facts, stamp),
  );
}

/** Pure part of {@link ensureClusterInformation}; `undefined` when nothing is missing. */
export function completeClusterInformation(
  current: Resource | undefined,
  facts: ClusterFacts,
  stamp: Stamp,
): Resource | undefined {
  const spec = current?.spec ?? {};
  const had = typeof spec['clusterType'] === 'string' ? spec['clusterType'].split(',').filter(Boolean) : [];
  const wanted = [...facts.clusterType, ...(facts.kubernetesDatastore ? ['kdd'] : [])];
  const clusterType = [...new Set([...had, ...wanted])].join(',');
  const next: Record<string, unknown> = {
    ...spec,
    clusterGUID: spec['clusterGUID'] || facts.guid(),
    ...(clusterType === '' ? {} : { clusterType }),
    calicoVersion,
    datastoreReady: spec['datastoreReady'] ?? true,
  };
  if (current && Object.keys(next).every((name) => next[name] === spec[name])) return undefined;
  return current
    ? { ...current, spec: next }
    : { kind: 'ClusterInformation', apiVersion, metadata: newMetadata('default', stamp), spec: next };
}

/** The tiers that release 3.32 makes. */
const tiers = [
  { name: 'default', spec: { order: 1_000_000, defaultAction: 'Deny' } },
  { name: 'kube-admin', spec: { order: 1000, defaultAction: 'Pass' } },
  { name: 'kube-baseline', spec: { order: 10_000_000, defaultAction: 'Pass' } },
] as const;

/** Creates what is missing and completes what is there; nothing that an operator set is changed. */
export async function ensureDefaultResources(
  store: Datastore,
  nodeName: string,
  stamp: Stamp,
): Promise<void> {
  for (const tier of tiers) await createIfAbsent(store, 'Tier', tier.name, tier.spec, stamp);
  await complete(
    store,
    'FelixConfiguration',
    'default',
    { logSeverityScreen: 'Info', reportingInterval: '0s' },
    stamp,
  );
  if (store.kind !== 'kubernetes') {
    await complete(
      store,
      'FelixConfiguration',
      `node.${nodeName}`,
      { defaultEndpointToHostAction: 'Return' },
      stamp,
    );
  }
}

async function createIfAbsent(
  store: Datastore,
  kind: string,
  name: string,
  spec: Resource['spec'],
  stamp: Stamp,
): Promise<void> {
  if (await store.get(key(kind, name))) return;
  // Another node may be faster: that is as good.
  await store.create(key(kind, name), { kind, apiVersion, metadata: newMetadata(name, stamp), spec });
}

async function complete(
  store: Datastore,
  kind: string,
  name: string,
  wanted: Resource['spec'],
  stamp: Stamp,
): Promise<void> {
  await upsert(store, key(kind, name), (current) => {
    if (!current) return { kind, apiVersion, metadata: newMetadata(name, stamp), spec: wanted };
    const spec = { ...wanted, ...current.spec };
    return Object.keys(wanted).every((field) => current.spec[field] !== undefined)
      ? undefined
      : { ...current, spec };
  });
}

function key(kind: string, name: string): ResourceKey {
  return { type: 'resource', kind, name };
}
