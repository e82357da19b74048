/** What calico-node follows in the datastore. */
import type { Query } from '../datastore/index.ts';

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

/** Queries of one node. Affinities are its own: other nodes' say nothing that blocks do not. */
export function syncQueries(nodeName: string): readonly Query[] {
  return [
    ...kinds.map((kind) => ({ type: 'resource', kind }) as const),
    { type: 'block' },
    { type: 'affinity', host: nodeName },
    { type: 'ipam-config' },
  ];
}
