/** The kinds: names, scope, aliases, and the schema of each. */

import { bgpConfigurationSpec } from './kinds/bgp-configuration.ts';
import { bgpFilterSpec } from './kinds/bgp-filter.ts';
import { bgpPeerSpec } from './kinds/bgp-peer.ts';
import { calicoNodeStatusSpec, calicoNodeStatusStatus } from './kinds/calico-node-status.ts';
import { clusterInformationSpec } from './kinds/cluster-information.ts';
import { felixConfigurationSpec } from './kinds/felix-configuration.ts';
import { hostEndpointSpec } from './kinds/host-endpoint.ts';
import { ipPoolSpec, ipPoolStatus } from './kinds/ip-pool.ts';
import { ipReservationSpec } from './kinds/ip-reservation.ts';
import { blockAffinitySpec, ipamConfigurationSpec } from './kinds/ipam-resources.ts';
import {
  kubeControllersConfigurationSpec,
  kubeControllersConfigurationStatus,
} from './kinds/kube-controllers-configuration.ts';
import { stagedKubernetesNetworkPolicySpec } from './kinds/kubernetes-policy.ts';
import { globalNetworkSetSpec, networkSetSpec } from './kinds/network-set.ts';
import { nodeSpec, nodeStatus } from './kinds/node.ts';
import {
  globalNetworkPolicySpec,
  networkPolicySpec,
  stagedGlobalNetworkPolicySpec,
  stagedNetworkPolicySpec,
} from './kinds/policy.ts';
import { profileSpec } from './kinds/profile.ts';
import { tierSpec, tierStatus } from './kinds/tier.ts';
import { workloadEndpointSpec } from './kinds/workload-endpoint.ts';
import type { Resource } from './resource.ts';
import type { Schema, TypeOf } from './schema.ts';

/** What the table says of a kind. */
export interface KindInfo {
  /** Lower-case plural: the segment of the etcd path, and a name calicoctl takes. */
  readonly plural: string;
  readonly namespaced: boolean;
  /** Further lower-case names that calicoctl takes, beside the kind itself and the plural. */
  readonly aliases: readonly string[];
  /** Minor release of v3 that brought the kind; 0 when older than 3.15. */
  readonly since: number;
  /** Whether calicoctl serves the kind. */
  readonly served: boolean;
  readonly spec: Schema;
  readonly status?: Schema;
}

function kind<S extends Schema>(
  spec: S,
  plural: string,
  aliases = '',
  options: Partial<Pick<KindInfo, 'namespaced' | 'since' | 'served' | 'status'>> = {},
): Omit<KindInfo, 'spec'> & { readonly spec: S } {
  return {
    plural,
    namespaced: false,
    since: 0,
    served: true,
    aliases: aliases === '' ? [] : aliases.split(' '),
    ...options,
    spec,
  };
}

/** The table of kinds. */
export const kinds = {
  BGPConfiguration: kind(bgpConfigurationSpec, 'bgpconfigurations', 'bgpconfig bgpconfigs'),
  BGPFilter: kind(bgpFilterSpec, 'bgpfilters', 'bgpf bgpfs bf bfs', { since: 26 }),
  BGPPeer: kind(bgpPeerSpec, 'bgppeers', 'bgpp bgpps bp bps'),
  BlockAffinity: kind(blockAffinitySpec, 'blockaffinities', '', { since: 24, served: false }),
  CalicoNodeStatus: kind(calicoNodeStatusSpec, 'caliconodestatuses', '', {
    since: 21,
    served: false,
    status: calicoNodeStatusStatus,
  }),
  ClusterInformation: kind(clusterInformationSpec, 'clusterinformations', 'clusterinfo clusterinfos'),
  FelixConfiguration: kind(felixConfigurationSpec, 'felixconfigurations', 'felixconfig felixconfigs'),
  GlobalNetworkPolicy: kind(globalNetworkPolicySpec, 'globalnetworkpolicies', 'gnp gnps'),
  GlobalNetworkSet: kind(globalNetworkSetSpec, 'globalnetworksets', 'gnetsets'),
  HostEndpoint: kind(hostEndpointSpec, 'hostendpoints', 'hep heps'),
  IPAMConfiguration: kind(ipamConfigurationSpec, 'ipamconfigurations', '', { since: 32, served: false }),
  IPPool: kind(ipPoolSpec, 'ippools', 'ipp ipps pool pools', { status: ipPoolStatus }),
  IPReservation: kind(ipReservationSpec, 'ipreservations', 'reservation reservations', { since: 21 }),
  KubeControllersConfiguration: kind(
    kubeControllersConfigurationSpec,
    'kubecontrollersconfigurations',
    'kubecontrollersconfig kubecontrollersconfigs',
    { status: kubeControllersConfigurationStatus },
  ),
  NetworkPolicy: kind(networkPolicySpec, 'networkpolicies', 'policy policies np pol pols', {
    namespaced: true,
  }),
  NetworkSet: kind(networkSetSpec, 'networksets', 'netsets', { namespaced: true }),
  Node: kind(nodeSpec, 'nodes', 'no nos', { status: nodeStatus }),
  Profile: kind(profileSpec, 'profiles', 'pro pros'),
  StagedGlobalNetworkPolicy: kind(
    stagedGlobalNetworkPolicySpec,
    'stagedglobalnetworkpolicies',
    'sgnp sgnps',
    {
      since: 30,
    },
  ),
  StagedKubernetesNetworkPolicy: kind(
    stagedKubernetesNetworkPolicySpec,
    'stagedkubernetesnetworkpolicies',
    'stagedkubernetespolicy stagedkubernetespolicies sknp skpol skpols',
    { since: 30, namespaced: true },
  ),
  StagedNetworkPolicy: kind(
    stagedNetworkPolicySpec,
    'stagednetworkpolicies',
    'stagedpolicy stagedpolicies snp spol spols',
    { since: 30, namespaced: true },
  ),
  Tier: kind(tierSpec, 'tiers', '', { since: 29, status: tierStatus }),
  WorkloadEndpoint: kind(workloadEndpointSpec, 'workloadendpoints', 'wep weps', { namespaced: true }),
} as const;

/** Name of a kind. */
export type Kind = keyof typeof kinds;
/** Type of a kind's spec. */
export type SpecOf<K extends Kind> = TypeOf<(typeof kinds)[K]['spec']>;
/** A resource whose spec has the kind's type. */
export type ResourceOf<K extends Kind> = Resource<K, SpecOf<K>>;
/** A resource of any known kind. */
export type AnyResource = { [K in Kind]: ResourceOf<K> }[Kind];

const names = Object.keys(kinds) as readonly Kind[];
const byPlural = new Map(names.map((name) => [kinds[name].plural as string, name]));
const byAlias = new Map(
  names.flatMap((name) =>
    [name.toLowerCase(), kinds[name].plural, ...kinds[name].aliases].map((alias) => [alias, name] as const),
  ),
);

/** All kinds, in alphabetical order. */
export const kindNames: readonly Kind[] = names;

/** Whether the text is the name of a kind, exactly cased. */
export function isKind(text: string): text is Kind {
  return Object.hasOwn(kinds, text);
}

/** The row of the table; `undefined` for a kind that is none. */
export function kindInfo(text: string): KindInfo | undefined {
  return isKind(text) ? kinds[text] : undefined;
}

/** The kind with this plural, as it stands in etcd paths. */
export function kindOfPlural(plural: string): Kind | undefined {
  return byPlural.get(plural);
}

/** The kind that a person named by any of its names, in any case. */
export function kindOfAlias(text: string): Kind | undefined {
  return byAlias.get(text.toLowerCase());
}

/** Narrows a resource to a kind. The datastore hands out only values that its schema has passed. */
export function hasKind<K extends Kind>(resource: Resource, name: K): resource is ResourceOf<K> {
  return resource.kind === name;
}
