import { field, list, string, struct, type TypeOf } from '../schema.ts';

/** Spec of a NetworkSet; upstream: api/pkg/apis/projectcalico/v3/networkset.go. */
export const networkSetSpec = struct('NetworkSetSpec', { nets: field(list(string, 'cidr')) });
/** Spec of a GlobalNetworkSet; upstream: api/pkg/apis/projectcalico/v3/globalnetworkset.go. */
export const globalNetworkSetSpec = struct('GlobalNetworkSetSpec', { nets: field(list(string, 'cidr')) });

/** See {@link networkSetSpec}. */
export type NetworkSetSpec = TypeOf<typeof networkSetSpec>;
/** See {@link globalNetworkSetSpec}. */
export type GlobalNetworkSetSpec = TypeOf<typeof globalNetworkSetSpec>;
