import { describe, expect, test } from 'bun:test';
import { type KvDatastore, memoryDatastore, rawStore } from '../datastore/index.ts';
import {
  applyRepair,
  audit,
  Collector,
  candidatesOfGoneHosts,
  candidatesOfHost,
  collect,
  confirm,
  createIpam,
  describeRepair,
  diagnose,
  goneHosts,
  readIpamState,
  repairPlan,
  scanOfGoneHosts,
  scanOfHost,
} from './index.ts';
import recorded from './testdata/ipam-check-problems.json';

const now = Date.parse('2026-06-01T01:00:00Z');

/** The state of the recording `ipam-check-problems` of calicoctl v3.32. */
async function problems(): Promise<KvDatastore> {
  const store = memoryDatastore();
  for (const [key, value] of Object.entries(recorded))
    await rawStore(store)!.put(key, new TextEncoder().encode(value));
  return store;
}

describe('audit', () => {
  test('counts as calicoctl ipam check does', async () => {
    const state = await readIpamState(await problems());
    const result = audit(state);
    expect({
      blocks: state.blocks.map(({ block }) => `${block.text} ${block.affinity ?? '<none>'}`),
      allocations: result.allocations.length,
      inUse: result.used.length,
      leaked: result.leaked.map(({ address }) => address).sort(),
      outside: result.outsidePools.map(({ address }) => address),
      unallocated: result.unallocated.map(({ address }) => address),
      multiple: result.multipleOwners.map(({ address, owners }) => [
        address,
        ...owners.map(({ name }) => name),
      ]),
      perNode: result.perNode,
      emptyHandles: result.emptyHandles.map(({ id }) => id),
      missingHandles: result.missingHandles,
      problems: result.problems,
    }).toEqual({
      blocks: [
        '10.65.0.0/29 host:n1',
        '10.65.0.16/29 <none>',
        '10.65.0.8/29 host:n2',
        '10.99.0.0/29 host:n1',
        'fd80:24e2:f998:72d6::/125 host:n1',
      ],
      allocations: 10,
      inUse: 8,
      leaked: ['10.65.0.13', '10.65.0.14', '10.65.0.23', '10.99.0.0'],
      outside: ['192.0.2.7'],
      unallocated: ['10.65.0.6'],
      multiple: [['10.65.0.2', 'Workload(default/n1-k8s-pod2-eth0)', 'Workload(default/n2-k8s-dup-eth0)']],
      perNode: [
        { node: 'n1', count: 6 },
        { node: 'n2', count: 4 },
      ],
      emptyHandles: ['stale', 'stale2'],
      missingHandles: [],
      problems: 8,
    });
  });
});

describe('doctor', () => {
  test('every finding has a proof, the plan mends what can be mended, and a second look finds the rest only', async () => {
    const store = await problems();
    const before = diagnose(await readIpamState(store), now);
    expect(before.findings.every(({ proof }) => proof.length > 0)).toBe(true);
    expect(before.findings.every(({ repairs, advice }) => repairs.length > 0 || advice !== undefined)).toBe(
      true,
    );
    expect(repairPlan(before).map(describeRepair)).toEqual(
      expect.arrayContaining([
        'release 10.65.0.23 held by k8s-pod-network.c7',
        'release 10.99.0.0 held by k8s-pod-network.c9',
        'delete the handle stale',
        'delete the handle stale2',
      ]),
    );
    const ipam = createIpam(store);
    for (const repair of repairPlan(before)) await applyRepair(store, ipam, repair);
    const after = diagnose(await readIpamState(store), now);
    expect(after.findings.filter(({ repairs }) => repairs.length > 0)).toEqual([]);
    expect(after.findings.map(({ kind, subject }) => `${kind} ${subject}`).sort()).toEqual([
      'double-use 10.65.0.2',
      'leaked 10.65.0.13',
      'leaked 10.65.0.14',
      'outside-pools 192.0.2.7',
      'unallocated-use 10.65.0.6',
    ]);
  });

  test('half-done claims, handles that count wrong, blocks of hosts that are gone', async () => {
    const store = memoryDatastore();
    const put = (kind: string, name: string, spec: Record<string, unknown>) =>
      store.put({ type: 'resource', kind, name }, { apiVersion: '', kind, metadata: { name }, spec });
    for (const name of ['n1', 'n2']) await put('Node', name, {});
    await put('IPPool', 'p', { cidr: '10.0.0.0/24', blockSize: 26 });
    const ipam = createIpam(store);
    const give = (host: string, handle: string) =>
      ipam.autoAssign({
        v4: 1,
        v6: 0,
        host,
        handle,
        use: 'Workload',
        attributes: { node: host, pod: handle, namespace: 'd' },
      });
    await give('n1', 'a');
    await give('n2', 'b');
    await store.put({ type: 'handle', id: 'a' }, { block: { '10.9.0.0/26': 2 }, deleted: false });
    await store.delete({ type: 'handle', id: 'b' });
    await store.put(
      { type: 'affinity', host: 'n1', cidr: '10.0.0.192/26' },
      { state: 'pending', deleted: false },
    );
    const [own] = (await store.list({ type: 'affinity', host: 'n2' })).items;
    await store.delete(own!.key);
    const kinds = async () =>
      diagnose(await readIpamState(store), now)
        .findings.map(({ kind }) => kind)
        .sort();
    expect(await kinds()).toEqual([
      'half-claimed',
      'leaked',
      'leaked',
      'missing-handle',
      'unclaimed-block',
      'wrong-handle',
    ]);
    const plan = repairPlan(diagnose(await readIpamState(store), now)).filter(
      ({ action }) => action !== 'release',
    );
    for (const repair of plan) expect(await applyRepair(store, ipam, repair)).toBe(true);
    expect(await kinds()).toEqual(['leaked', 'leaked']);
    await store.delete({ type: 'resource', kind: 'Node', name: 'n2' });
    expect(await kinds()).toEqual(['gone-host', 'leaked', 'leaked']);
  });

  test('forecast: growth from the time stamps of the last week', async () => {
    const store = memoryDatastore();
    const put = (kind: string, name: string, spec: Record<string, unknown>) =>
      store.put({ type: 'resource', kind, name }, { apiVersion: '', kind, metadata: { name }, spec });
    await put('Node', 'n1', {});
    await put('IPPool', 'p', { cidr: '10.0.0.0/24', blockSize: 26 });
    const ipam = createIpam(store);
    for (let i = 0; i < 14; i++) {
      const attributes = { node: 'n1', timestamp: `2026-05-${i < 7 ? '20' : '30'} 10:00:00 +0000 UTC` };
      await ipam.autoAssign({ v4: 1, v6: 0, host: 'n1', handle: `h${i}`, use: 'Workload', attributes });
    }
    expect(diagnose(await readIpamState(store), now).forecasts).toEqual([
      {
        pool: 'p',
        cidr: '10.0.0.0/24',
        version: 4,
        addresses: 256n,
        used: 14,
        blocks: 4n,
        blocksClaimed: 1,
        growthPerDay: 1,
        daysLeft: 242,
        hostsLeft: 3n,
      },
    ]);
  });
});

describe('garbage collection', () => {
  async function cluster() {
    const store = memoryDatastore();
    const put = (kind: string, name: string, spec: Record<string, unknown>, namespace?: string) =>
      store.put(
        { type: 'resource', kind, name, ...(namespace ? { namespace } : {}) },
        { apiVersion: '', kind, metadata: { name }, spec },
      );
    for (const name of ['n1', 'n2']) await put('Node', name, {});
    await put('IPPool', 'p', { cidr: '10.0.0.0/24', blockSize: 28 });
    const ipam = createIpam(store);
    const give = async (host: string, handle: string, attributes: Record<string, string> = {}) =>
      (
        await ipam.autoAssign({
          v4: 1,
          v6: 0,
          host,
          handle,
          use: 'Workload',
          attributes: { node: host, ...attributes },
        })
      ).v4.addresses[0]!.address;
    return { store, put, ipam, give };
  }

  test("own host: only pods' addresses that nothing vouches for, and only when seen twice over the grace period", async () => {
    const { store, put, ipam, give } = await cluster();
    const pod = (name: string) => ({
      namespace: 'd',
      pod: name,
      timestamp: '2026-06-01 00:00:00.5 +0000 UTC',
    });
    const gone = await give('n1', 'cni0.gone', pod('gone'));
    await give('n1', 'cni0.alive', pod('alive'));
    await give('n1', 'cni0.sandbox', pod('sandbox'));
    await give('n1', 'cni0.young', { ...pod('young'), timestamp: '2026-06-01 00:55:00 +0000 UTC' });
    await give('n1', 'ipip-tunnel-addr-n1', { type: 'ipipTunnelAddress' });
    await give('n2', 'cni0.other', pod('other'));
    await put('WorkloadEndpoint', 'n1-k8s-alive-eth0', { containerID: 'alive', ipNetworks: [] }, 'd');
    const scan = async (time: number) =>
      candidatesOfHost(await readIpamState(store), 'n1', { now: time, isAlive: (id) => id === 'sandbox' });
    const found = await scan(now);
    expect(found.map(({ handle }) => handle)).toEqual(['cni0.gone']);
    const first = confirm(new Map(), found, now);
    expect(first.confirmed).toEqual([]);
    expect(confirm(first.sightings, found, now + 60_000).confirmed).toEqual([]);
    const second = confirm(first.sightings, found, now + 15 * 60_000);
    expect(second.confirmed).toEqual([...found]);
    expect(await collect(ipam, second.confirmed, [])).toEqual({ addresses: [gone], blocks: [] });
    // The handle given again meanwhile is another candidate: nothing is confirmed of it.
    await give('n1', 'cni0.gone', pod('gone'));
    expect(confirm(second.sightings, await scan(now + 20 * 60_000), now + 20 * 60_000).confirmed).toEqual([]);
  });

  test('hosts that are gone: addresses and blocks', async () => {
    const { store, ipam, give } = await cluster();
    const pod = await give('n2', 'cni0.x', { namespace: 'd', pod: 'x' });
    const tunnel = await give('n2', 'ipip-tunnel-addr-n2', { type: 'ipipTunnelAddress' });
    await give('n2', 'by-hand');
    expect(candidatesOfGoneHosts(await readIpamState(store))).toEqual([]);
    await store.delete({ type: 'resource', kind: 'Node', name: 'n2' });
    const state = await readIpamState(store);
    const found = candidatesOfGoneHosts(state);
    expect(goneHosts(state)).toEqual(['n2']);
    expect(await collect(ipam, found, goneHosts(state))).toEqual({ addresses: [pod, tunnel], blocks: [] });
    await ipam.releaseByHandle('by-hand');
    expect((await collect(ipam, [], ['n2'])).blocks.length).toBe(1);
    expect(goneHosts(await readIpamState(store))).toEqual([]);
  });
});

test('a collector releases nothing on its first pass, then what stayed garbage, and the blocks of gone hosts', async () => {
  const store = memoryDatastore();
  const put = (kind: string, name: string, spec: Record<string, unknown>) =>
    store.put({ type: 'resource', kind, name }, { apiVersion: '', kind, metadata: { name }, spec });
  for (const name of ['n1', 'n2']) await put('Node', name, {});
  await put('IPPool', 'p', { cidr: '10.0.0.0/24', blockSize: 28 });
  const ipam = createIpam(store);
  const give = async (host: string, pod: string) => {
    const attributes = { node: host, namespace: 'd', pod };
    const request = { v4: 1, v6: 0, host, handle: `cni0.${pod}`, use: 'Workload' as const, attributes };
    return (await ipam.autoAssign(request)).v4.addresses[0]!.address;
  };
  const leaked = await give('n1', 'a');
  const orphan = await give('n2', 'b');
  let time = now;
  const common = { ipam, now: () => time, log: () => {} };
  const local = { endpoints: () => [], isAlive: () => false, now: () => time };
  const notOurs = new Collector({ ...common, scan: scanOfGoneHosts(store), isOurs: async () => false });
  const own = new Collector({ ...common, scan: scanOfHost(store, 'n1', local) });
  const cluster = new Collector({ ...common, scan: scanOfGoneHosts(store) });
  const nothing = { addresses: [], blocks: [] };
  expect(await own.pass()).toEqual(nothing);
  expect(await cluster.pass()).toEqual(nothing);
  await store.delete({ type: 'resource', kind: 'Node', name: 'n2' });
  expect(await cluster.pass()).toEqual(nothing);
  await notOurs.pass();
  time += 15 * 60_000;
  expect(await notOurs.pass()).toEqual(nothing);
  expect(await own.pass()).toEqual({ addresses: [leaked], blocks: [] });
  const last = await cluster.pass();
  expect(last.addresses).toEqual([orphan]);
  expect(last.blocks.length).toBe(1);
});
