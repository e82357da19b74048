/** Paths of the status keys in etcd. Upstream: libcalico-go/lib/backend/model, keys of felix v2 and v1. */
import type { Key } from '../../datastore/index.ts';
import type { WorkloadProgram } from '../../policy/index.ts';

type RawKey = Extract<Key, { type: 'raw' }>;

/** Escape of v1-style path segments. */
function escapeSegment(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('/', '%2f');
}

function regionSegment(region: string): string {
  return region === '' ? 'no-region' : `region-${region}`;
}

/** The process's status: `status` has a lease, `last_reported_status` stays. */
export function hostStatusKey(
  region: string,
  host: string,
  which: 'status' | 'last_reported_status',
): RawKey {
  return { type: 'raw', path: `/calico/felix/v2/${regionSegment(region)}/host/${host}/${which}` };
}

/** Below it are the statuses of a host's workload endpoints. */
export function workloadStatusPrefix(region: string, host: string): string {
  return `/calico/felix/v2/${regionSegment(region)}/host/${host}/workload/`;
}

/** Status of a workload endpoint. */
export function workloadStatusKey(region: string, host: string, id: WorkloadProgram['id']): RawKey {
  const [orchestrator, workload, endpoint] = [id.orchestrator, id.workload, id.endpoint].map(escapeSegment);
  return {
    type: 'raw',
    path: `${workloadStatusPrefix(region, host)}${orchestrator}/${workload}/endpoint/${endpoint}`,
  };
}

/** Below it are the statuses of a host's host endpoints. */
export function hostEndpointStatusPrefix(host: string): string {
  return `/calico/felix/v1/host/${host}/endpoint/`;
}

/** Status of a host endpoint. */
export function hostEndpointStatusKey(host: string, id: string): RawKey {
  return { type: 'raw', path: `${hostEndpointStatusPrefix(host)}${escapeSegment(id)}` };
}
