import { boolean, field, string, struct, type TypeOf } from '../schema.ts';

/** Spec of the ClusterInformation `default`; upstream: api/pkg/apis/projectcalico/v3/clusterinfo.go. */
export const clusterInformationSpec = struct('ClusterInformationSpec', {
  clusterGUID: field(string),
  clusterType: field(string),
  calicoVersion: field(string),
  /** Absent counts as not ready; an explicit `false` locks the datastore for an upgrade. */
  datastoreReady: field(boolean, { pointer: true }),
  variant: field(string, { since: 21 }),
});

/** See {@link clusterInformationSpec}. */
export type ClusterInformationSpec = TypeOf<typeof clusterInformationSpec>;
