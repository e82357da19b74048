/** What single kinds do beyond the common create, update, get, list and delete. */
import type { Resource } from '../../resources/index.ts';
import type { Release } from '../release.ts';
import type { ObjectId, ResourceClient } from './client.ts';
import { bgpConfigurationRules } from './kinds/bgp-configuration.ts';
import { bgpPeerRules } from './kinds/bgp-peer.ts';

import { ipPoolRules } from './kinds/ip-pool.ts';
import { nodeRules } from './kinds/node.ts';
import { policyRules } from './kinds/policy.ts';
import { profileRules } from './kinds/profile.ts';
import { clusterInformationRules, kubeControllersRules } from './kinds/single-object.ts';
import { tierRules } from './kinds/tier.ts';
import { workloadEndpointRules } from './kinds/workload-endpoint.ts';
import { prepareByDefault } from './prepare.ts';

/** The rules of a kind; all are optional. */
export interface KindRules {
  /** The stored object is read before an update and given to `prepare`. */
  readonly needsOld?: boolean;
  /** Fills in defaults and validates. `old` is there on updates of kinds with `needsOld`; `undefined` on creates. */
  prepare?(
    resource: Resource,
    client: ResourceClient,
    old: Resource | undefined,
  ): Promise<Resource> | Resource;
  /** Checks on a create, after validation. */
  beforeCreate?(resource: Resource, client: ResourceClient): Promise<void> | void;
  /** Fills in what older writers left out. */
  afterRead?(resource: Resource, release: Release): Resource;
  /** Sorts a list, adds synthetic objects. */
  arrange?(items: readonly Resource[], release: Release): readonly Resource[];
  /** An object that is always there. */
  synthetic?(name: string): Resource | undefined;
  /** Deletes with what belongs to the object; `plain` deletes the object alone. */
  delete?(
    id: ObjectId,
    revision: string | undefined,
    client: ResourceClient,
    plain: (revision?: string) => Promise<void>,
  ): Promise<void>;
}

const table: Readonly<Record<string, KindRules>> = {
  BGPConfiguration: bgpConfigurationRules,
  BGPPeer: bgpPeerRules,
  ClusterInformation: clusterInformationRules,
  GlobalNetworkPolicy: policyRules,
  IPPool: ipPoolRules,
  KubeControllersConfiguration: kubeControllersRules,
  NetworkPolicy: policyRules,
  Node: nodeRules,
  Profile: profileRules,
  StagedGlobalNetworkPolicy: policyRules,
  StagedNetworkPolicy: policyRules,
  Tier: tierRules,
  WorkloadEndpoint: workloadEndpointRules,
};

const common: KindRules = { prepare: prepareByDefault };

/** The rules of a kind. */
export function rulesOf(kind: string): KindRules {
  return table[kind] ?? common;
}
