/** Whether the cluster takes requests, and the endpoints that are there. */
import type { Datastore, KeyValue } from '../datastore/index.ts';
import { hasKind, parseWorkloadEndpointName, type Resource } from '../resources/index.ts';
import { CniError, cniCode } from './protocol/cni-error.ts';
import { endpointNamePrefix, type Workload } from './workload.ts';

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

/** The endpoints of the workload, whatever interface they are for. */
export async function findEndpoints(datastore: Datastore, workload: Workload): Promise<readonly KeyValue[]> {
  const { items } = await datastore.list({
    type: 'resource',
    kind: 'WorkloadEndpoint',
    namespace: workload.namespace,
    namePrefix: endpointNamePrefix(workload),
  });
  const third = workload.orchestrator === 'k8s' ? workload.pod : workload.containerId;
  return items.filter(({ value }) => {
    const identity = parseWorkloadEndpointName((value as Resource).metadata.name);
    return (
      identity?.node === workload.node &&
      identity.orchestrator === workload.orchestrator &&
      identity.workload === third
    );
  });
}
