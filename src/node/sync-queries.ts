/** What calico-node follows in the datastore. */
import type { Datastore, Query } from '../datastore/index.ts';

const kinds = [
  'ClusterInformation',
  'FelixConfiguration',
  'BGPConfiguration',
  'BGPPeer',
  'BGPFilter',
  'IPPool',
  'IPReservation',
  'Node',
  'Tier',
  'GlobalNetworkPolicy',
  'NetworkPolicy',
  'StagedGlobalNetworkPolicy',
  'StagedNetworkPolicy',
  'StagedKubernetesNetworkPolicy',
  'GlobalNetworkSet',
  'NetworkSet',
  'Profile',
  'HostEndpoint',
  'WorkloadEndpoint',
] as const;

/** What only the API server has: with etcd, kube-controllers copies the policies, and the rest is not there. */
const kubernetesKinds = [
  'KubernetesNetworkPolicy',
  'KubernetesClusterNetworkPolicy',
  'Service',
  'EndpointSlice',
] as const;

/** Queries of one node. Affinities are its own: other nodes' say nothing that blocks do not. */
export function syncQueries(nodeName: string, datastore: Datastore['kind']): readonly Query[] {
  const more = datastore === 'kubernetes' ? kubernetesKinds : [];
  return [
    ...[...kinds, ...more].map((kind) => ({ type: 'resource', kind }) as const),
    { type: 'block' },
    { type: 'affinity', host: nodeName },
    { type: 'ipam-config' },
  ];
}
