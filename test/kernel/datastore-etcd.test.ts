import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { datastoreContract, failureOf } from '../../src/datastore/contract.ts';
import { EtcdClient, KvDatastore, Syncer } from '../../src/datastore/index.ts';
import type { CalicoError } from '../../src/errors.ts';
import { makeCertificates, readTls, startEtcd, type TestEtcd } from '../support/etcd.ts';

describe('etcd driver', () => {
  let etcd: TestEtcd;
  beforeAll(async () => {
    etcd = await startEtcd();
  }, 30_000);
  afterAll(() => etcd.stop());

  datastoreContract('etcd', async () => {
    const client = etcd.client();
    await client.deleteRange('\0', '\0');
    return new KvDatastore('etcd', client);
  });

  test('status, members and a snapshot', async () => {
    const client = etcd.client();
    expect((await client.status()).version).toMatch(/^3\./);
    expect((await client.members()).map(({ name }) => name)).toEqual(['m0']);
    let bytes = 0;
    for await (const chunk of client.snapshot()) bytes += chunk.blob.length;
    expect(bytes).toBeGreaterThan(10_000);
    client.close();
  });

  test('a large value passes and a deadline holds', async () => {
    const client = etcd.client();
    const value = new Uint8Array(1_200_000).fill(65);
    for (let i = 0; i < 5; i++) await client.put(`/calico/ipam/v2/handle/big${i}`, value);
    const { pairs } = await client.range({
      key: '/calico/ipam/v2/handle/big',
      end: '/calico/ipam/v2/handle/bih',
    });
    expect(pairs.map((pair) => pair.value.length)).toEqual(Array(5).fill(1_200_000));
    client.close();
    // A server that accepts and says nothing.
    const mute = createServer(() => {});
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    const { port } = mute.address() as { port: number };
    const waiting = new EtcdClient({ endpoints: [`http://127.0.0.1:${port}`], timeout: 200 });
    expect(await failureOf(waiting.range({ key: 'a' }))).toContain('did not answer within 200 ms');
    waiting.close();
    mute.close();
  });
});

test('nobody listens: the error names the endpoint and the cause', async () => {
  const refused = new EtcdClient({ endpoints: ['http://127.0.0.1:1'], timeout: 2_000 });
  expect(await failureOf(refused.range({ key: 'a' }))).toMatch(/127\.0\.0\.1:1.*refused/i);
  refused.close();
});

test('fail-over: reads and watches go on with another member, a write of unknown outcome is not repeated', async () => {
  const etcd = await startEtcd({ members: 3 });
  try {
    const client = etcd.client();
    await client.put('/calico/a', new Uint8Array([1]));
    const batches = client.watch({ key: '/calico/a' }, '1')[Symbol.asyncIterator]();
    await batches.next();
    await etcd.kill(0);
    const closed = await batches.next();
    expect(closed.value?.[0]).toMatchObject({ type: 'closed', reason: 'disconnected' });
    expect((await client.range({ key: '/calico/a' })).pairs.length).toBe(1);
    await client.put('/calico/a', new Uint8Array([2]));
    await etcd.restart(0);
    await etcd.kill(1);
    expect((await client.range({ key: '/calico/a' })).pairs[0]!.value).toEqual(Buffer.from([2]));
    await etcd.kill(2);
    const outcome = await client.put('/calico/a', new Uint8Array([3]), { timeout: 500 }).then(
      () => 'written',
      (error: CalicoError) => error.details['outcome'],
    );
    expect(outcome).toBe('unknown');
    client.close();
  } finally {
    await etcd.stop();
  }
}, 60_000);

test('a member without a leader is left: its watches end, and requests go elsewhere', async () => {
  const etcd = await startEtcd({ members: 3 });
  try {
    const client = etcd.client({ timeout: 8_000 });
    await client.put('/calico/a', new Uint8Array([1]));
    const watch = client.watch({ key: '/calico/b' }, '1')[Symbol.asyncIterator]();
    await watch.next();
    // Member 0, to which the client is connected, is cut off: the other two go, and come back without it being one.
    await etcd.kill(1);
    await etcd.kill(2);
    const closed = await watch.next();
    expect(closed.value?.at(-1)).toMatchObject({ type: 'closed', reason: 'disconnected' });
    expect(await failureOf(client.put('/calico/a', new Uint8Array([2])))).toMatch(/no leader/);
    await etcd.restart(1);
    await client.put('/calico/a', new Uint8Array([3]));
    client.close();
  } finally {
    await etcd.stop();
  }
}, 60_000);

test('a server that fell silent is given up at the first deadline', async () => {
  const etcd = await startEtcd({ members: 3 });
  try {
    const client = etcd.client({ timeout: 500 });
    // On a busy machine the first call takes longer, and would move on to another member.
    await client.put('/calico/a', new Uint8Array([1]), { timeout: 20_000 });
    etcd.pause(0);
    expect(await failureOf(client.range({ key: '/calico/a' }))).toContain('did not answer within 500 ms');
    // The next one is asked; it may have to elect a leader first.
    const patient = client.range({ key: '/calico/a' }, { timeout: 20_000 });
    expect((await patient).pairs.length).toBe(1);
    client.close();
  } finally {
    await etcd.stop();
  }
}, 60_000);

test('user and password: a token is fetched, renewed when the server forgot it, and a wrong password is said', async () => {
  const etcd = await startEtcd();
  try {
    const ctl = (...args: string[]) =>
      execFileSync('etcdctl', ['--endpoints', etcd.endpoints[0]!, ...args], {
        env: { ...process.env, ETCDCTL_API: '3' },
        stdio: ['ignore', 'ignore', 'pipe'],
      });
    const open = (password: string) =>
      new EtcdClient({ endpoints: etcd.endpoints, username: 'root', password, timeout: 3_000 });
    const early = open('secret');
    await early.put('/calico/a', new Uint8Array([1]));
    early.close();
    ctl('user', 'add', 'root:secret');
    ctl('user', 'grant-role', 'root', 'root');
    ctl('auth', 'enable');
    const client = open('secret');
    await client.put('/calico/a', new Uint8Array([2]));
    // The server's tokens die with it.
    await etcd.kill(0);
    await etcd.restart(0, { requireAnonymous: false });
    await client
      .put('/calico/a', new Uint8Array([3]))
      .catch(() => client.put('/calico/a', new Uint8Array([3])));
    expect((await client.range({ key: '/calico/a' })).pairs[0]!.value).toEqual(Buffer.from([3]));
    client.close();
    const stranger = open('wrong');
    expect(await failureOf(stranger.range({ key: '/calico/a' }))).toContain('connection is unauthorized');
    stranger.close();
    const nobody = etcd.client();
    expect(await failureOf(nobody.range({ key: '/calico/a' }))).toContain('unauthorized');
    nobody.close();
  } finally {
    await etcd.stop();
  }
}, 30_000);

test('a syncer outlives the death of every member, stays in-sync, and misses nothing', async () => {
  const etcd = await startEtcd();
  try {
    const store = new KvDatastore('etcd', etcd.client({ timeout: 1_000 }));
    await store.put({ type: 'handle', id: 'a' }, {});
    const seen: string[] = [];
    const statuses: string[] = [];
    const health: boolean[] = [];
    let wake: () => void = () => {};
    const until = async (condition: () => boolean) => {
      while (!condition()) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    };
    const syncer = new Syncer({
      datastore: store,
      queries: [{ type: 'handle' }],
      consumers: [
        {
          onUpdates: (updates) => {
            for (const update of updates) {
              const key = update.type === 'put' ? update.kv.key : update.key;
              seen.push(`${update.type} ${key.type === 'handle' ? key.id : ''}`);
            }
            wake();
          },
          onStatus: (status) => {
            statuses.push(status);
            wake();
          },
        },
      ],
      onHealth: ({ connected }) => {
        health.push(connected);
        wake();
      },
    });
    syncer.start();
    await until(() => syncer.status === 'in-sync');
    await etcd.kill(0);
    await until(() => health.length === 1);
    await etcd.restart(0);
    await store.delete({ type: 'handle', id: 'a' });
    await store.put({ type: 'handle', id: 'b' }, {});
    await until(() => seen.includes('put b'));
    expect(seen).toEqual(['put a', 'delete a', 'put b']);
    expect(statuses).toEqual(['resync', 'in-sync']);
    await until(() => health.length === 2);
    await syncer.stop();
    store.close();
  } finally {
    await etcd.stop();
  }
}, 30_000);

test('TLS: a server whose certificate names another address is refused', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'calico-tls-'));
  const certificates = makeCertificates(directory, '127.0.0.2');
  const server = createTlsServer({
    key: readFileSync(certificates.key),
    cert: readFileSync(certificates.cert),
    ALPNProtocols: ['h2'],
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const client = new EtcdClient({
    endpoints: [`https://127.0.0.1:${port}`],
    tls: readTls(certificates),
    timeout: 2_000,
  });
  expect(await failureOf(client.range({ key: 'a' }))).toMatch(/altname|does not match|certificate/i);
  client.close();
  server.close();
  rmSync(directory, { recursive: true });
}, 30_000);

test('TLS with client certificates to an address', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'calico-tls-'));
  const certificates = makeCertificates(directory);
  const etcd = await startEtcd({ tls: certificates });
  try {
    const client = etcd.client();
    await client.put('/calico/a', new Uint8Array([1]));
    client.close();
    const { cert: _cert, key: _key, ...caOnly } = readTls(certificates);
    const stranger = new EtcdClient({ endpoints: etcd.endpoints, tls: caOnly, timeout: 2_000 });
    expect(await failureOf(stranger.range({ key: '/calico/a' }))).not.toBe('did not fail');
    stranger.close();
    const distrustful = new EtcdClient({ endpoints: etcd.endpoints, tls: {}, timeout: 2_000 });
    expect(await failureOf(distrustful.range({ key: '/calico/a' }))).toMatch(/certificate/i);
    distrustful.close();
  } finally {
    await etcd.stop();
    rmSync(directory, { recursive: true });
  }
}, 30_000);
