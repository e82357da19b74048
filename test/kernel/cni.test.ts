/** The CNI plugins as a runtime calls them: programs, calico-node's socket or none, real etcd, real namespaces. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CniServer, handleCniRequest, SyncedCniReads, serveCni } from '../../src/cni/index.ts';
import { KvDatastore, Syncer } from '../../src/datastore/index.ts';
import { createIpam, type Ipam, parseBlock, SyncedSource } from '../../src/ipam/index.ts';
import { createNamespace, deleteNamespace, inNamespace, RtNetlink } from '../../src/linux/index.ts';
import { startEtcd, type TestEtcd } from '../support/etcd.ts';

const main = join(import.meta.dirname, '../../src/main.ts');
const folder = mkdtempSync(join(tmpdir(), 'cni-test-'));
const socket = join(folder, 'cni.sock');
const node = 'node1';
let etcd: TestEtcd;
let store: KvDatastore;
let ipam: Ipam;
let syncer: Syncer;
let server: CniServer | undefined;
let reads: SyncedCniReads;
const programmed: string[] = [];

beforeAll(async () => {
  etcd = await startEtcd();
  store = new KvDatastore('etcd', etcd.client());
  const put = (kind: string, name: string, spec: Record<string, unknown>) =>
    store.put({ type: 'resource', kind, name }, { apiVersion: '', kind, metadata: { name }, spec });
  await put('ClusterInformation', 'default', { datastoreReady: true });
  await put('Node', node, {});
  await put('IPPool', 'pool4', { cidr: '10.5.0.0/24', blockSize: 26, nodeSelector: 'all()' });
  await put('IPPool', 'pool6', { cidr: 'fd00:5::/64', blockSize: 122, nodeSelector: 'all()' });
  const source = new SyncedSource(store);
  reads = new SyncedCniReads(store, node);
  const kinds = ['ClusterInformation', 'IPPool', 'IPReservation', 'Node', 'Profile', 'WorkloadEndpoint'];
  syncer = new Syncer({
    datastore: store,
    queries: [...kinds.map((kind) => ({ type: 'resource' as const, kind })), { type: 'ipam-config' }],
    consumers: [source, reads],
  });
  syncer.start();
  while (syncer.status !== 'in-sync') await new Promise((resolve) => setTimeout(resolve, 5));
  ipam = createIpam(store, { source });
  await startServer();
});

afterAll(async () => {
  await server?.close();
  await syncer.stop();
  store.close();
  await etcd.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function startServer(): Promise<void> {
  server = await serveCni(socket, (request) =>
    handleCniRequest(request, {
      datastore: store,
      ipam,
      reads,
      clock: () => new Date(),
      waitProgrammed: async ({ workload }) => {
        programmed.push(workload);
        return true;
      },
    }),
  );
}

interface Ended {
  readonly exit: number;
  readonly stdout: string;
}

function call(
  command: string,
  id: string,
  options: { netns?: string; version?: string; extra?: object } = {},
): Promise<Ended> {
  const stdin = JSON.stringify({
    cniVersion: options.version ?? '1.0.0',
    name: 'net',
    type: 'calico',
    nodename: node,
    nodename_file_optional: true,
    etcd_endpoints: etcd.endpoints[0],
    ipam: { type: 'calico-ipam', assign_ipv6: 'true' },
    ...options.extra,
  });
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [main, 'cni'], {
      env: {
        PATH: process.env['PATH'],
        CNI_COMMAND: command,
        CNI_CONTAINERID: id,
        CNI_NETNS: options.netns ?? `/run/netns/${id}`,
        CNI_IFNAME: 'eth0',
        CNI_PATH: '/usr/lib/cni',
        CALICO_CNI_SOCKET: socket,
      },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    let stdout = '';
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    child.on('exit', (exit) => resolve({ exit: exit ?? 1, stdout }));
    child.stdin.end(stdin);
  });
}

async function state() {
  const [blocks, handles, endpoints] = await Promise.all([
    store.list({ type: 'block' }),
    store.list({ type: 'handle' }),
    store.list({ type: 'resource', kind: 'WorkloadEndpoint' }),
  ]);
  const used = blocks.items
    .map(({ value }) => parseBlock(value as Parameters<typeof parseBlock>[0]))
    .reduce((sum, block) => sum + block.allocations.filter((one) => one !== null).length, 0);
  return { used, handles: handles.items.length, endpoints: endpoints.items.length };
}

function hostLinks(): readonly string[] {
  const host = new RtNetlink();
  const names = host.links().map(({ name }) => name);
  host.close();
  return names.filter((name) => name.startsWith('cali'));
}

const clean = { used: 0, handles: 0, endpoints: 0 };

describe('through calico-node', () => {
  test('ADD, CHECK, a repeated ADD, DEL, a repeated DEL', async () => {
    createNamespace('c1');
    const added = await call('ADD', 'c1');
    expect(added.exit).toBe(0);
    const result = JSON.parse(added.stdout) as { ips: { address: string }[]; interfaces: { mac?: string }[] };
    expect(result.ips).toHaveLength(2);
    expect(programmed).toEqual(['default/c1']);
    expect(await state()).toEqual({ used: 2, handles: 1, endpoints: 1 });
    const addresses = inNamespace('c1', () => {
      const inside = new RtNetlink();
      const found = inside.addresses({ link: 'eth0' }).map(({ address }) => address);
      inside.close();
      return found;
    });
    for (const { address } of result.ips) expect(addresses).toContain(address);
    expect((await call('CHECK', 'c1')).exit).toBe(0);
    const again = JSON.parse((await call('ADD', 'c1')).stdout) as { ips: unknown };
    expect(again.ips).toEqual(result.ips);
    expect((await call('DEL', 'c1')).exit).toBe(0);
    expect(await state()).toEqual(clean);
    expect(hostLinks()).toEqual([]);
    expect((await call('DEL', 'c1')).exit).toBe(0);
    deleteNamespace('c1');
  });

  test('CHECK names what is missing', async () => {
    createNamespace('c2');
    await call('ADD', 'c2');
    const host = new RtNetlink();
    host.deleteLink('calic2');
    host.close();
    const checked = await call('CHECK', 'c2');
    expect(checked.exit).toBe(1);
    expect(checked.stdout).toContain('there is no interface eth0');
    expect((await call('DEL', 'c2')).exit).toBe(0);
    deleteNamespace('c2');
  });

  test('an ADD that fails leaves nothing', async () => {
    const failed = await call('ADD', 'c3');
    expect(JSON.parse(failed.stdout)).toMatchObject({
      code: 999,
      msg: expect.stringContaining('failed to Statfs'),
    });
    expect(await state()).toEqual(clean);
    expect(hostLinks()).toEqual([]);
  });

  test('GC takes what is not in the list, STATUS says that pods can be served', async () => {
    for (const id of ['g1', 'g2']) {
      createNamespace(id);
      await call('ADD', id);
    }
    expect((await call('STATUS', '', { version: '1.1.0' })).exit).toBe(0);
    const extra = { 'cni.dev/valid-attachments': [{ containerID: 'g2', ifname: 'eth0' }] };
    expect((await call('GC', '', { version: '1.1.0', extra })).exit).toBe(0);
    expect(await state()).toEqual({ used: 2, handles: 1, endpoints: 1 });
    await call('DEL', 'g2');
    expect(await state()).toEqual(clean);
    for (const id of ['g1', 'g2']) deleteNamespace(id);
  });

  test('twenty pods at once get twenty addresses, and all go again', async () => {
    const ids = Array.from({ length: 20 }, (_, i) => `many${i}`);
    for (const id of ids) createNamespace(id);
    const results = await Promise.all(ids.map((id) => call('ADD', id)));
    const addresses = results.flatMap(({ stdout }) =>
      (JSON.parse(stdout) as { ips: { address: string }[] }).ips.map(({ address }) => address),
    );
    expect(new Set(addresses).size).toBe(40);
    await Promise.all(ids.map((id) => call('DEL', id)));
    expect(await state()).toEqual(clean);
    expect(hostLinks()).toEqual([]);
    for (const id of ids) deleteNamespace(id);
  }, 60_000);
});

describe('without calico-node', () => {
  test('the plugin works alone, and each can undo what the other did', async () => {
    createNamespace('d1');
    createNamespace('d2');
    await call('ADD', 'd1');
    await server!.close();
    expect((await call('ADD', 'd2')).exit).toBe(0);
    expect((await call('DEL', 'd1')).exit).toBe(0);
    await startServer();
    expect((await call('DEL', 'd2')).exit).toBe(0);
    expect(await state()).toEqual(clean);
    for (const id of ['d1', 'd2']) deleteNamespace(id);
  });
});
