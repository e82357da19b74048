/** Backups of a real etcd: one revision under writes, verified, restored, refused when damaged or older. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  applyRestore,
  checkFiles,
  createBackup,
  openBackup,
  planRestore,
  readKeys,
  refuseOlder,
} from '../../src/backup/index.ts';
import type { EtcdClient } from '../../src/datastore/index.ts';
import { startEtcd, type TestEtcd } from '../support/etcd.ts';

let etcd: TestEtcd;
let client: EtcdClient;
const folder = mkdtempSync(join(tmpdir(), 'calico-backup-'));
const pool = (n: number) => `/calico/resources/v3/projectcalico.org/ippools/pool-${n}`;
const text = (value: unknown) => Buffer.from(JSON.stringify(value));
const everything = { kinds: undefined, running: true, prune: true };

beforeAll(async () => {
  etcd = await startEtcd();
  client = etcd.client();
  for (let n = 0; n < 20; n++) await client.put(pool(n), text({ n }));
});

afterAll(async () => {
  client?.close();
  await etcd?.stop();
  rmSync(folder, { recursive: true, force: true });
});

test('one revision, whatever is written meanwhile', async () => {
  let writing = true;
  const writer = (async () => {
    // Two keys that are only ever written together must agree in a backup.
    for (let i = 0; writing; i++) {
      await client.txn({
        compare: [],
        success: [
          { op: 'put', key: pool(0), value: text({ i }) },
          { op: 'put', key: pool(19), value: text({ i }) },
        ],
        failure: [],
      });
    }
  })();
  const { name, manifest } = await createBackup({ client, folder, withSnapshot: true, now: new Date(1e12) });
  writing = false;
  await writer;
  const backup = openBackup(join(folder, name));
  await checkFiles(backup);
  const values = new Map<string, string>();
  for await (const { key, value } of readKeys(backup)) values.set(key, value.toString());
  expect(values.size).toBe(20);
  expect(values.get(pool(0))).toBe(values.get(pool(19))!);
  expect(manifest.files.map((file) => file.kind)).toEqual(['keys', 'snapshot']);
  expect(statSync(join(backup.path, 'keys.jsonl')).mode & 0o777).toBe(0o600);
});

test('restores what was changed and deleted, and prunes what came', async () => {
  const { name } = await createBackup({ client, folder, withSnapshot: false, now: new Date(2e12) });
  await client.put(pool(1), text('changed'));
  await client.deleteRange(pool(2), undefined);
  await client.put(pool(99), text('new'));
  const backup = openBackup(join(folder, name));
  const plan = await planRestore(backup, client, everything);
  expect(plan.steps.map((step) => [step.op, step.key])).toEqual([
    ['update', pool(1)],
    ['create', pool(2)],
    ['delete', pool(99)],
  ]);
  const { clusterId } = await client.status();
  expect(() => refuseOlder(backup, plan, clusterId)).toThrow('changed after this backup');
  expect(await applyRestore(plan, client)).toEqual([]);
  expect((await planRestore(backup, client, everything)).steps).toEqual([]);
});

test('IPAM and workload endpoints stay as they are unless all is asked for', async () => {
  const block = '/calico/ipam/v2/assignment/ipv4/block/10.0.0.0-26';
  await client.put(block, text('then'));
  const { name } = await createBackup({ client, folder, withSnapshot: false, now: new Date(3e12) });
  await client.put(block, text('now'));
  const plan = await planRestore(openBackup(join(folder, name)), client, {
    kinds: undefined,
    running: false,
    prune: true,
  });
  expect(plan.steps).toEqual([]);
  expect(plan.leftOut).toBe(1);
});

test('damage is refused and named', async () => {
  const make = async (now: number) => {
    const { name } = await createBackup({ client, folder, withSnapshot: false, now: new Date(now) });
    return join(folder, name);
  };
  const truncated = await make(4e12);
  truncateSync(join(truncated, 'keys.jsonl'), 10);
  expect(checkFiles(openBackup(truncated))).rejects.toThrow('bytes, the manifest says');
  const altered = await make(5e12);
  const file = join(altered, 'keys.jsonl');
  const bytes = readFileSync(file);
  bytes[20] = bytes[20]! ^ 1;
  writeFileSync(file, bytes);
  expect(checkFiles(openBackup(altered))).rejects.toThrow('checksum');
  const foreign = await make(6e12);
  writeFileSync(join(foreign, 'manifest.json'), '{"format":"tar"}');
  expect(() => openBackup(foreign)).toThrow('another kind');
});
