import { beforeEach, describe, expect, test } from 'bun:test';
import { type KvDatastore, memoryDatastore, rawStore } from '../datastore/index.ts';
import type { AutoAssignRequest, Ipam } from './index.ts';
import { createIpam, DatastoreSource } from './index.ts';

let store: KvDatastore;
let clock: Date;
let ipam: Ipam;

const resource = (kind: string, name: string, spec: Record<string, unknown>, labels = {}) =>
  store.put(
    { type: 'resource', kind, name },
    { apiVersion: 'projectcalico.org/v3', kind, metadata: { name, labels }, spec },
  );

const pool = (name: string, cidr: string, blockSize: number, spec: Record<string, unknown> = {}) =>
  resource('IPPool', name, { cidr, blockSize, nodeSelector: 'all()', ...spec });

const ask = (host: string, handle: string, more: Partial<AutoAssignRequest> = {}): AutoAssignRequest => ({
  v4: 1,
  v6: 0,
  host,
  handle,
  use: 'Workload',
  attributes: { node: host },
  ...more,
});

const addresses = async (request: AutoAssignRequest, from: Ipam = ipam) => {
  const { v4, v6 } = await from.autoAssign(request);
  return [...v4.addresses, ...v6.addresses].map(({ address }) => address);
};

const keys = async () =>
  (await rawStore(store)!.range({ key: '/calico/ipam/', end: '/calico/ipam0', keysOnly: true })).pairs.map(
    ({ key }) => key.replace('/calico/ipam/v2/', ''),
  );

const text = async (path: string) => {
  const { pairs } = await rawStore(store)!.range({ key: path });
  return pairs[0] && new TextDecoder().decode(pairs[0].value);
};

beforeEach(async () => {
  store = memoryDatastore();
  clock = new Date('2026-01-05T10:00:00.000Z');
  ipam = createIpam(store, { now: () => clock });
  for (const host of ['node1', 'node2', 'node3']) await resource('Node', host, {}, { name: host });
});

describe('auto-assign', () => {
  test('the first address: block, affinity, handle and configuration in one transaction, as upstream stores them', async () => {
    await pool('p', '10.0.0.0/30', 30);
    expect(await addresses(ask('node1', 'cni0.a', { attributes: { pod: 'web-0', node: 'node1' } }))).toEqual([
      '10.0.0.0',
    ]);
    expect(await keys()).toEqual([
      'assignment/ipv4/block/10.0.0.0-30',
      'config',
      'handle/cni0.a',
      'host/node1/ipv4/block/10.0.0.0-30',
    ]);
    expect(await text('/calico/ipam/v2/assignment/ipv4/block/10.0.0.0-30')).toBe(
      '{"cidr":"10.0.0.0/30","affinity":"host:node1","affinity_claim_time":"2026-01-05T10:00:00Z",' +
        '"allocations":[0,null,null,null],"unallocated":[1,2,3],"attributes":[{"handle_id":"cni0.a",' +
        '"secondary":{"node":"node1","pod":"web-0"}}],"sequenceNumber":1767607200000000001,' +
        '"sequenceNumberForAllocation":{"0":1767607200000000000},"deleted":false}',
    );
    expect(await text('/calico/ipam/v2/handle/cni0.a')).toBe('{"block":{"10.0.0.0/30":1},"deleted":false}');
    expect(await text('/calico/ipam/v2/host/node1/ipv4/block/10.0.0.0-30')).toBe(
      '{"state":"confirmed","deleted":false}',
    );
    expect(await text('/calico/ipam/v2/config')).toBe(
      '{"auto_allocate_blocks":true,"kubeVirtVMAddressPersistence":"Enabled"}',
    );
  });

  test('further addresses come from the same block, released ones last', async () => {
    await pool('p', '10.0.0.0/29', 29);
    for (const handle of ['a', 'b', 'c']) await addresses(ask('node1', handle));
    expect(await ipam.releaseByHandle('b')).toEqual({ found: true, released: ['10.0.0.1'], refused: false });
    expect(await ipam.releaseByHandle('b')).toEqual({ found: false, released: [], refused: false });
    const rest = await addresses(ask('node1', 'd', { v4: 6 }));
    expect(rest).toEqual(['10.0.0.3', '10.0.0.4', '10.0.0.5', '10.0.0.6', '10.0.0.7', '10.0.0.1']);
  });

  test('several blocks, dual stack and large requests', async () => {
    await pool('p4', '10.0.0.0/24', 30);
    await pool('p6', 'fd00::/120', 126);
    await ipam.setConfig({ strictAffinity: true, maxBlocksPerHost: 64 });
    const result = await ipam.autoAssign(ask('node1', 'a', { v4: 256, v6: 256 }));
    expect(new Set(result.v4.addresses.map(({ address }) => address)).size).toBe(256);
    expect(new Set(result.v6.addresses.map(({ address }) => address)).size).toBe(256);
    const more = await ipam.autoAssign(ask('node1', 'b', { v4: 1 }));
    expect(more.v4.failure).toBe('cannot allocate new block due to per host block limit');
    expect((await ipam.releaseByHandle('a')).released.length).toBe(512);
    expect(await text('/calico/ipam/v2/handle/a')).toBeUndefined();
  });

  test('257 of 256, /32 blocks, all or nothing', async () => {
    await pool('p', '10.0.0.0/26', 32);
    const config = { v4: 65, maxBlocks: 100 };
    expect(
      (await ipam.autoAssign(ask('node1', 'a', { ...config, allOrNothing: true }))).v4.addresses,
    ).toEqual([]);
    const result = await ipam.autoAssign(ask('node1', 'a', config));
    expect(result.v4.addresses.length).toBe(64);
    expect(result.v4.messages).toEqual(['No IPs available in pools: [10.0.0.0/26]']);
  });

  test('hosts get different blocks; when none is left they borrow, unless affinity is strict', async () => {
    await pool('p', '10.0.0.0/29', 30);
    const [one] = await addresses(ask('node1', 'a'));
    const [two] = await addresses(ask('node2', 'b'));
    expect(one).not.toBe(two);
    const borrowed = await ipam.autoAssign(ask('node3', 'c'));
    expect(borrowed.v4.addresses.length).toBe(1);
    expect((await keys()).filter((key) => key.startsWith('host/node3'))).toEqual([]);
    await ipam.setConfig({ strictAffinity: true });
    const strict = await ipam.autoAssign(ask('node3', 'd'));
    expect(strict.v4).toMatchObject({
      addresses: [],
      messages: ['No more free affine blocks and strict affinity enabled'],
    });
    expect((await ipam.releaseByHandle('c')).released).toEqual([borrowed.v4.addresses[0]!.address]);
  });

  test('limit of blocks per host', async () => {
    await pool('p', '10.0.0.0/24', 30);
    await ipam.setConfig({ strictAffinity: true, maxBlocksPerHost: 2 });
    const result = await ipam.autoAssign(ask('node1', 'a', { v4: 9 }));
    expect(result.v4.addresses.length).toBe(8);
    expect(result.v4.messages[0]).toContain('limit of 2 blocks reached');
    expect((await ipam.autoAssign(ask('node1', 'b'))).v4).toMatchObject({
      addresses: [],
      failure: 'cannot allocate new block due to per host block limit',
    });
    await ipam.setConfig({ maxBlocksPerHost: 3 });
    expect((await addresses(ask('node1', 'b'))).length).toBe(1);
    await ipam.setConfig({ autoAllocateBlocks: false, maxBlocksPerHost: 0 });
    expect((await ipam.autoAssign(ask('node2', 'c'))).v4.failure).toBe('failed to find or claim a block');
  });

  test('pools: requested, disabled, by use, by selectors', async () => {
    await pool('a', '10.1.0.0/28', 30, { nodeSelector: 'name == "node2"' });
    await pool('b', '10.2.0.0/30', 30);
    await pool('c', '10.3.0.0/28', 30, { disabled: true });
    await pool('d', '10.4.0.0/28', 30, { allowedUses: ['Tunnel'] });
    await pool('e', '10.5.0.0/28', 30, { assignmentMode: 'Manual' });
    await pool('f', '10.6.0.0/28', 30, { namespaceSelector: 'team == "x"' });
    const from = async (more: Partial<AutoAssignRequest>, host = 'node1') =>
      (await addresses(ask(host, `h${Math.random()}`, more)))[0]?.split('.')[1];
    expect(await from({})).toBe('2');
    expect(await from({ v4Pools: ['10.1.0.0/28'] })).toBe('1');
    expect(await from({}, 'node2')).toBe('1');
    expect(await from({ use: 'Tunnel' })).toBe('2');
    expect(await from({ use: 'Tunnel', v4Pools: ['10.4.0.0/28'] })).toBe('4');
    expect(await from({ v4Pools: ['10.5.0.0/28'] })).toBe('5');
    const both = await addresses(ask('node1', 'z', { v4: 4, v4Pools: ['10.2.0.0/30', '10.5.0.0/28'] }));
    expect(both.map((address) => address.split('.')[1]).sort()).toEqual(['2', '2', '5', '5']);
    const failure = (request: Partial<AutoAssignRequest>) =>
      ipam.autoAssign(ask('node1', 'x', request)).then(
        () => 'worked',
        (error: Error) => error.message,
      );
    expect(await failure({ v4Pools: ['10.3.0.0/28'] })).toContain(
      'the given pool (10.3.0.0/28) does not exist',
    );
    expect(await failure({ v4Pools: ['10.9.0.0/28'] })).toContain(
      'the given pool (10.9.0.0/28) does not exist',
    );
    expect(await failure({ v4Pools: ['10.4.0.0/28'] })).toContain(
      'no pools match the required use (Workload)',
    );
    expect(await failure({ v4: 0, v6: 1 })).toBe('cannot find a qualified ippool');
    expect(await failure({ host: 'nobody' })).toContain('Node(nobody)');
    await ipam.releaseByHandle('z');
    expect(
      (await addresses(ask('node1', 'n', { namespaceLabels: { team: 'x' }, v4: 8 }))).some((a) =>
        a.startsWith('10.6.'),
      ),
    ).toBe(true);
  });

  test('reservations: single addresses passed over, whole blocks skipped', async () => {
    await pool('p', '10.0.0.0/29', 30);
    await resource('IPReservation', 'r', { reservedCIDRs: ['10.0.0.0/30', '10.0.0.5'] });
    const result = await ipam.autoAssign(ask('node1', 'a', { v4: 8 }));
    expect(result.v4.addresses.map(({ address }) => address)).toEqual(['10.0.0.4', '10.0.0.6', '10.0.0.7']);
    expect(await ipam.assignIp({ address: '10.0.0.5', handle: 'x', host: 'node1' })).toMatchObject({
      ok: true,
    });
  });

  test('a pool deleted: no further address of its block; a node deselected: its emptied block goes', async () => {
    await pool('p', '10.0.0.0/28', 30, { nodeSelector: 'name == "node1"' });
    await pool('q', '10.9.0.0/28', 30);
    const [first] = await addresses(ask('node1', 'a', { v4Pools: ['10.0.0.0/28'] }));
    await pool('p', '10.0.0.0/28', 30, { nodeSelector: 'name == "node2"' });
    expect((await addresses(ask('node1', 'b')))[0]).toMatch(/^10\.9\./);
    expect(await ipam.releaseIps([{ address: first! }])).toMatchObject({ released: [first] });
    expect((await keys()).filter((key) => key.includes('10.0.0.'))).toEqual([]);
    await store.delete({ type: 'resource', kind: 'IPPool', name: 'q' });
    expect(await ipam.autoAssign(ask('node2', 'c')).then(({ v4 }) => v4.addresses[0]?.address)).toMatch(
      /^10\.0\./,
    );
  });

  test('an empty block of another host is taken over after a minute, not before', async () => {
    await pool('p', '10.0.0.0/30', 30);
    await ipam.setConfig({ strictAffinity: true });
    await addresses(ask('node1', 'a'));
    await ipam.releaseByHandle('a');
    clock = new Date('2026-01-05T10:00:30Z');
    expect(await addresses(ask('node2', 'b'))).toEqual([]);
    clock = new Date('2026-01-05T10:01:00Z');
    expect((await addresses(ask('node2', 'b'))).length).toBe(1);
    expect((await keys()).filter((key) => key.startsWith('host/'))).toEqual([
      'host/node2/ipv4/block/10.0.0.0-30',
    ]);
  });
});

test('a shortage is explained: pools, blocks, owners, what could be borrowed', async () => {
  await pool('p', '10.0.0.0/29', 30);
  await addresses(ask('node1', 'a', { v4: 4 }));
  await addresses(ask('node2', 'b', { v4: 3 }));
  await ipam.setConfig({ strictAffinity: true });
  expect((await ipam.autoAssign(ask('node3', 'c'))).v4.explanation).toBe(
    'Pool p (10.0.0.0/29): 2 of 2 blocks taken: node1 1 (0 of 4 addresses free), node2 1 (1 of 4 addresses free); ' +
      '1 address could be borrowed, but strict affinity forbids it.',
  );
  await ipam.setConfig({ maxBlocksPerHost: 1 });
  expect((await ipam.autoAssign(ask('node1', 'd'))).v4.explanation).toBe(
    'Pool p (10.0.0.0/29): node1 has 1 block, 0 of 4 addresses free.',
  );
  expect((await ipam.autoAssign(ask('node2', 'e'))).v4.explanation).toBeUndefined();
});

describe('one transaction', () => {
  test('a warm block costs one request, and so does the release', async () => {
    await pool('p', '10.0.0.0/24', 26);
    const kv = rawStore(store)! as unknown as { requests: number };
    await addresses(ask('node1', 'warm'));
    const source = { pools: 2, rest: 2 };
    const before = kv.requests;
    await addresses(ask('node1', 'a'));
    // The default source reads pools, reservations, node and configuration; a synced source reads nothing.
    expect(kv.requests - before).toBe(source.pools + source.rest + 1);
    const middle = kv.requests;
    await ipam.releaseByHandle('a');
    expect(kv.requests - middle).toBe(1);
  });

  test("the caller's own steps: written together, adapted to what stands in the way, or given up", async () => {
    await pool('p', '10.0.0.0/24', 26);
    const key = { type: 'handle', id: 'stands-for-an-endpoint' } as const;
    const made = await ipam.autoAssign(
      ask('node1', 'a', { extra: ([first]) => [{ op: 'create', key, value: { address: first!.address } }] }),
    );
    expect((await store.get(key))?.value).toEqual({ address: made.v4.addresses[0]!.address });
    const seen: unknown[] = [];
    const adapted = await ipam.autoAssign(
      ask('node1', 'b', {
        extra: ([first], current) => {
          seen.push(current?.[0]?.value);
          const value = { address: first!.address };
          return current?.[0]
            ? [{ op: 'update', key, value, revision: current[0].revision }]
            : [{ op: 'create', key, value }];
        },
      }),
    );
    expect(seen.at(-1)).toEqual({ address: made.v4.addresses[0]!.address });
    expect((await store.get(key))?.value).toEqual({ address: adapted.v4.addresses[0]!.address });
    const refused = await ipam.autoAssign(
      ask('node1', 'c', {
        extra: (_, current) => (current ? undefined : [{ op: 'create', key, value: {} }]),
      }),
    );
    expect(refused).toMatchObject({ refused: true, v4: { addresses: [] } });
    expect(await text('/calico/ipam/v2/handle/c')).toBeUndefined();
  });

  test('requests that gather while one is written share a transaction', async () => {
    await pool('p', '10.0.0.0/24', 26);
    await addresses(ask('node1', 'warm'));
    const source = new DatastoreSource(store);
    const facts = { pools: await source.pools(), config: await source.config() };
    const cached = createIpam(store, {
      now: () => clock,
      source: {
        pools: async () => facts.pools,
        reservations: async () => [],
        nodeLabels: async () => ({}),
        config: async () => facts.config,
      },
    });
    await addresses(ask('node1', 'warm2'), cached);
    const kv = rawStore(store)! as unknown as { requests: number };
    const before = kv.requests;
    const handles = Array.from({ length: 20 }, (_, i) => `h${i}`);
    const all = await Promise.all(handles.map((handle) => addresses(ask('node1', handle), cached)));
    expect(new Set(all.flat()).size).toBe(20);
    expect(kv.requests - before).toBe(1);
    const released = await Promise.all(handles.map((handle) => cached.releaseByHandle(handle)));
    expect(released.flatMap((result) => result.released).sort()).toEqual(all.flat().sort());
    expect(kv.requests - before).toBe(2);
    const { items } = await store.list({ type: 'handle' });
    expect(items.map(({ key }) => (key as { id: string }).id)).toEqual(['warm', 'warm2']);
  });

  test('a handle that exists: more addresses, or the same again', async () => {
    await pool('p', '10.0.0.0/24', 26);
    const [first] = await addresses(ask('node1', 'a'));
    const other = createIpam(store, { now: () => clock });
    expect(await other.autoAssign(ask('node1', 'a', { existing: 'reuse' }))).toMatchObject({
      reused: true,
      v4: { addresses: [{ address: first }] },
    });
    expect((await addresses(ask('node1', 'a'), other)).length).toBe(1);
    expect((await ipam.addressesByHandle('a'))?.length).toBe(2);
    expect((await ipam.releaseByHandle('a')).released.length).toBe(2);
  });
});

describe('one address', () => {
  test('in a pool, once, and attributes come back', async () => {
    await pool('p', '10.0.0.0/24', 28);
    await pool('t', '10.7.0.0/24', 28, { allowedUses: ['Tunnel'] });
    const request = { address: '10.0.0.20', handle: 'h', host: 'node1', attributes: { pod: 'x' } };
    expect(await ipam.assignIp(request)).toMatchObject({ ok: true, assigned: { block: '10.0.0.16/28' } });
    expect(await ipam.assignIp(request)).toMatchObject({
      reason: 'taken',
      message: 'resource already exists: 10.0.0.20 with error: Address already assigned in block',
    });
    expect(await ipam.allocationOf('10.0.0.20')).toMatchObject({ handle: 'h', attributes: { pod: 'x' } });
    expect(await ipam.allocationOf('10.0.0.21')).toBeUndefined();
    expect(await ipam.assignIp({ ...request, address: '10.99.0.1' })).toMatchObject({
      reason: 'not-in-pool',
    });
    expect(await ipam.assignIp({ ...request, address: '10.7.0.1', use: 'Workload' })).toMatchObject({
      reason: 'not-in-pool',
    });
    await ipam.setConfig({ strictAffinity: true });
    expect(await ipam.assignIp({ ...request, address: '10.0.0.21', host: 'node2' })).toMatchObject({
      reason: 'not-ours',
      message: 'Block host affinity does not match',
    });
  });
});

describe('release by address', () => {
  test('counted once, unallocated is no error, wrong holder or sequence releases nothing', async () => {
    await pool('p', '10.0.0.0/24', 28);
    const { v4 } = await ipam.autoAssign(ask('node1', 'a', { v4: 3 }));
    const [one, two, three] = v4.addresses.map(({ address }) => address) as [string, string, string];
    expect(
      await ipam.releaseIps([
        { address: one },
        { address: one },
        { address: '10.0.0.200' },
        { address: '1.1.1.1' },
      ]),
    ).toEqual({
      released: [one],
      unallocated: ['1.1.1.1', '10.0.0.200'],
      mismatches: [],
    });
    const wrong = await ipam.releaseIps([{ address: two }, { address: three, handle: 'other' }]);
    expect(wrong).toMatchObject({
      released: [],
      mismatches: [{ message: 'the given handle (other) does not match (a) when attempting to release IP' }],
    });
    expect((await ipam.releaseIps([{ address: two, sequence: 5n }])).mismatches.length).toBe(1);
    const right = await ipam.releaseIps([
      { address: two, handle: 'a', sequence: v4.addresses[1]!.sequence },
      { address: three },
    ]);
    expect(right.released).toEqual([two, three]);
    expect(await text('/calico/ipam/v2/handle/a')).toBeUndefined();
  });

  test('66 addresses over two blocks, also when the pool is gone', async () => {
    await pool('p', '10.0.0.0/24', 26);
    const list = await addresses(ask('node1', 'a', { v4: 66 }));
    await store.delete({ type: 'resource', kind: 'IPPool', name: 'p' });
    expect((await ipam.releaseIps(list.map((address) => ({ address })))).released.length).toBe(66);
  });
});

describe('affinities', () => {
  test('claim, release, host removal; blocks with addresses live on without an owner', async () => {
    await pool('p', '10.0.0.0/24', 26);
    await ipam.claimAffinity('10.0.0.0/26', 'node2');
    expect(await ipam.claimAffinity('10.0.0.0/25', 'node1')).toEqual({
      claimed: ['10.0.0.64/26'],
      failed: ['10.0.0.0/26'],
    });
    const problem = (cidr: string) =>
      ipam.claimAffinity(cidr, 'node1').catch((error: Error) => error.message);
    expect(await problem('10.9.0.0/26')).toBe(
      'The requested CIDR (10.9.0.0/26) is not within any configured pools.',
    );
    expect(await problem('10.0.0.0/28')).toBe(
      'The requested CIDR (10.0.0.0/28) is smaller than the minimum.',
    );
    const [address] = await addresses(ask('node1', 'a'));
    expect(await ipam.releaseAffinity('10.0.0.64/26', 'node1', { mustBeEmpty: true })).toEqual(
      new Map([['10.0.0.64/26', 'not-empty']]),
    );
    await ipam.removeHost('node1');
    await ipam.removeHost('node2');
    expect(await keys()).toEqual(['assignment/ipv4/block/10.0.0.64-26', 'config', 'handle/a']);
    expect(await text('/calico/ipam/v2/assignment/ipv4/block/10.0.0.64-26')).toContain(
      '"affinity":null,"allocations":[0',
    );
    expect((await ipam.releaseByHandle('a')).released).toEqual([address!]);
    expect(await keys()).toEqual(['config']);
  });

  test('half-done states of other clients are finished or repaired', async () => {
    await pool('p', '10.0.0.0/28', 30);
    const affinity = (state: string) =>
      store.put({ type: 'affinity', host: 'node1', cidr: '10.0.0.4/30' }, { state, deleted: false });
    // A key without a block.
    await affinity('pending');
    expect(await addresses(ask('node1', 'a'))).toEqual(['10.0.0.4']);
    expect(await text('/calico/ipam/v2/host/node1/ipv4/block/10.0.0.4-30')).toContain('confirmed');
    // A block of ours behind a key that was being given up.
    await affinity('pendingDeletion');
    const other = createIpam(store, { now: () => clock });
    expect(await addresses(ask('node1', 'b'), other)).toEqual(['10.0.0.5']);
    expect(await text('/calico/ipam/v2/host/node1/ipv4/block/10.0.0.4-30')).toContain('confirmed');
    // A key whose block is another's.
    await store.put({ type: 'affinity', host: 'node2', cidr: '10.0.0.4/30' }, { state: 'pending' });
    expect((await addresses(ask('node2', 'c')))[0]).not.toMatch(/^10\.0\.0\.[4-7]$/);
    expect(await text('/calico/ipam/v2/host/node2/ipv4/block/10.0.0.4-30')).toBeUndefined();
  });

  test('40 hosts claim their first block at once', async () => {
    await pool('p', '10.0.0.0/16', 26);
    const hosts = Array.from({ length: 40 }, (_, i) => `host${i}`);
    for (const host of hosts) await resource('Node', host, {});
    const all = await Promise.all(
      hosts.map((host) => addresses(ask(host, `h-${host}`), createIpam(store, { now: () => clock }))),
    );
    expect(new Set(all.flat()).size).toBe(40);
    expect((await keys()).filter((key) => key.startsWith('host/')).length).toBe(40);
  });
});
