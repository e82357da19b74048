/** What every driver promises, as tests; each driver's own test file runs them on a store of its own. */
import { describe, expect, test } from 'bun:test';
import { messageOf } from '../errors.ts';
import type { Resource } from '../resources/resource.ts';
import { rawStore } from './kv-datastore.ts';
import type { Datastore, Key, Value, WatchEvent } from './port.ts';

const nodeKey = (name: string) => ({ type: 'resource', kind: 'Node', name }) as const;

function node(name: string, spec: Record<string, unknown> = {}): Resource {
  return {
    apiVersion: 'projectcalico.org/v3',
    kind: 'Node',
    metadata: { name, uid: `uid-${name}`, creationTimestamp: '2026-01-05T10:00:00Z' },
    spec,
  };
}

const endpointKey = (namespace: string, name: string) =>
  ({ type: 'resource', kind: 'WorkloadEndpoint', namespace, name }) as const;

/**
 * The message with which a promise is refused. `expect().rejects` is no alternative: Bun runs a nested event loop for
 * it, in which HTTP/2 streams stand still.
 */
export async function failureOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'did not fail',
    (error: unknown) => messageOf(error),
  );
}

/** Reads events until `count` have come. */
async function take(events: AsyncIterable<WatchEvent>, count: number): Promise<readonly WatchEvent[]> {
  const taken: WatchEvent[] = [];
  for await (const event of events) {
    if (event.type === 'progress') continue;
    taken.push(event);
    if (taken.length === count || event.type === 'closed') break;
  }
  return taken;
}

/** Declares the suite; `open` gives an empty datastore. */
export function datastoreContract(name: string, open: () => Promise<Datastore> | Datastore): void {
  describe(`datastore contract: ${name}`, () => {
    test('create, get, update, delete with revisions', async () => {
      const store = await open();
      const key = nodeKey('n1');
      expect(await store.get(key)).toBeUndefined();
      const created = await store.create(key, node('n1', { bgp: { asNumber: 65400 } }));
      if (!created.ok) throw new Error('not created');
      expect(created.kv.value.metadata.resourceVersion).toBe(created.kv.revision);
      expect(await store.get(key)).toEqual(created.kv);

      const again = await store.create(key, node('n1'));
      expect(again).toEqual({ ok: false, reason: 'exists', current: created.kv });

      const updated = await store.update(key, node('n1', { x: 1 }), { revision: created.kv.revision });
      if (!updated.ok) throw new Error('not updated');
      expect(BigInt(updated.kv.revision)).toBeGreaterThan(BigInt(created.kv.revision));
      const stale = await store.update(key, node('n1'), { revision: created.kv.revision });
      expect(stale).toEqual({ ok: false, reason: 'conflict', current: updated.kv });
      expect((await store.update(nodeKey('none'), node('none'))).ok).toBe(false);
      expect(await store.update(nodeKey('none'), node('none'), { revision: '5' })).toEqual({
        ok: false,
        reason: 'not-found',
      });

      expect((await store.get(key, { revision: created.kv.revision }))?.value.spec).toEqual({
        bgp: { asNumber: 65400 },
      });
      expect(await store.delete(key, { revision: created.kv.revision })).toMatchObject({
        ok: false,
        reason: 'conflict',
      });
      expect(await store.delete(key, { revision: updated.kv.revision })).toEqual({
        ok: true,
        kv: updated.kv,
      });
      expect(await store.delete(key)).toEqual({ ok: false, reason: 'not-found' });
      store.close();
    });

    test('stored text: Go member order, no resourceVersion, unknown fields and large integers kept', async () => {
      const store = await open();
      const kv = rawStore(store)!;
      const stored = (path: string) =>
        kv.range({ key: path }).then(({ pairs }) => new TextDecoder().decode(pairs[0]!.value));
      await store.create(nodeKey('n1'), {
        spec: { selector: 'a == "b" && c < d', later: { field: [1] } },
        metadata: { labels: { b: '1', a: '2' }, resourceVersion: '7', uid: 'u', name: 'n1' },
        kind: 'x',
        apiVersion: 'y',
        status: {},
      });
      expect(await stored('/calico/resources/v3/projectcalico.org/nodes/n1')).toBe(
        '{"kind":"Node","apiVersion":"projectcalico.org/v3","metadata":{"name":"n1","uid":"u",' +
          '"labels":{"a":"2","b":"1"}},"spec":{"selector":"a == \\"b\\" \\u0026\\u0026 c \\u003c d",' +
          '"later":{"field":[1]}},"status":{}}',
      );
      const text =
        '{"cidr":"10.0.0.0/30","affinity":null,"allocations":[0,null],"sequenceNumber":1767607200000000002,' +
        '"sequenceNumberForAllocation":{"0":1767607200000000000,"10":1,"2":1767607200000000001},"deleted":false}';
      const path = '/calico/ipam/v2/assignment/ipv4/block/10.0.0.0-30';
      await kv.put(path, new TextEncoder().encode(text));
      const block = (await store.get({ type: 'block', cidr: '10.0.0.0/30' }))!;
      expect((block.value as { sequenceNumber: bigint }).sequenceNumber).toBe(1767607200000000002n);
      await store.update(block.key, block.value, { revision: block.revision });
      expect(await stored(path)).toBe(text);
      store.close();
    });

    test('lists are complete, sorted by path, of one kind, and consistent over pages', async () => {
      const store = await open();
      for (let i = 0; i < 250; i++) await store.put(nodeKey(`n${String(i).padStart(3, '0')}`), node(`n${i}`));
      await store.put(endpointKey('a', 'x-1'), { ...node('x-1'), kind: 'WorkloadEndpoint' });
      await store.put(endpointKey('b', 'x-2'), { ...node('x-2'), kind: 'WorkloadEndpoint' });
      await store.put(endpointKey('b', 'y-3'), { ...node('y-3'), kind: 'WorkloadEndpoint' });
      const nodes = await store.list({ type: 'resource', kind: 'Node' });
      expect(nodes.items.length).toBe(250);
      expect(nodes.items.map(({ key }) => (key as { name: string }).name)).toEqual(
        nodes.items.map(({ key }) => (key as { name: string }).name).sort(),
      );
      const names = async (query: { namespace?: string; namePrefix?: string }) =>
        (await store.list({ type: 'resource', kind: 'WorkloadEndpoint', ...query })).items.map(({ key }) =>
          key.type === 'resource' ? `${key.namespace}/${key.name}` : '',
        );
      expect(await names({})).toEqual(['a/x-1', 'b/x-2', 'b/y-3']);
      expect(await names({ namespace: 'b' })).toEqual(['b/x-2', 'b/y-3']);
      expect(await names({ namespace: 'b', namePrefix: 'x' })).toEqual(['b/x-2']);
      expect(await names({ namePrefix: 'x-' })).toEqual(['a/x-1', 'b/x-2']);
      await store.delete(nodeKey('n000'));
      expect(
        (await store.list({ type: 'resource', kind: 'Node' }, { revision: nodes.revision })).items.length,
      ).toBe(250);
      store.close();
    });

    test('a broken value costs no other', async () => {
      const store = await open();
      await store.put(nodeKey('good'), node('good'));
      const path = '/calico/resources/v3/projectcalico.org/nodes/bad';
      await rawStore(store)!.put(path, new TextEncoder().encode('{"kind":'));
      const { items, broken } = await store.list({ type: 'resource', kind: 'Node' });
      expect(items.map(({ key }) => key)).toEqual([nodeKey('good')]);
      expect(broken.map((entry) => entry.path)).toEqual([path]);
      expect(await failureOf(store.get(nodeKey('bad')))).toContain('failed to parse datastore entry');
      store.close();
    });

    test('IPAM keys: paths, families and hosts', async () => {
      const store = await open();
      const put = (key: Key, value: Value = {}) => store.put(key, value);
      await put({ type: 'block', cidr: '10.0.0.0/26' });
      await put({ type: 'block', cidr: 'fd85:ee78::/122' });
      await put({ type: 'affinity', host: 'node1', cidr: '10.0.0.0/26' }, { state: 'confirmed' });
      await put({ type: 'affinity', host: 'node10', cidr: 'fd85:ee78::/122' });
      await put({ type: 'affinity', host: 'load-balancer', cidr: '10.9.0.0/26', owner: 'virtual' });
      await put({ type: 'handle', id: 'cni0.abc' });
      await put({ type: 'ipam-config' }, { strict_affinity: true });
      await put({ type: 'raw', path: '/calico/ipam/v2/host/node1' });
      const all = await rawStore(store)!.range({ key: '/calico/', end: '/calico0', keysOnly: true });
      expect(all.pairs.map(({ key }) => key)).toEqual([
        '/calico/ipam/v2/assignment/ipv4/block/10.0.0.0-26',
        '/calico/ipam/v2/assignment/ipv6/block/fd85:ee78::-122',
        '/calico/ipam/v2/config',
        '/calico/ipam/v2/handle/cni0.abc',
        '/calico/ipam/v2/host/node1',
        '/calico/ipam/v2/host/node1/ipv4/block/10.0.0.0-26',
        '/calico/ipam/v2/host/node10/ipv6/block/fd85:ee78::-122',
        '/calico/ipam/v2/virtual/load-balancer/ipv4/block/10.9.0.0-26',
      ]);
      const keys = async (query: Parameters<Datastore['list']>[0]) =>
        (await store.list(query)).items.map(({ key }) => key);
      expect(await keys({ type: 'block', version: 6 })).toEqual([{ type: 'block', cidr: 'fd85:ee78::/122' }]);
      expect(await keys({ type: 'affinity', host: 'node1' })).toEqual([
        { type: 'affinity', host: 'node1', cidr: '10.0.0.0/26' },
      ]);
      expect((await keys({ type: 'affinity', version: 6 })).length).toBe(1);
      expect((await keys({ type: 'affinity' })).length).toBe(2);
      expect(await keys({ type: 'ipam-config' })).toEqual([{ type: 'ipam-config' }]);
      expect((await keys({ type: 'handle' })).length).toBe(1);
      store.close();
    });

    test('transactions: all or nothing, and what stands in the way', async () => {
      const store = await open();
      const block = { type: 'block', cidr: '10.0.0.0/26' } as const;
      const handle = { type: 'handle', id: 'h' } as const;
      const first = await store.txn!([
        { op: 'create', key: block, value: { v: 1 } },
        { op: 'create', key: handle, value: { v: 1 } },
        { op: 'check', key: nodeKey('none'), revision: '0' },
      ]);
      if (!first.ok) throw new Error('refused');
      expect(first.written.map((kv) => kv?.key)).toEqual([block, handle, undefined]);
      const revision = first.revision;
      const second = await store.txn!([
        { op: 'update', key: block, value: { v: 2 }, revision },
        { op: 'create', key: handle, value: { v: 2 } },
      ]);
      expect(second).toEqual({
        ok: false,
        current: [
          { key: block, value: { v: 1 }, revision },
          { key: handle, value: { v: 1 }, revision },
        ],
      });
      const third = await store.txn!([
        { op: 'update', key: block, value: { v: 3 }, revision },
        { op: 'delete', key: handle, revision },
      ]);
      expect(third.ok).toBe(true);
      expect((await store.get(block))?.value).toEqual({ v: 3 });
      expect(await store.get(handle)).toBeUndefined();
      expect(await store.txn!([{ op: 'delete', key: handle, revision }])).toEqual({
        ok: false,
        current: [undefined],
      });
      store.close();
    });

    test('a watch continues a list without a gap, with previous values, and ends when left', async () => {
      const store = await open();
      const key = nodeKey('n1');
      await store.put(key, node('n1', { v: 1 }));
      const { revision } = await store.list({ type: 'resource', kind: 'Node' });
      const first = await store.put(key, node('n1', { v: 2 }));
      await store.put(endpointKey('a', 'other'), { ...node('other'), kind: 'WorkloadEndpoint' });
      await rawStore(store)!.put(
        '/calico/resources/v3/projectcalico.org/nodes/bad',
        new TextEncoder().encode('{'),
      );
      await store.delete(key);
      const events = await take(store.watch({ type: 'resource', kind: 'Node' }, revision), 3);
      expect(events.map(({ type }) => type)).toEqual(['put', 'broken', 'delete']);
      expect(events[0]).toMatchObject({ type: 'put', kv: first, previous: { value: { spec: { v: 1 } } } });
      expect(events[2]).toMatchObject({ type: 'delete', key, previous: { value: { spec: { v: 2 } } } });
      store.close();
    });

    test('a watch yields what comes later, and the signal ends it', async () => {
      const store = await open();
      const { revision } = await store.list({ type: 'handle' });
      const abort = new AbortController();
      const seen: string[] = [];
      const done = (async () => {
        for await (const event of store.watch({ type: 'handle' }, revision, { signal: abort.signal })) {
          if (event.type === 'progress') continue;
          seen.push(event.type === 'put' ? (event.kv.key as { id: string }).id : event.type);
          if (seen.length === 2) abort.abort();
        }
      })();
      await store.put({ type: 'handle', id: 'a' }, {});
      await store.put({ type: 'handle', id: 'b' }, {});
      await done;
      expect(seen).toEqual(['a', 'b', 'closed']);
      store.close();
    });

    test('compaction: a watch from before it says so, and so does a read', async () => {
      const store = await open();
      const key = { type: 'handle', id: 'a' } as const;
      const first = await store.put(key, {});
      await store.put(key, { x: 1 });
      const last = await store.put(key, { x: 2 });
      await rawStore(store)!.compact(last.revision);
      const events = await take(store.watch({ type: 'handle' }, first.revision), 1);
      expect(events[0]).toMatchObject({ type: 'closed', reason: 'compacted' });
      expect(await failureOf(store.get(key, { revision: first.revision }))).toContain('compacted');
      store.close();
    });

    test('a value with a time to live goes, one written again without stays', async () => {
      const store = await open();
      const brief = { type: 'raw', path: '/calico/felix/v2/no-region/host/n1/status' } as const;
      const kept = { type: 'raw', path: '/calico/felix/v2/no-region/host/n2/status' } as const;
      const { revision } = await store.list({ type: 'raw', prefix: '/calico/felix/' });
      await store.put(brief, { time: 'x' }, { ttlSeconds: 1 });
      await store.put(kept, { time: 'x' }, { ttlSeconds: 1 });
      await store.put(kept, { time: 'y' });
      const events = await take(store.watch({ type: 'raw', prefix: '/calico/felix/' }, revision), 4);
      expect(events[3]).toMatchObject({ type: 'delete', key: brief });
      expect((await store.get(kept))?.value).toEqual({ time: 'y' });
      store.close();
    }, 15_000);

    test('keys that would leave their place are refused', async () => {
      const store = await open();
      expect(await failureOf(store.get({ type: 'handle', id: 'a/b' }))).toContain('cannot be part of');
      expect(await failureOf(store.get({ type: 'resource', kind: 'Nope', name: 'x' }))).toContain(
        'holds no kind',
      );
      expect(await failureOf(store.get({ type: 'resource', kind: 'NetworkPolicy', name: 'x' }))).toContain(
        'namespace',
      );
      store.close();
    });
  });
}
