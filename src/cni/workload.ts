/** Who the container is: the identity of its endpoint and the names made of it. */
import { createHash } from 'node:crypto';
import { workloadEndpointName, workloadEndpointNamePrefix } from '../resources/index.ts';
import type { CniArgs } from './protocol/args.ts';
import type { CniCall, CniEnvironment } from './protocol/call.ts';
import { CniError, cniCode } from './protocol/cni-error.ts';

/** A container's identity. */
export interface Workload {
  readonly orchestrator: 'k8s' | 'cni';
  readonly namespace: string;
  readonly node: string;
  readonly containerId: string;
  /** Empty outside Kubernetes. */
  readonly pod: string;
  /** The interface inside, which names the endpoint. */
  readonly endpoint: string;
}

/** The identity of a call. Both Kubernetes arguments make it a pod; `namespace` may come from labels otherwise. */
export function workloadOf(call: CniCall, args: CniArgs, node: string, namespace = 'default'): Workload {
  const isPod = args.podName !== '' && args.podNamespace !== '';
  return {
    orchestrator: isPod ? 'k8s' : 'cni',
    namespace: isPod ? args.podNamespace : namespace,
    node,
    containerId: call.containerId,
    pod: isPod ? args.podName : '',
    endpoint: call.ifName,
  };
}

/** Name of the WorkloadEndpoint. @throws CniError when an identifier cannot be part of a name */
export function endpointName(workload: Workload): string {
  const name = workloadEndpointName(identifiers(workload));
  if (typeof name === 'string') return name;
  const { field, value, reason } = name;
  throw new CniError(cniCode.other, `error with field ${field.toLowerCase()} = '${value}' (${reason})`);
}

/** Prefix of the names of all endpoints of the workload. */
export function endpointNamePrefix(workload: Workload): string {
  return workloadEndpointNamePrefix({ ...identifiers(workload), endpoint: '' }) ?? '';
}

function identifiers(workload: Workload) {
  const { node, orchestrator, pod, containerId: containerID, endpoint } = workload;
  return { node, orchestrator, pod, containerID, endpoint };
}

/**
 * Name of the host's side of the pair: for a pod a hash of its name, so that a new sandbox of it takes the same; else
 * the beginning of the container id.
 */
export function hostInterfaceName(workload: Workload, env: CniEnvironment): string {
  if (workload.orchestrator === 'cni') return `cali${workload.containerId.slice(0, 11)}`;
  const prefix = (env['FELIX_INTERFACEPREFIX'] ?? '').split(',')[0] || 'cali';
  const hash = createHash('sha1').update(`${workload.namespace}.${workload.pod}`).digest('hex');
  return `${prefix}${hash.slice(0, 11)}`;
}

/** Handle under which IPAM holds the container's addresses. */
export function handleOf(network: string, containerId: string): string {
  return `${network}.${containerId}`;
}

/** Handle that old releases used: it did not name the network. */
export function formerHandleOf(workload: Workload): string {
  return workload.orchestrator === 'k8s' ? `${workload.namespace}.${workload.pod}` : workload.containerId;
}
