/**
 * The etcd client: round trips, a large list, and the rate of a watch:
 *   node scripts/isolated.mjs bun bench/datastore.ts [OBJECTS]
 */
import { KvDatastore } from '../src/datastore/index.ts';
import { startEtcd } from '../test/support/etcd.ts';

const objects = Number(process.argv[2] ?? 20_000);
const etcd = await startEtcd();
const client = etcd.client({ timeout: 60_000 });
const store = new KvDatastore('etcd', client);
const key = (i: number) =>
  ({
    type: 'resource',
    kind: 'WorkloadEndpoint',
    namespace: `ns${i % 100}`,
    name: `node${i % 500}-k8s-pod${i}-eth0`,
  }) as const;
const value = (i: number) => ({
  apiVersion: '',
  kind: 'WorkloadEndpoint',
  metadata: {
    name: '',
    uid: '0f1c7b1e-8a2d-4a9e-9f5c-2a4d0d3b7c11',
    labels: { app: `app${i % 50}`, tier: 'web' },
  },
  spec: {
    orchestrator: 'k8s',
    node: `node${i % 500}`,
    pod: `pod${i}`,
    endpoint: 'eth0',
    ipNetworks: [`10.0.${(i >> 8) & 255}.${i & 255}/32`],
  },
});

async function timed(what: string, count: number, work: () => Promise<unknown>): Promise<void> {
  const began = performance.now();
  await work();
  const ms = performance.now() - began;
  console.log(
    `${what.padEnd(34)} ${(ms / count).toFixed(3).padStart(9)} ms each  ${Math.round((count * 1000) / ms)}/s`,
  );
}

await timed('put, one after another', 1000, async () => {
  for (let i = 0; i < 1000; i++) await store.put(key(i), value(i));
});
await timed('get, one after another', 1000, async () => {
  for (let i = 0; i < 1000; i++) await store.get(key(i));
});
const { revision } = await store.list({ type: 'resource', kind: 'WorkloadEndpoint' });
const watched = (async () => {
  let left = objects;
  for await (const event of store.watch({ type: 'resource', kind: 'WorkloadEndpoint' }, revision)) {
    if (event.type === 'put' && --left === 0) return;
  }
})();
await timed(`put and watch ${objects}, 100 at once`, objects, async () => {
  for (let i = 0; i < objects; i += 100) {
    await Promise.all(Array.from({ length: 100 }, (_, j) => store.put(key(i + j), value(i + j))));
  }
  await watched;
});
const requests = client.requests;
await timed(`list ${objects}`, objects, () => store.list({ type: 'resource', kind: 'WorkloadEndpoint' }));
console.log(
  `pages of the list: ${client.requests - requests}; memory ${Math.round(process.memoryUsage().rss / 1e6)} MB`,
);
store.close();
await etcd.stop();
process.exit(0);
