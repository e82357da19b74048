/**
 * DEL: the pod's network goes first, then endpoint and addresses in one transaction, so that an address never returns to
 * the pool while its interface or route is alive. Whatever is missing already is fine.
 */
import type { KeyValue } from '../datastore/index.ts';
import type { ExtraSteps } from '../ipam/index.ts';
import { hasKind, type Resource } from '../resources/index.ts';
import { clusterKey, endpointKey, requireReady } from './cluster.ts';
import { type NetConf, nodeNameOf, readNetConf } from './config.ts';
import { delegate, withPodCidrs } from './delegate.ts';
import { mesosLabels } from './endpoint.ts';
import { tearDownPodNetwork } from './linux/pod-network.ts';
import { readArgs } from './protocol/args.ts';
import type { CniCall, CniEnvironment } from './protocol/call.ts';
import { CniError, cniCode } from './protocol/cni-error.ts';
import { datastoreReads } from './reads.ts';
import type { CniDeps } from './types.ts';
import { formerHandleOf, handleOf, hostInterfaceName, type Workload, workloadOf } from './workload.ts';

/** Runs a DEL. @throws CniError */
export async function del(call: CniCall, env: CniEnvironment, deps: CniDeps): Promise<void> {
  const conf = readNetConf(call);
  const args = readArgs(call.args, { strict: false });
  const node = nodeNameOf(conf);
  const namespace = mesosLabels(conf)['projectcalico.org.namespace'] ?? 'default';
  const workload = workloadOf(call, args, node, namespace);
  const reads = deps.reads ?? datastoreReads(deps.datastore);
  const [cluster, endpoints] = await Promise.all([reads.cluster(), reads.endpoints(workload, 'delete')]);
  const ready = requireReady(cluster);
  // An endpoint with another container id belongs to a newer sandbox of the pod: it stays, and so does its interface.
  const ours = endpoints.find((kv) => isOurs(kv, call.containerId) && endpointOf(kv) === call.ifName);
  const failure = await tearDown(call, hostNameToRemove(workload, env, ours, endpoints.length));
  if (conf.ipamType === 'calico-ipam') await release(conf, workload, ready, ours, deps);
  else {
    await delegate(conf.ipamType, 'DEL', call, env, {
      ...call.config,
      ipam: await withPodCidrs(conf, node, undefined),
    });
    if (ours) await deleteEndpoint(workload, ours, deps);
  }
  if (failure) throw failure;
}

function isOurs(kv: KeyValue, containerId: string): boolean {
  const value = kv.value as Resource;
  if (!hasKind(value, 'WorkloadEndpoint')) return false;
  const holder = value.spec.containerID ?? '';
  return holder === '' || holder === containerId;
}

function endpointOf(kv: KeyValue): unknown {
  return (kv.value as Resource).spec['endpoint'];
}

function hostNameToRemove(
  workload: Workload,
  env: CniEnvironment,
  ours: KeyValue | undefined,
  endpoints: number,
): string | undefined {
  const value = ours?.value as Resource | undefined;
  if (value && hasKind(value, 'WorkloadEndpoint')) return value.spec.interfaceName;
  // Its name comes from the container id alone: without an endpoint nobody else has it.
  return workload.orchestrator === 'cni' && endpoints === 0 ? hostInterfaceName(workload, env) : undefined;
}

async function tearDown(call: CniCall, hostName: string | undefined): Promise<CniError | undefined> {
  try {
    await tearDownPodNetwork({
      netns: call.netns,
      ifName: call.ifName,
      ...(hostName === undefined ? {} : { hostName }),
    });
    return undefined;
  } catch (error) {
    // A path that is no namespace must not keep the addresses: the error is told at the end.
    if (error instanceof CniError) return error;
    throw error;
  }
}

async function release(
  conf: NetConf,
  workload: Workload,
  cluster: KeyValue,
  endpoint: KeyValue | undefined,
  deps: CniDeps,
): Promise<void> {
  let lock = cluster;
  let now = endpoint;
  const extra: ExtraSteps = (_, current) => {
    if (current) {
      const [changedLock, changed] = current;
      lock = requireReady(changedLock);
      now = now && changed && isOurs(changed, workload.containerId) ? changed : undefined;
    }
    const check = { op: 'check', key: clusterKey, revision: lock.revision } as const;
    return now ? [check, { op: 'delete', key: keyOf(workload, now), revision: now.revision }] : [check];
  };
  const handle = handleOf(conf.name, workload.containerId);
  const { found } = await deps.ipam.releaseByHandle(handle, { extra });
  if (found) return;
  if (endpoint) await deleteEndpoint(workload, endpoint, deps);
  // A container has a handle of one form only.
  await deps.ipam.releaseByHandle(formerHandleOf(workload));
}

function keyOf(workload: Workload, kv: KeyValue) {
  return endpointKey(workload.namespace, (kv.value as Resource).metadata.name);
}

const attempts = 5;

async function deleteEndpoint(workload: Workload, endpoint: KeyValue, deps: CniDeps): Promise<void> {
  let now = endpoint;
  for (let attempt = 0; attempt < attempts; attempt++) {
    const outcome = await deps.datastore.delete(keyOf(workload, now), { revision: now.revision });
    if (outcome.ok || outcome.reason === 'not-found') return;
    const current = outcome.current ?? (await deps.datastore.get(keyOf(workload, now)));
    if (!current || !isOurs(current, workload.containerId)) return;
    now = current;
  }
  throw new CniError(cniCode.tryAgain, `update conflict: WorkloadEndpoint(${keyOf(workload, now).name})`);
}
