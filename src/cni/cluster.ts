/** Whether the cluster takes requests, and the keys that both commands use. */
import type { KeyValue } from '../datastore/index.ts';
import { hasKind, type Resource } from '../resources/index.ts';
import { CniError, cniCode } from './protocol/cni-error.ts';

/** Key of the ClusterInformation. */
export const clusterKey = { type: 'resource', kind: 'ClusterInformation', name: 'default' } as const;

/** Upstream's answer while the datastore is locked. */
export const notReady = 'Calico is currently not ready to process requests';

/** Refuses unless the ClusterInformation says that the datastore is ready. @throws CniError */
export function requireReady(kv: KeyValue | undefined): KeyValue {
  if (!kv) {
    throw new CniError(
      cniCode.other,
      'error getting ClusterInformation: resource does not exist: ClusterInformation(default) with error: <nil>',
    );
  }
  const value = kv.value as Resource;
  if (!hasKind(value, 'ClusterInformation') || value.spec.datastoreReady !== true) {
    throw new CniError(cniCode.other, notReady);
  }
  return kv;
}

/** Key of a WorkloadEndpoint. */
export function endpointKey(namespace: string, name: string) {
  return { type: 'resource', kind: 'WorkloadEndpoint', namespace, name } as const;
}
