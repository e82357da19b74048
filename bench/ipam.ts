/**
 * Addresses per second and requests per operation of the allocator, on a real etcd:
 *   node scripts/isolated.mjs bun bench/ipam.ts [ADDRESSES]
 */
import { KvDatastore, Syncer } from '../src/datastore/index.ts';
import { createIpam, SyncedSource } from '../src/ipam/index.ts';
import { startEtcd } from '../test/support/etcd.ts';

const total = Number(process.argv[2] ?? 1000);
const etcd = await startEtcd();
const client = etcd.client();
const store = new KvDatastore('etcd', client);

const put = (kind: string, name: string, spec: Record<string, unknown>) =>
  store.put({ type: 'resource', kind, name }, { apiVersion: '', kind, metadata: { name }, spec });
await put('Node', 'node1', {});
await put('IPPool', 'pool', { cidr: '10.0.0.0/12', blockSize: 24, nodeSelector: 'all()' });

const source = new SyncedSource(store);
const syncer = new Syncer({
  datastore: store,
  queries: [
    { type: 'resource', kind: 'IPPool' },
    { type: 'resource', kind: 'IPReservation' },
    { type: 'resource', kind: 'Node' },
    { type: 'ipam-config' },
  ],
  consumers: [source],
});
syncer.start();
while (syncer.status !== 'in-sync') await new Promise((resolve) => setTimeout(resolve, 5));

const ipam = createIpam(store, { source });

async function measure(
  what: string,
  atOnce: number,
  handles: readonly string[],
  one: (handle: string) => Promise<unknown>,
): Promise<void> {
  const waiting = handles[Symbol.iterator]();
  const latencies: number[] = [];
  const requests = client.requests;
  const began = performance.now();
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (const handle of waiting) {
        const start = performance.now();
        await one(handle);
        latencies.push(performance.now() - start);
      }
    }),
  );
  const seconds = (performance.now() - began) / 1000;
  latencies.sort((a, b) => a - b);
  const at = (part: number) => latencies[Math.floor((latencies.length - 1) * part)]!.toFixed(2);
  const rate = Math.round(handles.length / seconds);
  const each = ((client.requests - requests) / handles.length).toFixed(2);
  console.log(
    `${what.padEnd(30)} ${String(rate).padStart(6)}/s  p50 ${at(0.5)} ms  p99 ${at(0.99)} ms  ${each} requests each`,
  );
}

const assign = (handle: string) =>
  ipam.autoAssign({
    v4: 1,
    v6: 0,
    handle,
    host: 'node1',
    use: 'Workload',
    attributes: {
      node: 'node1',
      namespace: 'default',
      pod: handle,
      timestamp: '2026-01-05 10:02:11.123456789 +0000 UTC',
    },
  });
const names = (prefix: string) =>
  Array.from({ length: total }, (_, i) => `cni0.${prefix}${String(i).padStart(60, '0')}`);

console.log(
  `${total} addresses each, one etcd on this machine, blocks of 256, daemon's view from its syncer`,
);
await assign('cni0.warm');
await measure('assign, one after another', 1, names('a'), assign);
await measure('release, one after another', 1, names('a'), (handle) => ipam.releaseByHandle(handle));
await measure('assign, 20 at once', 20, names('b'), assign);
await measure('release, 20 at once', 20, names('b'), (handle) => ipam.releaseByHandle(handle));
await syncer.stop();
store.close();
await etcd.stop();
