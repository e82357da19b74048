/** The CNI part of calico-node as a process of its own, for tests that kill it: `bun cni-daemon.ts SOCKET ENDPOINT NODE`. */
import { handleCniRequest, SyncedCniReads, serveCni } from '../../src/cni/index.ts';
import { connect, Syncer } from '../../src/datastore/index.ts';
import { createIpam, SyncedSource } from '../../src/ipam/index.ts';

const [socket, etcdEndpoints, node] = process.argv.slice(2) as [string, string, string];
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
await serveCni(socket, (request) =>
  handleCniRequest(request, { datastore: store, ipam, reads, clock: () => new Date() }),
);
console.log('ready');
