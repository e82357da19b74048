/**
 * Whatever dies, no address is leaked or given twice: plugins and the daemon are killed at random moments of concurrent
 * ADDs and DELs, then the runtime's DELs must leave nothing.
 */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KvDatastore } from '../../src/datastore/index.ts';
import { parseBlock } from '../../src/ipam/index.ts';
import { createNamespace, deleteNamespace, RtNetlink } from '../../src/linux/index.ts';
import { startEtcd, type TestEtcd } from '../support/etcd.ts';

const main = join(import.meta.dirname, '../../src/main.ts');
const daemonFile = join(import.meta.dirname, 'cni-daemon.ts');
const folder = mkdtempSync(join(tmpdir(), 'cni-crash-'));
const socket = join(folder, 'cni.sock');
const node = 'node1';
const pods = 10;
const rounds = 4;
let etcd: TestEtcd;
let store: KvDatastore;
let daemon: ChildProcess | undefined;

beforeAll(async () => {
  etcd = await startEtcd();
  store = new KvDatastore('etcd', etcd.client());
  const put = (kind: string, name: string, spec: Record<string, unknown>) =>
    store.put({ type: 'resource', kind, name }, { apiVersion: '', kind, metadata: { name }, spec });
  await put('ClusterInformation', 'default', { datastoreReady: true });
  await put('Node', node, {});
  await put('IPPool', 'pool', { cidr: '10.6.0.0/24', blockSize: 29, nodeSelector: 'all()' });
});

afterAll(async () => {
  daemon?.kill('SIGKILL');
  store.close();
  await etcd.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Park and Miller's generator: the same moments each run. */
let seed = 20_261_124;
function random(below: number): number {
  seed = (seed * 48_271) % 2_147_483_647;
  return seed % below;
}

async function startDaemon(point?: string): Promise<void> {
  const args = [daemonFile, socket, etcd.endpoints[0]!, node, ...(point === undefined ? [] : [point])];
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  daemon = child;
  await new Promise<void>((resolve, reject) => {
    child.stdout!.once('data', () => resolve());
    child.once('exit', () => reject(new Error('the daemon ended')));
  });
}

async function killDaemon(): Promise<void> {
  const child = daemon!;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
}

interface Ended {
  /** `undefined`: killed. */
  readonly exit: number | undefined;
  readonly stdout: string;
}

function call(command: string, id: string, killAfter?: number): Promise<Ended> {
  const stdin = JSON.stringify({
    cniVersion: '1.0.0',
    name: 'net',
    type: 'calico',
    nodename: node,
    nodename_file_optional: true,
    etcd_endpoints: etcd.endpoints[0],
    ipam: { type: 'calico-ipam' },
  });
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [main, 'cni'], {
      env: {
        PATH: process.env['PATH'],
        CNI_COMMAND: command,
        CNI_CONTAINERID: id,
        CNI_NETNS: `/run/netns/${id}`,
        CNI_IFNAME: 'eth0',
        CNI_PATH: '/usr/lib/cni',
        CALICO_CNI_SOCKET: socket,
      },
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    const timer = killAfter === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfter);
    let stdout = '';
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    child.stdin.on('error', () => {});
    child.on('exit', (exit) => {
      clearTimeout(timer);
      resolve({ exit: exit ?? undefined, stdout });
    });
    child.stdin.end(stdin);
  });
}

async function allocations(): Promise<readonly string[]> {
  const { items } = await store.list({ type: 'block' });
  return items
    .map(({ value }) => parseBlock(value as Parameters<typeof parseBlock>[0]))
    .flatMap((block) =>
      block.allocations.flatMap((index) =>
        index === null ? [] : [block.attributes?.[index]?.handle ?? '?'],
      ),
    );
}

/** What exists of pods: handles of addresses, endpoints, interfaces and routes of the host, records of the journal. */
async function remains(): Promise<Readonly<Record<string, readonly string[]>>> {
  const [addresses, handles, endpoints] = await Promise.all([
    allocations(),
    store.list({ type: 'handle' }),
    store.list({ type: 'resource', kind: 'WorkloadEndpoint' }),
  ]);
  const host = new RtNetlink();
  const links = host.links().filter(({ name }) => name.startsWith('cali'));
  const routes = host.routes(4, { table: 254 }).filter(({ dst }) => dst.startsWith('10.6.'));
  host.close();
  return {
    addresses,
    handles: handles.items.map(({ key }) => JSON.stringify(key)),
    endpoints: endpoints.items.map(({ key }) => JSON.stringify(key)),
    links: links.map(({ name }) => name),
    routes: routes.map(({ dst }) => dst),
    journal: readdirSync(join(folder, 'cni-journal')),
  };
}

const nothing = { addresses: [], handles: [], endpoints: [], links: [], routes: [], journal: [] };

async function untilGone(): Promise<void> {
  for (let i = 0; i < 100 && Object.values(await remains()).some((list) => list.length > 0); i++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test.each([
  'before the transaction',
  'after the transaction',
  'after the pair was made',
  'before the routes',
  'before the reply',
])('calico-node dies in an ADD %s: the next one takes it back, and DEL succeeds', async (point) => {
  createNamespace('point');
  await startDaemon(point);
  const ended = new Promise((resolve) => daemon!.once('exit', resolve));
  const { exit, stdout } = await call('ADD', 'point');
  await ended;
  expect([exit, (JSON.parse(stdout) as { code: number }).code]).toEqual([1, 11]);
  const before = await remains();
  expect(before['journal']).toHaveLength(1);
  await startDaemon();
  await untilGone();
  expect(await remains()).toEqual(nothing);
  expect(await call('DEL', 'point')).toEqual({ exit: 0, stdout: '' });
  await killDaemon();
  deleteNamespace('point');
});

test.each([
  'before the interface goes',
  'after the interface went',
  'before the transaction',
  'after the transaction',
  'before the reply',
])(
  'calico-node dies in a DEL %s: the DEL is repeated, by the plugin alone or by the next one',
  async (point) => {
    createNamespace('point');
    await startDaemon();
    expect((await call('ADD', 'point')).exit).toBe(0);
    await killDaemon();
    await startDaemon(point);
    const ended = new Promise((resolve) => daemon!.once('exit', resolve));
    await call('DEL', 'point');
    await ended;
    if (point.startsWith('after')) await startDaemon();
    expect(await call('DEL', 'point')).toEqual({ exit: 0, stdout: '' });
    expect(await remains()).toEqual(nothing);
    if (point.startsWith('after')) await killDaemon();
    deleteNamespace('point');
  },
);

test('nothing is left and no address is held twice, whatever was killed', async () => {
  const ids = Array.from({ length: pods }, (_, i) => `crash${i}`);
  for (const id of ids) createNamespace(id);
  let killedPlugins = 0;
  let succeeded = 0;
  for (let round = 0; round < rounds; round++) {
    await startDaemon();
    // Every second plugin is killed at some moment; the daemon is killed while they run.
    const calls = ids.map((id, i) => call('ADD', id, i % 2 === 0 ? 60 + random(300) : undefined));
    await new Promise((resolve) => setTimeout(resolve, 80 + random(250)));
    await killDaemon();
    const ended = await Promise.all(calls);
    killedPlugins += ended.filter(({ exit }) => exit === undefined).length;
    const added = ended.filter(({ exit }) => exit === 0);
    succeeded += added.length;
    const given = added.flatMap(({ stdout }) =>
      (JSON.parse(stdout) as { ips: { address: string }[] }).ips.map(({ address }) => address),
    );
    expect(new Set(given).size).toBe(given.length);
    // What a runtime does after a failed or finished ADD: DEL until it succeeds. Half of the rounds without the daemon.
    if (round % 2 === 0) await startDaemon();
    const deleted = await Promise.all(ids.map((id) => call('DEL', id)));
    expect(deleted.map(({ exit, stdout }) => [exit, stdout])).toEqual(ids.map(() => [0, '']));
    if (round % 2 === 0) await killDaemon();
    expect(await allocations()).toEqual([]);
    const [handles, endpoints] = await Promise.all([
      store.list({ type: 'handle' }),
      store.list({ type: 'resource', kind: 'WorkloadEndpoint' }),
    ]);
    expect([handles.items.length, endpoints.items.length]).toEqual([0, 0]);
    const host = new RtNetlink();
    expect(host.links().filter(({ name }) => name.startsWith('cali'))).toEqual([]);
    expect(host.routes(4, { table: 254 }).filter(({ dst }) => dst.startsWith('10.6.'))).toEqual([]);
    host.close();
  }
  for (const id of ids) deleteNamespace(id);
  // The test must have met both kinds.
  expect(killedPlugins).toBeGreaterThan(0);
  expect(succeeded).toBeGreaterThan(0);
}, 120_000);
