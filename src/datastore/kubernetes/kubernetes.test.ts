import { describe, expect, test } from 'bun:test';
import { FakeApi, KubernetesClient } from '../../kubernetes-api/index.ts';
import type { Resource } from '../../resources/resource.ts';
import type { Datastore, Key, WatchEvent } from '../port.ts';
import { Syncer } from '../syncer.ts';
import { hostHash } from './ipam-objects.ts';
import { KubernetesDatastore } from './kubernetes-datastore.ts';
import { convertUid } from './uid.ts';

const crd = '/apis/crd.projectcalico.org/v1';
const setKey = (name: string) => ({ type: 'resource', kind: 'GlobalNetworkSet', name }) as const;
const set = (name: string, nets: readonly string[] = []): Resource => ({
  apiVersion: 'projectcalico.org/v3',
  kind: 'GlobalNetworkSet',
  metadata: { name, creationTimestamp: '2026-01-05T10:00:00Z', labels: { b: '1', a: '2' } },
  spec: { nets },
});

function open(): { readonly api: FakeApi; readonly store: Datastore } {
  const api = new FakeApi();
  return { api, store: new KubernetesDatastore(new KubernetesClient(api)) };
}

async function take(events: AsyncIterable<WatchEvent>, count: number): Promise<readonly WatchEvent[]> {
  const taken: WatchEvent[] = [];
  for await (const event of events) {
    if (event.type === 'progress') continue;
    taken.push(event);
    if (taken.length === count || event.type === 'closed') break;
  }
  return taken;
}

test('uids are converted bit by bit, and back', () => {
  const pairs = [
    ['30316465-6365-4463-ad63-3564622d3638', '0c8c26a6-c6a6-44c6-adc6-ac2646b46c1c'],
    ['0f1c7b1e-8a2d-4a9e-9f5c-2a4d0d3b7c11', 'f038de78-51b4-4a79-9f3a-54b2b0dc3e88'],
  ] as const;
  for (const [a, b] of pairs) {
    expect(convertUid(a)).toBe(b);
    expect(convertUid(b)).toBe(a);
  }
  expect(convertUid('none')).toBeUndefined();
});

test('the hash of a host is that of upstream', () => {
  expect(hostHash('node2')).toBe('TJAQ27XAEAQXV56C3FEK6IWR5LLIIQ4K7564XIBNVMUGUCPBHAAA');
});

describe('custom resources', () => {
  test('create, update, delete with revisions', async () => {
    const { store, api } = open();
    const created = await store.create(setKey('s'), set('s', ['10.0.0.0/8']));
    if (!created.ok) throw new Error('not created');
    expect(await store.get(setKey('s'))).toEqual(created.kv);
    expect(api.contents()[`${crd}/globalnetworksets/s`]?.metadata).toMatchObject({
      name: 's',
      annotations: {
        'projectcalico.org/metadata':
          '{"creationTimestamp":"2026-01-05T10:00:00Z","labels":{"a":"2","b":"1"}}',
      },
    });
    expect(await store.create(setKey('s'), set('s'))).toMatchObject({
      ok: false,
      reason: 'exists',
      current: created.kv,
    });
    const updated = await store.update(setKey('s'), set('s'), { revision: created.kv.revision });
    if (!updated.ok) throw new Error('not updated');
    expect(
      await store.update(setKey('s'), set('s', ['1.0.0.0/8']), { revision: created.kv.revision }),
    ).toMatchObject({
      ok: false,
      reason: 'conflict',
      current: updated.kv,
    });
    expect(await store.update(setKey('t'), set('t'))).toMatchObject({ ok: false, reason: 'not-found' });
    expect(await store.delete(setKey('s'), { revision: created.kv.revision })).toMatchObject({
      reason: 'conflict',
    });
    expect(await store.delete(setKey('s'), { revision: updated.kv.revision })).toMatchObject({ ok: true });
    expect(await store.delete(setKey('s'))).toMatchObject({ ok: false, reason: 'not-found' });
  });

  test('lists are whole over pages, and one broken object costs no other', async () => {
    const { store, api } = open();
    for (let i = 0; i < 1100; i++)
      api.seed(`${crd}/globalnetworksets`, { metadata: { name: `s${i}` }, spec: {} });
    api.seed(`${crd}/globalnetworksets`, {
      metadata: { name: 'bad', annotations: { 'projectcalico.org/metadata': '{' } },
    });
    const { items, broken } = await store.list({ type: 'resource', kind: 'GlobalNetworkSet' });
    expect(items.length).toBe(1100);
    expect(broken.map(({ path }) => path)).toEqual([
      '/calico/resources/v3/projectcalico.org/globalnetworksets/bad',
    ]);
    expect(api.requests.length).toBe(3);
    const some = await store.list({ type: 'resource', kind: 'GlobalNetworkSet', namePrefix: 's109' });
    expect(some.items.length).toBe(11);
  });

  test('a watch delivers exactly what came after the list, tells of expiry and of its end', async () => {
    const { store, api } = open();
    await store.create(setKey('a'), set('a'));
    const { revision } = await store.list({ type: 'resource', kind: 'GlobalNetworkSet' });
    await store.create(setKey('b'), set('b'));
    await store.delete(setKey('a'));
    const query = { type: 'resource', kind: 'GlobalNetworkSet' } as const;
    const events = await take(store.watch(query, revision), 2);
    expect(
      events.map((event) => (event.type === 'put' ? event.kv.key : 'key' in event && event.key)),
    ).toEqual([setKey('b'), setKey('a')]);
    api.compact();
    expect(await take(store.watch(query, revision), 1)).toMatchObject([
      { type: 'closed', reason: 'compacted' },
    ]);
    const { revision: now } = await store.list(query);
    const end = take(store.watch(query, now), 1);
    setImmediate(() => api.endWatches());
    expect(await end).toMatchObject([{ type: 'closed', reason: 'disconnected' }]);
  });
});

describe('IPAM', () => {
  const affinity: Key = { type: 'affinity', host: 'node2', cidr: '10.0.0.0/28' };
  const block: Key = { type: 'block', cidr: '10.0.0.0/28' };

  test('documents keep large integers and their names', async () => {
    const { store, api } = open();
    const value = {
      cidr: '10.0.0.0/28',
      affinity: 'host:node2',
      affinity_claim_time: 'x',
      sequenceNumber: 1767607200000000002n,
    };
    await store.create(block, value);
    expect((await store.get(block))?.value).toMatchObject(value);
    await store.create(affinity, { state: 'pending' });
    expect(api.contents()[`${crd}/blockaffinities/node2-10-0-0-0-28`]?.['spec']).toEqual({
      cidr: '10.0.0.0/28',
      deleted: 'false',
      node: 'node2',
      state: 'pending',
      type: 'host',
    });
    api.seed(`${crd}/blockaffinities`, {
      metadata: { name: 'old' },
      spec: { cidr: '10.0.1.0/28', node: 'node2', state: 'confirmed', deleted: 'false' },
    });
    api.seed(`${crd}/blockaffinities`, {
      metadata: { name: 'other' },
      spec: { cidr: '10.0.2.0/28', node: 'node3', state: 'confirmed', deleted: 'false' },
    });
    const { items } = await store.list({ type: 'affinity', host: 'node2' });
    expect(items.map(({ key }) => key)).toEqual([affinity, { ...affinity, cidr: '10.0.1.0/28' }]);
  });

  test('a half-deleted object is deleted for good', async () => {
    const { store, api } = open();
    api.seed(`${crd}/ipamhandles`, { metadata: { name: 'h' }, spec: { handleID: 'h', deleted: true } });
    expect(await store.create({ type: 'handle', id: 'h' }, { block: {} })).toMatchObject({ ok: true });
    api.seed(`${crd}/ipamblocks`, {
      metadata: { name: '10-0-0-0-28' },
      spec: { cidr: '10.0.0.0/28', deleted: true },
    });
    expect(await store.get(block)).toBeUndefined();
    expect(Object.keys(api.contents())).toEqual([`${crd}/ipamhandles/h`]);
  });

  test('a sequence that is refused half-way takes back what it did', async () => {
    const { store, api } = open();
    await store.create(block, { cidr: '10.0.0.0/28' });
    const revision = (await store.get(block))!.revision;
    const send = api.send.bind(api);
    api.send = async (request) => {
      // Another writer is faster between the reads and the writes.
      if (request.method === 'PUT')
        await send({
          ...request,
          body: { ...(request.body as object), spec: { cidr: '10.0.0.0/28', other: 1 } },
        });
      return send(request);
    };
    const result = await store.txn!([
      { op: 'create', key: { type: 'handle', id: 'h' }, value: { block: {} } },
      { op: 'update', key: block, value: { cidr: '10.0.0.0/28', mine: 1 }, revision },
    ]);
    expect(result.ok).toBe(false);
    expect(Object.keys(api.contents())).toEqual([`${crd}/ipamblocks/10-0-0-0-28`]);
  });
});

describe('objects of Kubernetes', () => {
  const pod = (name: string, status: object, annotations = {}) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'ns', annotations },
    spec: { nodeName: 'n1', serviceAccountName: 'sa' },
    status,
  });
  const wep = (name: string): Key => ({
    type: 'resource',
    kind: 'WorkloadEndpoint',
    namespace: 'ns',
    name: `n1-k8s-${name}-eth0`,
  });

  test('pods are endpoints; the plugin writes and empties annotations only', async () => {
    const { store, api } = open();
    api.seed('/api/v1/namespaces/ns/pods', pod('p', { phase: 'Pending' }));
    api.seed('/api/v1/namespaces/ns/pods', { ...pod('h', {}), spec: { nodeName: 'n1', hostNetwork: true } });
    api.seed('/api/v1/namespaces/ns/pods', pod('b', { podIP: 'nonsense' }));
    const { items, broken } = await store.list({ type: 'resource', kind: 'WorkloadEndpoint' });
    expect(items.map(({ key }) => key)).toEqual([wep('p')]);
    expect(broken.map(({ reason }) => reason)).toEqual(['invalid CIDR address: nonsense']);
    const { value } = items[0]!;
    const written = await store.update(wep('p'), {
      ...(value as Resource),
      spec: { ...(value as Resource).spec, ipNetworks: ['10.0.0.1/32', 'fd00::1/128'], containerID: 'c' },
    });
    expect(written).toMatchObject({
      ok: true,
      kv: { value: { spec: { ipNetworks: ['10.0.0.1/32', 'fd00::1/128'] } } },
    });
    await store.delete(wep('p'));
    expect(api.contents()['/api/v1/namespaces/ns/pods/p']?.metadata.annotations).toEqual({
      'cni.projectcalico.org/podIP': '',
      'cni.projectcalico.org/podIPs': '',
      'cni.projectcalico.org/containerID': 'c',
    });
  });

  test('nodes: a label of Kubernetes wins, and only changed annotations are written', async () => {
    const { store, api } = open();
    api.seed('/api/v1/nodes', {
      metadata: { name: 'n', labels: { zone: 'z', own: 'kube' } },
      spec: { podCIDR: '10.1.0.0/24' },
    });
    const key: Key = { type: 'resource', kind: 'Node', name: 'n' };
    const read = (await store.get(key))!;
    const node = read.value as Resource;
    expect(node.metadata.annotations).toEqual({
      'projectcalico.org/kube-labels': '{"own":"kube","zone":"z"}',
    });
    const wanted = {
      ...node,
      metadata: { ...node.metadata, labels: { ...node.metadata.labels, mine: '1' } },
      spec: { ...node.spec, bgp: { ipv4Address: '10.0.0.2/24', asNumber: 64512 } },
    };
    expect(await store.update(key, wanted, { revision: read.revision })).toMatchObject({ ok: true });
    expect(api.contents()['/api/v1/nodes/n']?.metadata.annotations).toEqual({
      'projectcalico.org/ASNumber': '64512',
      'projectcalico.org/IPv4Address': '10.0.0.2/24',
      'projectcalico.org/labels': '{"mine":"1"}',
    });
    expect(await store.update(key, wanted, { revision: read.revision })).toMatchObject({
      reason: 'conflict',
    });
    expect(await store.create(key, wanted).catch((error: Error) => error.message)).toBe(
      'operation Create is not supported on Node(n)',
    );
  });

  test('the syncer follows profiles of two collections over ends and expiry', async () => {
    const { store, api } = open();
    api.seed('/api/v1/namespaces', { metadata: { name: 'a' } });
    api.seed('/api/v1/namespaces/a/serviceaccounts', { metadata: { name: 'x', namespace: 'a' } });
    const seen: string[] = [];
    const reached = (count: number) =>
      new Promise<void>((resolve) => {
        const look = () => (seen.length >= count ? resolve() : setTimeout(look, 5));
        look();
      });
    const syncer = new Syncer({
      datastore: store,
      queries: [{ type: 'resource', kind: 'Profile' }],
      backoff: { first: 1, most: 2 },
      consumers: [
        {
          onStatus: () => undefined,
          onUpdates: (updates) => {
            for (const update of updates) {
              const key = update.type === 'put' ? update.kv.key : update.key;
              seen.push(`${update.type} ${key.type === 'resource' ? key.name : ''}`);
            }
          },
        },
      ],
    });
    syncer.start();
    await reached(2);
    api.seed('/api/v1/namespaces', { metadata: { name: 'b' } });
    await reached(3);
    api.endWatches();
    await store.list({ type: 'resource', kind: 'Profile' });
    await api.send({ method: 'DELETE', path: '/api/v1/namespaces/a/serviceaccounts/x' });
    await reached(4);
    api.compact();
    api.endWatches();
    api.seed('/api/v1/namespaces', { metadata: { name: 'c' } });
    await reached(5);
    await syncer.stop();
    expect(seen).toEqual(['put kns.a', 'put ksa.a.x', 'put kns.b', 'delete ksa.a.x', 'put kns.c']);
  });
});
