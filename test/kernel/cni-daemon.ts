/**
 * The CNI part of calico-node as a process of its own, for tests that kill it: `bun cni-daemon.ts SOCKET ENDPOINT NODE
 * [POINT]`. With a point it kills itself there.
 */
import { handleCniRequest, SyncedCniReads, serveCni } from '../../src/cni/index.ts';
import { connect, Syncer } from '../../src/datastore/index.ts';
import { createIpam, SyncedSource } from '../../src/ipam/index.ts';
import { RtNetlink } from '../../src/linux/index.ts';

const [socket, etcdEndpoints, node, point] = process.argv.slice(2) as [string, string, string, string?];
const die = () => process.kill(process.pid, 'SIGKILL');
const store = await connect({ datastoreType: 'etcdv3', etcdEndpoints });
const source = new SyncedSource(store);
const reads = new SyncedCniReads(store, node);
const kinds = ['ClusterInformation', 'IPPool', 'IPReservation', 'Node', 'Profile', 'WorkloadEndpoint'];
const syncer = new Syncer({
  datastore: store,
  queries: [...kinds.map((kind) => ({ type: 'resource' as const, kind })), { type: 'ipam-config' }],
  consumers: [source, reads],
});
syncer.start();
while (syncer.status !== 'in-sync') await new Promise((resolve) => setTimeout(resolve, 2));
const ipam = createIpam(store, { source });

/** Has the process die when the method is called, or when it has done its work. */
function dieAt<T extends object>(target: T, method: keyof T, when: 'before' | 'after'): void {
  const original = target[method] as (...args: unknown[]) => unknown;
  target[method] = function (this: T, ...args: unknown[]) {
    if (when === 'before') die();
    const result = original.apply(this, args);
    if (result instanceof Promise) return result.finally(die);
    die();
    return result;
  } as T[keyof T];
}

switch (point) {
  case 'before the transaction':
    dieAt(store, 'txn', 'before');
    break;
  case 'after the transaction':
    dieAt(store, 'txn', 'after');
    break;
  case 'after the pair was made':
    dieAt(RtNetlink.prototype, 'addLink', 'after');
    break;
  case 'before the routes':
    dieAt(RtNetlink.prototype, 'addRoute', 'before');
    break;
  case 'before the interface goes':
    dieAt(RtNetlink.prototype, 'deleteLinkAsync', 'before');
    break;
  case 'after the interface went':
    dieAt(RtNetlink.prototype, 'deleteLinkAsync', 'after');
}

await serveCni(socket, async (request, cancelled) => {
  const reply = await handleCniRequest(request, {
    datastore: store,
    ipam,
    reads,
    cancelled,
    clock: () => new Date(),
  });
  if (point === 'before the reply') die();
  return reply;
});
console.log('ready');
