/** ADD returns when policy and routes are in the kernel, so that no packet of the pod is dropped or unfiltered. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { NetConf } from './config.ts';
import type { CniDeps, EndpointIdentity } from './types.ts';
import type { Workload } from './workload.ts';

/** How long to wait for the own agent when the configuration says nothing. */
const defaultTimeoutMs = 5000;
const pollMs = 100;

/** Identity under which the agent knows the workload's endpoint. */
export function identityOf(workload: Workload): EndpointIdentity {
  const name = workload.orchestrator === 'k8s' ? workload.pod : workload.containerId;
  return {
    orchestrator: workload.orchestrator,
    workload: `${workload.namespace}/${name}`,
    endpoint: workload.endpoint,
  };
}

/** Waits for the agent, within bounds: whether it said so. A pod that waited in vain starts all the same. */
export async function waitForPolicy(
  conf: Pick<NetConf, 'policyTimeoutSeconds' | 'endpointStatusDir'>,
  workload: Workload,
  deps: Pick<CniDeps, 'waitProgrammed'>,
): Promise<boolean> {
  const configured = conf.policyTimeoutSeconds * 1000;
  if (deps.waitProgrammed) return deps.waitProgrammed(identityOf(workload), configured || defaultTimeoutMs);
  if (configured === 0) return false;
  const file = join(conf.endpointStatusDir, statusFileName(identityOf(workload)));
  for (let waited = 0; waited <= configured; waited += pollMs) {
    if (existsSync(file)) return true;
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
  return false;
}

/** Name of the file with which an agent says that an endpoint is programmed: three escaped fields joined by blanks. */
export function statusFileName({ orchestrator, workload, endpoint }: EndpointIdentity): string {
  return [orchestrator, workload, endpoint].map(encodeURIComponent).join(' ');
}
