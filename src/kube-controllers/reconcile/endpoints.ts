/** Labels, profiles and service account of pods, written into the endpoints that the CNI plugin made. */
import type { WorkloadEndpointSpec } from '../../resources/index.ts';
import { type Objects, saysTheSame, type Write } from '../state.ts';

/** Endpoints are never created or deleted here; pods without an address are left alone. */
export function reconcileEndpoints(kubernetes: Objects, calico: Objects): readonly Write[] {
  const writes: Write[] = [];
  for (const { resource: pod } of kubernetes.of('WorkloadEndpoint')) {
    const wanted = pod.spec as WorkloadEndpointSpec;
    const { name, namespace } = pod.metadata;
    if (!wanted.ipNetworks?.length) continue;
    const existing = calico.get('WorkloadEndpoint', name, namespace);
    if (!existing) continue;
    const { resource, key, revision } = existing;
    const spec = resource.spec as WorkloadEndpointSpec;
    const { labels } = pod.metadata;
    const same =
      saysTheSame(resource.metadata.labels, labels) &&
      saysTheSame(spec.profiles, wanted.profiles) &&
      saysTheSame(spec.serviceAccountName, wanted.serviceAccountName);
    if (same) continue;
    const { serviceAccountName: _old, ...kept } = spec;
    const value = {
      ...resource,
      metadata: { ...resource.metadata, ...(labels ? { labels } : {}) },
      spec: {
        ...kept,
        profiles: wanted.profiles,
        ...(wanted.serviceAccountName ? { serviceAccountName: wanted.serviceAccountName } : {}),
      },
    };
    writes.push({ op: 'update', key, value, revision });
  }
  return writes;
}
