/** The IPAM plugin `calico-ipam`, for runtimes and plugins that call it by itself. */
import { nodeNameOf, readNetConf } from './config.ts';
import { blockResult, poolCidrs, requestAddress, requestAddresses, singleResult } from './ipam-call.ts';
import { readArgs } from './protocol/args.ts';
import type { CniCall } from './protocol/call.ts';
import type { CniResult } from './protocol/result.ts';
import type { CniDeps } from './types.ts';
import { formerHandleOf, handleOf, workloadOf } from './workload.ts';

/** ADD of the IPAM plugin. @throws CniError */
export async function ipamAdd(call: CniCall, deps: CniDeps): Promise<CniResult> {
  const conf = readNetConf({ ...call, name: call.name });
  const args = readArgs(call.args, { strict: true });
  const workload = workloadOf(call, args, nodeNameOf(conf));
  const now = deps.clock();
  if (args.ip !== undefined) {
    const assigned = await requestAddress(deps.ipam, args.ip, { conf, workload, now });
    return singleResult(assigned?.address ?? args.ip);
  }
  const result = await requestAddresses(deps.ipam, {
    conf,
    workload,
    now,
    assignV4: conf.assignIpv4,
    assignV6: conf.assignIpv6,
    v4Pools: await poolCidrs(deps.datastore, conf.ipv4Pools, 4),
    v6Pools: await poolCidrs(deps.datastore, conf.ipv6Pools, 6),
    existing: 'add',
  });
  return blockResult([...result.v4.addresses, ...result.v6.addresses]);
}

/** DEL of the IPAM plugin: releases the container's handle, also in the form of old releases. */
export async function ipamDel(call: CniCall, deps: CniDeps): Promise<void> {
  const conf = readNetConf(call);
  const workload = workloadOf(call, readArgs(call.args, { strict: true }), nodeNameOf(conf));
  const { found } = await deps.ipam.releaseByHandle(handleOf(conf.name, workload.containerId));
  if (!found) await deps.ipam.releaseByHandle(formerHandleOf(workload));
}
