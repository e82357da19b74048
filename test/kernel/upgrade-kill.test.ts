/** `calico upgrade run`, killed at random instants on a real etcd, can always be finished or aborted. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { clusterInformationPath, readJson } from '../../src/upgrade/index.ts';
import { buildPrograms, execute, startEtcd, v2Dump } from './upgrade-support.ts';

const rounds = Number(process.env['UPGRADE_KILLS'] ?? 30);
let etcd: Awaited<ReturnType<typeof startEtcd>>;
let calico = '';
let inventory = '';
let env: Record<string, string> = {};

beforeAll(async () => {
  etcd = await startEtcd();
  calico = join(buildPrograms(etcd.folder), 'calico');
  env = { APIV1_ETCD_ENDPOINTS: etcd.url, ETCD_ENDPOINTS: etcd.url };
  inventory = join(etcd.folder, 'hosts.ini');
  writeFileSync(
    inventory,
    '[all]\nnode1 ip=10.0.0.1\nnode2 ip=10.0.0.2\n[kube-master]\nnode1\n[etcd]\nnode1\n[kube-node]\nnode2\n[k8s-cluster:children]\nkube-master\nkube-node\n',
  );
}, 120_000);

afterAll(() => etcd?.stop());

const runArguments = (folder: string) => [
  ...['upgrade', 'run', '-i', inventory, '--no-prompts', '--pause', '0', '--agents-moved'],
  ...['--output-dir', join(folder, 'start'), '--report-dir', folder],
];

async function begin(folder: string): Promise<void> {
  mkdirSync(folder);
  await etcd.v3.deleteRange('/calico/', '/calico0');
  for (const [key, value] of Object.entries(v2Dump)) await etcd.v1.set(key, value);
}

const isReady = async () =>
  ((await readJson(etcd.v3, clusterInformationPath))?.['spec'] as { datastoreReady?: boolean } | undefined)
    ?.datastoreReady;
const keys = async () =>
  (await etcd.v3.range({ key: '/calico/', end: '/calico0', keysOnly: true })).pairs.map(({ key }) => key);

/** Starts a run and kills it after some lines of its output and some milliseconds; true when it was still running. */
function killedRun(folder: string, lines: number, milliseconds: number): Promise<boolean> {
  const child = spawn(calico, runArguments(folder), { env: { PATH: process.env['PATH'] ?? '', ...env } });
  return new Promise((resolve) => {
    let seen = 0;
    child.stdout.on('data', (chunk: Buffer) => {
      const before = seen;
      seen += chunk.toString().split('\n').length - 1;
      if (before < lines && seen >= lines) setTimeout(() => child.kill('SIGKILL'), milliseconds);
    });
    child.on('close', (_code, signal) => resolve(signal === 'SIGKILL'));
  });
}

test(`killed ${rounds} times`, async () => {
  const whole = join(etcd.folder, 'whole');
  await begin(whole);
  const uninterrupted = execute(calico, runArguments(whole), env);
  expect([uninterrupted.code, uninterrupted.stdout]).toEqual([
    0,
    expect.stringContaining('calico backup create'),
  ]);
  const expected = await keys();
  const length = uninterrupted.stdout.split('\n').length;

  const reached = new Set<string>();
  for (let round = 0; round < rounds; round++) {
    const folder = join(etcd.folder, `round-${round}`);
    await begin(folder);
    const killed = await killedRun(folder, Math.ceil(Math.random() * length), Math.random() * 40);
    const ready = await etcd.v1.get('/calico/v1/Ready');
    const stored = (await keys()).length;
    const where = `round ${round}: killed ${killed}, Ready ${ready}, ${stored} of ${expected.length} keys`;
    reached.add(`${ready} ${stored === 0 ? 'none' : stored < expected.length ? 'part' : 'all'}`);
    if (killed && round % 2 === 0 && (await isReady()) !== true) {
      const aborted = execute(calico, ['upgrade', 'abort', '--no-prompts'], env);
      expect([where, aborted.code]).toEqual([where, 0]);
      expect([where, await etcd.v1.get('/calico/v1/Ready'), await isReady()]).not.toEqual([
        where,
        'true',
        true,
      ]);
    }
    const again = execute(calico, runArguments(folder), env);
    expect([where, again.code, again.code === 0 ? '' : again.stdout]).toEqual([where, 0, '']);
    expect([where, await isReady(), await keys()]).toEqual([where, true, expected]);
    const { '/calico/v1/Ready': _flag, ...rest } = await etcd.v1.read();
    const { '/calico/v1/Ready': _before, ...before } = v2Dump;
    expect(rest).toEqual(before);
  }
  // The kills were spread: before the pause at least, and after it.
  expect(reached.size).toBeGreaterThan(1);
}, 300_000);
