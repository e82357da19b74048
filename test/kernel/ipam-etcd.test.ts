/** The allocator on a real etcd: many processes at once, and members that die meanwhile. */
import { expect, test } from 'bun:test';
import { KvDatastore, rawStore } from '../../src/datastore/index.ts';
import { audit, createIpam, diagnose, readIpamState } from '../../src/ipam/index.ts';
import { checkAgainstModel } from '../../src/ipam/model.ts';
import { startEtcd, type TestEtcd } from '../support/etcd.ts';

const hosts = ['node1', 'node2', 'node3'];

async function setUp(etcd: TestEtcd, pool: { cidr: string; blockSize: number }): Promise<KvDatastore> {
  const store = new KvDatastore('etcd', etcd.client());
  const put = (kind: string, name: string, spec: Record<string, unknown>) =>
    store.put({ type: 'resource', kind, name }, { apiVersion: '', kind, metadata: { name }, spec });
  for (const name of hosts) await put('Node', name, {});
  await put('IPPool', 'p', pool);
  return store;
}

const request = (host: string, handle: string) => ({
  v4: 1,
  v6: 0,
  host,
  handle,
  use: 'Workload' as const,
  attributes: { node: host, namespace: 'd', pod: handle },
});

test('the model of the allocator holds on a real etcd, too', async () => {
  const etcd = await startEtcd();
  try {
    const client = etcd.client();
    const open = async () => {
      await client.deleteRange('\0', '\0');
      return client;
    };
    await checkAgainstModel(open, Number(process.env['IPAM_RUNS'] ?? 60));
    client.close();
  } finally {
    await etcd.stop();
  }
}, 600_000);

test('nine processes on three hosts fill a pool to the last address: each once, and the books balance', async () => {
  const etcd = await startEtcd();
  try {
    const store = await setUp(etcd, { cidr: '10.0.0.0/25', blockSize: 28 });
    const processes = Array.from({ length: 9 }, (_, i) => ({
      host: hosts[i % 3]!,
      ipam: createIpam(new KvDatastore('etcd', etcd.client())),
      name: `p${i}`,
    }));
    const results = await Promise.all(
      processes.flatMap(({ host, ipam, name }) =>
        Array.from({ length: 16 }, (_, i) => ipam.autoAssign(request(host, `${name}.${i}`))),
      ),
    );
    const given = results.flatMap(({ v4 }) => v4.addresses.map(({ address }) => address));
    expect(new Set(given).size).toBe(given.length);
    expect(given.length).toBe(128);
    const short = results.filter(({ v4 }) => v4.addresses.length === 0);
    expect(
      short.every(({ v4 }) => v4.messages.join().includes('No IPs available in pools: [10.0.0.0/25]')),
    ).toBe(true);
    expect(audit(await readIpamState(store)).allocations.length).toBe(128);
    const kinds = diagnose(await readIpamState(store), 0).findings.map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind !== 'leaked')).toEqual([]);
    const released = await Promise.all(
      processes.flatMap(({ ipam, name }) =>
        Array.from({ length: 16 }, (_, i) => ipam.releaseByHandle(`${name}.${i}`)),
      ),
    );
    expect(released.flatMap((result) => result.released).sort()).toEqual(given.sort());
    for (const host of hosts) await createIpam(store).removeHost(host);
    const left = await rawStore(store)!.range({ key: '/calico/ipam/', end: '/calico/ipam0', keysOnly: true });
    expect(left.pairs.map(({ key }) => key)).toEqual(['/calico/ipam/v2/config']);
  } finally {
    await etcd.stop();
  }
}, 60_000);

test('40 hosts claim their first block at once, and 500 pods start on one of them', async () => {
  const etcd = await startEtcd();
  try {
    const store = await setUp(etcd, { cidr: '10.0.0.0/18', blockSize: 26 });
    const names = Array.from({ length: 40 }, (_, i) => `host${i}`);
    for (const name of names) {
      const value = { apiVersion: '', kind: 'Node', metadata: { name }, spec: {} };
      await store.put({ type: 'resource', kind: 'Node', name }, value);
    }
    const ipams = names.map((host) => ({ host, ipam: createIpam(new KvDatastore('etcd', etcd.client())) }));
    const first = await Promise.all(
      ipams.map(({ host, ipam }) => ipam.autoAssign(request(host, `first.${host}`))),
    );
    expect(new Set(first.map(({ v4 }) => v4.addresses[0]!.block)).size).toBe(40);
    const { host, ipam } = ipams[0]!;
    const pods = await Promise.all(
      Array.from({ length: 500 }, (_, i) => ipam.autoAssign(request(host, `pod.${i}`))),
    );
    expect(new Set(pods.map(({ v4 }) => v4.addresses[0]!.address)).size).toBe(500);
    const state = await readIpamState(store);
    expect(audit(state).allocations.length).toBe(540);
    const kinds = diagnose(state, 0).findings.map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind !== 'leaked')).toEqual([]);
  } finally {
    await etcd.stop();
  }
}, 60_000);

test('members die while addresses are given and taken: after every failed call is repeated, nothing is leaked or double', async () => {
  const etcd = await startEtcd({ members: 3 });
  try {
    const store = await setUp(etcd, { cidr: '10.0.0.0/22', blockSize: 27 });
    const held = new Map<string, string>();
    let failures = 0;
    const worker = async (index: number) => {
      const ipam = createIpam(new KvDatastore('etcd', etcd.client({ timeout: 2_000 })));
      const host = hosts[index % 3]!;
      for (let i = 0; i < 40; i++) {
        const handle = `cni0.w${index}.${i}`;
        for (;;) {
          try {
            // A runtime repeats a failed ADD after a DEL; the repeated one here reuses what the lost one got.
            const { v4 } = await ipam.autoAssign({ ...request(host, handle), existing: 'reuse' });
            const { address } = v4.addresses[0]!;
            expect(held.get(address)).toBeUndefined();
            held.set(address, handle);
            break;
          } catch (error) {
            if (!(error as Error).message || ++failures > 500) throw error;
          }
        }
        if (i % 3 !== 0) continue;
        // From here on another may get it.
        for (const [address, holder] of held) if (holder === handle) held.delete(address);
        for (;;) {
          try {
            await ipam.releaseByHandle(handle);
            break;
          } catch (error) {
            if (++failures > 500) throw error;
          }
        }
      }
    };
    const work = Promise.all([0, 1, 2, 3, 4, 5].map(worker));
    for (const member of [0, 1, 2]) {
      await new Promise((resolve) => setTimeout(resolve, 150));
      await etcd.kill(member);
      await etcd.restart(member);
    }
    await work;
    const state = await readIpamState(store);
    const stored = audit(state).allocations.map(({ address, handle }) => [address, handle ?? '']);
    expect(stored.sort()).toEqual([...held].sort());
    const kinds = diagnose(state, 0).findings.map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind !== 'leaked')).toEqual([]);
  } finally {
    await etcd.stop();
  }
}, 120_000);
