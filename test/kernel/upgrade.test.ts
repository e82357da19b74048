/** An upgrade on a real etcd that serves both APIs. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EtcdClient } from '../../src/datastore/index.ts';
import {
  abort,
  complete,
  dryRun,
  inProgress,
  needed,
  type PhaseContext,
  StatusText,
  start,
  v2Store,
} from '../../src/upgrade/index.ts';

const url = 'http://127.0.0.1:2379';
const folder = mkdtempSync(join(tmpdir(), 'calico-upgrade-'));
const dump = JSON.parse(
  readFileSync(join(import.meta.dirname, '../golden/fixtures/upgrade/v2-dump.json'), 'utf8'),
) as Record<string, string>;
let etcd: ChildProcess;
let v3: EtcdClient;
const v1 = v2Store({ endpoints: [url] });
let output = '';

beforeAll(async () => {
  // The test runs in a network of its own: the usual ports are free, and etcd fails loudly if they are not.
  etcd = spawn(
    'etcd',
    [
      '--data-dir',
      join(folder, 'etcd'),
      '--enable-v2=true',
      '--listen-client-urls',
      url,
      '--advertise-client-urls',
      url,
    ],
    { stdio: 'ignore' },
  );
  v3 = new EtcdClient({ endpoints: [url] });
  for (let attempt = 0; ; attempt++) {
    try {
      await v3.status({ timeout: 500 });
      break;
    } catch (error) {
      if (attempt > 50 || etcd.exitCode !== null) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  for (const [key, value] of Object.entries(dump)) await v1.set(key, value);
});

afterAll(() => {
  v3?.close();
  etcd?.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

const context = (overrides: Partial<PhaseContext> = {}): PhaseContext => ({
  stores: { v1, v3 },
  out: new StatusText({
    write: (text) => {
      output += text;
    },
  }),
  outputDir: join(folder, 'report'),
  ignoreV3Data: false,
  noPrompts: true,
  prompt: async () => undefined,
  sleep: async () => {},
  now: () => new Date(),
  uuid: () => 'uid',
  ...overrides,
});

const v3Keys = async () => (await v3.range({ key: '/calico/', end: '/calico0', countOnly: true })).count;

test('the v2 API gives back what was written', async () => {
  expect(await v1.read()).toEqual(dump);
});

test('dry-run reports and writes nothing into either store', async () => {
  expect(await dryRun(context())).toBe(0);
  expect(output).toContain('Successfully validated v1 to v3 conversion.');
  expect(await v1.read()).toEqual(dump);
  expect(await v3Keys()).toBe(0);
});

test('an interrupted start turns Calico v2 back on, and can be repeated', async () => {
  const stop = new AbortController();
  const interrupted = context({
    signal: stop.signal,
    sleep: async () => stop.abort(new Error('interrupted')),
  });
  expect(await start(interrupted)).toBe(1);
  expect(await v1.get('/calico/v1/Ready')).toBe('true');
  expect(await v3Keys()).toBe(0);
});

test('start, abort, start again, complete', async () => {
  expect(await needed(context())).toBe(0);
  expect(await start(context())).toBe(0);
  expect(await v1.get('/calico/v1/Ready')).toBe('false');
  expect(await v3Keys()).toBe(47);
  expect(await inProgress(context())).toBe(0);
  expect(await abort(context())).toBe(0);
  expect(await v1.get('/calico/v1/Ready')).toBe('true');
  expect(await start(context())).toBe(1);
  expect(await start(context({ ignoreV3Data: true }))).toBe(0);
  expect(await complete(context())).toBe(0);
  const [pair] = (
    await v3.range({ key: '/calico/resources/v3/projectcalico.org/clusterinformations/default' })
  ).pairs;
  expect(JSON.parse(Buffer.from(pair!.value).toString()).spec.datastoreReady).toBe(true);
  const { '/calico/v1/Ready': _ready, ...rest } = await v1.read();
  const { '/calico/v1/Ready': _before, ...before } = dump;
  expect(rest).toEqual(before);
});
