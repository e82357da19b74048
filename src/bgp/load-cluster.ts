/** The BGP state of a cluster, read once from its datastore. */
import type { Datastore } from '../datastore/port.ts';
import { BgpCluster } from './model/cluster.ts';

/** Kinds that BGP depends on. */
const bgpKinds: readonly string[] = ['Node', 'BGPConfiguration', 'BGPPeer', 'BGPFilter', 'IPPool'];

/** Reads everything. Values that cannot be read count as absent. */
export async function loadCluster(store: Datastore): Promise<BgpCluster> {
  const cluster = new BgpCluster();
  const queries = [
    ...bgpKinds.map((kind) => ({ type: 'resource', kind }) as const),
    { type: 'affinity' } as const,
  ];
  for (const { items } of await Promise.all(queries.map((query) => store.list(query)))) {
    for (const kv of items) cluster.apply({ type: 'put', kv });
  }
  return cluster;
}
