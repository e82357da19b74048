/** CHECK, STATUS and GC. */

import type { Json } from '../datastore/index.ts';
import { parseBlock } from '../ipam/index.ts';
import { hasKind, type Resource } from '../resources/index.ts';
import { clusterKey, endpointKey, notReady, requireReady } from './cluster.ts';
import { nodeNameOf, readNetConf } from './config.ts';
import { delegate } from './delegate.ts';
import { checkPodNetwork } from './linux/pod-network.ts';
import { readArgs } from './protocol/args.ts';
import type { CniCall, CniEnvironment } from './protocol/call.ts';
import { CniError, cniCode } from './protocol/cni-error.ts';
import { datastoreReads } from './reads.ts';
import type { CniDeps } from './types.ts';
import { handleOf, workloadOf } from './workload.ts';

/** Runs a CHECK: endpoint, addresses and the kernel are as ADD left them. @throws CniError that names what is not */
export async function check(call: CniCall, deps: CniDeps): Promise<void> {
  const conf = readNetConf(call);
  const workload = workloadOf(call, readArgs(call.args, { strict: false }), nodeNameOf(conf));
  requireReady(await deps.datastore.get(clusterKey));
  const endpoints = await datastoreReads(deps.datastore).endpoints(workload, 'add');
  const endpoint = endpoints
    .map(({ value }) => value as Resource)
    .find((value) => hasKind(value, 'WorkloadEndpoint'));
  if (!endpoint || !hasKind(endpoint, 'WorkloadEndpoint')) {
    throw new CniError(cniCode.other, `there is no WorkloadEndpoint for container ${call.containerId}`);
  }
  const { spec } = endpoint;
  const findings: string[] = [];
  if (spec.containerID !== call.containerId) {
    findings.push(`the WorkloadEndpoint ${endpoint.metadata.name} belongs to container ${spec.containerID}`);
  }
  const addresses = (spec.ipNetworks ?? []).map((net) => net.slice(0, net.indexOf('/')));
  if (conf.ipamType === 'calico-ipam') {
    const held = await deps.ipam.addressesByHandle(handleOf(conf.name, call.containerId));
    const names = new Set((held ?? []).map(({ address }) => address));
    for (const address of addresses.filter((one) => !names.has(one))) {
      findings.push(`IPAM does not hold ${address} for the container`);
    }
  }
  findings.push(
    ...checkPodNetwork({
      netns: call.netns,
      ifName: call.ifName,
      hostName: spec.interfaceName,
      addresses,
      routes: conf.ipamType === 'calico-ipam' ? [{ dst: '0.0.0.0/0' }, { dst: '::/0' }] : [],
      allowIpForwarding: conf.allowIpForwarding,
    }),
  );
  if (findings.length > 0) throw new CniError(cniCode.other, findings[0]!, findings.slice(1).join('; '));
}

/** Runs a STATUS. @throws CniError with code 50 when no pod could be given a network now */
export async function status(call: CniCall, env: CniEnvironment, deps: CniDeps): Promise<void> {
  const conf = readNetConf(call);
  const unavailable = (message: string, details = '') => new CniError(cniCode.notAvailable, message, details);
  let cluster: Awaited<ReturnType<typeof deps.datastore.get>>;
  try {
    cluster = await deps.datastore.get(clusterKey, { timeout: 5000 });
  } catch (error) {
    throw unavailable('the datastore cannot be reached', error instanceof Error ? error.message : '');
  }
  const value = cluster?.value as Resource | undefined;
  if (!value || !hasKind(value, 'ClusterInformation') || value.spec.datastoreReady !== true)
    throw unavailable(notReady);
  if (conf.ipamType !== 'calico-ipam') {
    await delegate(conf.ipamType, 'STATUS', call, env, call.config);
    return;
  }
  const { items } = await deps.datastore.list({ type: 'resource', kind: 'IPPool' });
  const usable = items.some(({ value: pool }) => {
    const resource = pool as Resource;
    return hasKind(resource, 'IPPool') && resource.spec.disabled !== true;
  });
  if (!usable) throw unavailable('there is no enabled IP pool');
}

/**
 * Runs a GC: releases what this network holds on this node for containers that are not listed. Goes on after errors and
 * tells of them at the end. @throws CniError
 */
export async function gc(call: CniCall, env: CniEnvironment, deps: CniDeps): Promise<void> {
  const conf = readNetConf(call);
  const node = nodeNameOf(conf);
  requireReady(await deps.datastore.get(clusterKey));
  const valid = new Set(attachments(call.config).map(({ containerID }) => containerID));
  const failures: string[] = [];
  const attempt = async (act: () => Promise<unknown>) => {
    try {
      await act();
    } catch (error) {
      failures.push(error instanceof Error ? error.message : String(error));
    }
  };
  await removeEndpoints(node, valid, conf.name, deps, attempt);
  if (conf.ipamType === 'calico-ipam') {
    for (const handle of await staleHandles(node, conf.name, valid, deps)) {
      await attempt(() => deps.ipam.releaseByHandle(handle));
    }
  } else await attempt(() => delegate(conf.ipamType, 'GC', call, env, call.config));
  if (failures.length > 0) throw new CniError(cniCode.other, failures[0]!, failures.slice(1).join('; '));
}

function attachments(config: Readonly<Record<string, unknown>>): readonly { readonly containerID: string }[] {
  const list = config['cni.dev/valid-attachments'];
  return Array.isArray(list)
    ? list.map((one) => ({ containerID: String((one as { containerID?: unknown }).containerID) }))
    : [];
}

async function removeEndpoints(
  node: string,
  valid: ReadonlySet<string>,
  network: string,
  deps: CniDeps,
  attempt: (act: () => Promise<unknown>) => Promise<void>,
): Promise<void> {
  const { items } = await deps.datastore.list({ type: 'resource', kind: 'WorkloadEndpoint' });
  for (const { value, revision } of items) {
    const endpoint = value as Resource;
    if (!hasKind(endpoint, 'WorkloadEndpoint') || endpoint.spec.node !== node) continue;
    const id = endpoint.spec.containerID ?? '';
    if (id === '' || valid.has(id)) continue;
    // Another network may have made it: only its handle says so.
    if ((await deps.ipam.addressesByHandle(handleOf(network, id))) === undefined) continue;
    const key = endpointKey(endpoint.metadata.namespace ?? '', endpoint.metadata.name);
    await attempt(() => deps.datastore.delete(key, { revision }));
  }
}

/** Handles of the network with an allocation of this node whose container is not in the list. */
async function staleHandles(
  node: string,
  network: string,
  valid: ReadonlySet<string>,
  deps: CniDeps,
): Promise<ReadonlySet<string>> {
  const handles = new Set<string>();
  const { items } = await deps.datastore.list({ type: 'block' });
  for (const { value } of items) {
    const block = parseBlock(value as Json);
    for (const { handle, secondary } of block.attributes ?? []) {
      if (handle === undefined || !handle.startsWith(`${network}.`) || secondary['node'] !== node) continue;
      if (!valid.has(handle.slice(network.length + 1))) handles.add(handle);
    }
  }
  return handles;
}
