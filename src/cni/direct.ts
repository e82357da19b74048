/** The plugin on its own, when calico-node is not there: its own datastore client and allocator for one call. */
import { type ClientConfig, configFromEnvironment, connect } from '../datastore/index.ts';
import { CalicoError } from '../errors.ts';
import { createIpam } from '../ipam/index.ts';
import { clusterKey, requireReady } from './cluster.ts';
import { readNetConf } from './config.ts';
import { CallGuard, guardFolders } from './guard.ts';
import { asCniError, handleCniRequest } from './handle-request.ts';
import { readConfig } from './protocol/call.ts';
import { CniError, cniCode, cniErrorJson } from './protocol/cni-error.ts';
import type { CniDeps, CniReply, CniRequest } from './types.ts';

/** Serves the request in this process; calico-node, should it start meanwhile, waits for it. */
export async function serveDirectly(request: CniRequest, socketPath: string): Promise<CniReply> {
  let deps: CniDeps | undefined;
  const call = new CallGuard(guardFolders(socketPath, request.env)).arrive(request);
  try {
    return await call.run((cancelled) =>
      handleCniRequest(request, async () => {
        deps = { ...(await directDeps(request)), cancelled };
        return deps;
      }),
    );
  } finally {
    deps?.datastore.close();
  }
}

async function directDeps(request: CniRequest): Promise<CniDeps> {
  const datastore = await connect(clientConfig(request));
  return { datastore, ipam: createIpam(datastore), clock: () => new Date() };
}

/** The client's configuration: what the network configuration says wins over the environment. */
function clientConfig(request: CniRequest): ClientConfig {
  const config = readConfig(request.stdin);
  const conf = readNetConf({ config, name: 'x' } as Parameters<typeof readNetConf>[0]);
  const environment = configFromEnvironment(request.env);
  const type = conf.datastoreType || environment.datastoreType;
  if (type !== 'etcdv3' && type !== 'kubernetes') {
    throw new CniError(cniCode.other, `error creating calico client: unknown datastore type: ${type}`);
  }
  return { ...environment, ...conf.datastore, datastoreType: type };
}

/** `calico -t`: whether the datastore of a configuration can be reached and takes requests. */
export async function testDatastore(request: CniRequest): Promise<CniReply> {
  let deps: CniDeps | undefined;
  try {
    deps = await directDeps(request);
    requireReady(await deps.datastore.get(clusterKey, { timeout: 2000 }));
    return { exit: 0, stdout: '', stderr: '' };
  } catch (thrown) {
    const details = thrown instanceof CalicoError ? thrown.message : asCniError(thrown).message;
    const error = new CniError(cniCode.test, 'data store connection failed', details);
    return { exit: 1, stdout: cniErrorJson(error), stderr: '' };
  } finally {
    deps?.datastore.close();
  }
}
