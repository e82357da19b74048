/** calico-node as a process: start-up, health, probes, one per host, restart over what is programmed. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EtcdClient } from '../../src/datastore/index.ts';
import { RtNetlink } from '../../src/linux/index.ts';
import { startEtcd, type TestEtcd } from '../support/etcd.ts';

const main = join(import.meta.dirname, '../../src/main.ts');
const folder = mkdtempSync(join(tmpdir(), 'calico-node-'));
let etcd: TestEtcd;
let client: EtcdClient;
let env: Record<string, string>;
const running: ChildProcess[] = [];

beforeAll(async () => {
  etcd = await startEtcd();
  client = etcd.client();
  const netlink = new RtNetlink();
  netlink.addLink('eth0', { kind: 'veth', peer: { name: 'cable' } }, { up: true });
  netlink.setLink('cable', { up: true });
  netlink.addAddress('eth0', '10.210.1.12/24');
  netlink.close();
  env = {
    PATH: process.env['PATH']!,
    ETCD_ENDPOINTS: etcd.endpoints.join(','),
    NODENAME: 'node2',
    IP: '10.210.1.12',
    CLUSTER_TYPE: 'kubespray,bgp',
    FELIX_HEALTHENABLED: 'true',
    FELIX_PROMETHEUSMETRICSENABLED: 'true',
    CALICO_IPV4POOL_CIDR: '10.233.64.0/18',
    CALICO_RUN_DIR: join(folder, 'run'),
    CALICO_LIB_DIR: join(folder, 'lib'),
    CALICO_ETC_DIR: join(folder, 'etc'),
    CALICO_LOG_DIR: join(folder, 'log'),
  };
});

afterAll(async () => {
  for (const one of running) one.kill('SIGKILL');
  client?.close();
  await etcd?.stop();
  rmSync(folder, { recursive: true, force: true });
});

interface Node {
  readonly child: ChildProcess;
  output(): string;
  readonly exit: Promise<number | null>;
}

function node(overrides: Record<string, string> = {}, args: readonly string[] = []): Node {
  const child = spawn(process.execPath, [main, 'node', ...args], {
    env: { ...env, ...overrides },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.push(child);
  let text = '';
  for (const stream of [child.stdout!, child.stderr!])
    stream.on('data', (chunk: Buffer) => {
      text += chunk;
    });
  return { child, output: () => text, exit: new Promise((resolve) => child.once('exit', resolve)) };
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${what} did not come true`);
}

const probe = (...flags: string[]) =>
  spawnSync(process.execPath, [main, 'node', ...flags], { env, encoding: 'utf8' });
const ready = () => probe('-felix-live', '-felix-ready', '-bird-live', '-bird-ready').status === 0;
const resource = async (path: string) => {
  const [pair] = (await client.range({ key: `/calico/resources/v3/projectcalico.org/${path}` })).pairs;
  return pair && JSON.parse(Buffer.from(pair.value).toString('utf8'));
};

test('starts, registers its Node and becomes ready', async () => {
  const one = node();
  await until('readiness', ready);
  expect((await resource('nodes/node2')).spec.bgp.ipv4Address).toBe('10.210.1.12/24');
  expect((await resource('clusterinformations/default')).spec).toMatchObject({
    clusterType: 'kubespray,bgp',
    datastoreReady: true,
  });
  expect((await resource('ippools/default-ipv4-ippool')).spec.cidr).toBe('10.233.64.0/18');
  expect(readFileSync(join(folder, 'lib/nodename'), 'utf8')).toBe('node2');
  expect(await (await fetch('http://localhost:9091/metrics')).text()).toContain('felix_resync_state 3');

  const second = node();
  expect(await second.exit).toBe(1);
  expect(second.output()).toContain(`already, as process ${one.child.pid}`);

  one.child.kill('SIGTERM');
  expect(await one.exit).toBe(0);
  expect(probe('-felix-live').stdout).toContain('calico/node is not live: felix is not live');
});

test('a killed calico-node leaves table and BIRD; the next one adopts them', async () => {
  const table = () => spawnSync('nft', ['list', 'table', 'ip', 'calico'], { encoding: 'utf8' }).stdout;
  expect(table()).toContain('chain');
  const bird = readFileSync(join(folder, 'run/bird.pid'), 'utf8');
  const one = node();
  await until('readiness', ready);
  one.child.kill('SIGKILL');
  await one.exit;
  expect(table()).toContain('chain');
  const two = node();
  await until('readiness', ready);
  expect(readFileSync(join(folder, 'run/bird.pid'), 'utf8')).toBe(bird);
  expect(existsSync(`/proc/${bird.trim()}`)).toBe(true);
  two.child.kill('SIGTERM');
  expect(await two.exit).toBe(0);
});

test('the iptables dataplane by configuration', async () => {
  const one = node({
    FELIX_NFTABLESMODE: 'Disabled',
    FELIX_IPTABLESBACKEND: 'Legacy',
    FELIX_IPV6SUPPORT: 'false',
  });
  await until('readiness', ready);
  expect(spawnSync('iptables-legacy-save', [], { encoding: 'utf8' }).stdout).toContain(':cali-FORWARD');
  one.child.kill('SIGTERM');
  expect(await one.exit).toBe(0);
});

test('what an operator must mend ends in an error with a cure', async () => {
  const rows: readonly [Record<string, string>, string][] = [
    [{ IP: 'nonsense' }, 'IP="nonsense" is not an IPv4 address'],
    [{ AS: 'x' }, 'AS="x" is not an AS number'],
    [{ IP: 'autodetect', IP_AUTODETECTION_METHOD: 'magic' }, 'invalid IP autodetection method: magic'],
    [{ NODENAME: 'other' }, "Calico node 'node2' is already using the IPv4 address 10.210.1.12."],
    [{ ETCD_ENDPOINTS: '' }, 'no etcd endpoints specified'],
  ];
  for (const [overrides, text] of rows) {
    const one = node(overrides, ['-startup']);
    expect(await one.exit).toBe(1);
    expect(one.output()).toContain(text);
  }
});

test('each setting tells where it comes from', () => {
  const run = probe('config', '--why', 'FELIX_HEALTHENABLED');
  expect(run.stdout).toBe('HealthEnabled = true  (environment)\n');
  expect(probe('config', '--why', 'nothing').status).toBe(1);
});
