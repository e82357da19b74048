/** The calls of Kubespray v2.14.0's role, unchanged, on an etcd with certificates. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { clusterInformationPath, readJson } from '../../src/upgrade/index.ts';
import { buildPrograms, execute, startEtcd, v2Dump } from './upgrade-support.ts';

let etcd: Awaited<ReturnType<typeof startEtcd>>;
let bin = '';
let files: readonly string[] = [];

beforeAll(async () => {
  etcd = await startEtcd({ tls: true });
  bin = buildPrograms(etcd.folder);
  for (const [key, value] of Object.entries(v2Dump)) await etcd.v1.set(key, value);
  // As its templates etcdv2.yml.j2 and etcdv3.yml.j2 have them, with the list of more than one member.
  const spec = (type: string) => `metadata:
spec:
  datastoreType: "${type}"
  etcdEndpoints: "${etcd.url},https://127.0.0.1:23790"
  etcdKeyFile: "${etcd.files!.key}"
  etcdCertFile: "${etcd.files!.cert}"
  etcdCACertFile: "${etcd.files!.ca}"
`;
  const [v2, v3] = [join(etcd.folder, 'etcdv2.yml'), join(etcd.folder, 'etcdv3.yml')];
  writeFileSync(v2, `apiVersion: v1\nkind: calicoApiConfig\n${spec('etcdv2')}`);
  writeFileSync(v3, `apiVersion: projectcalico.org/v3\nkind: CalicoAPIConfig\n${spec('etcdv3')}`);
  files = [`--apiconfigv1=${v2}`, `--apiconfigv3=${v3}`];
}, 120_000);

afterAll(() => etcd?.stop());

test('dry-run, start and complete', async () => {
  const upgrade = join(bin, 'calico-upgrade');
  const [reports, converted] = [join(etcd.folder, 'tmp'), join(etcd.folder, 'tmp', 'calico_upgrade')];
  mkdirSync(reports);

  const dry = execute(upgrade, ['dry-run', `--output-dir=${reports}`, ...files]);
  expect(dry.stdout).toContain('Successfully');
  expect(readdirSync(reports)).toEqual(['convertednames']);
  expect(await etcd.v1.read()).toEqual(v2Dump);
  expect((await etcd.v3.range({ key: '/calico/', end: '/calico0', countOnly: true })).count).toBe(0);

  const start = execute(upgrade, ['start', '--no-prompts', ...files, `--output-dir=${converted}`]);
  expect([start.code, start.stdout]).toEqual([0, expect.stringContaining('waiting for 15s')]);
  expect(readdirSync(converted)).toEqual(['convertednames']);
  expect(await etcd.v1.get('/calico/v1/Ready')).toBe('false');

  const complete = execute(upgrade, ['complete', '--no-prompts', ...files]);
  expect([complete.code, complete.stdout]).toEqual([0, expect.stringContaining('Successfully completed')]);
  const information = await readJson(etcd.v3, clusterInformationPath);
  expect(information?.['spec']).toMatchObject({ datastoreReady: true, calicoVersion: 'v2.6.9' });
  rmSync(reports, { recursive: true });
}, 120_000);

test('its check of the cluster version reads what was written', () => {
  const env = {
    ETCD_ENDPOINTS: etcd.url,
    ETCD_KEY_FILE: etcd.files!.key,
    ETCD_CERT_FILE: etcd.files!.cert,
    ETCD_CA_CERT_FILE: etcd.files!.ca,
  };
  // calicoctl.sh version | grep 'Cluster Version:' | awk '{print $3}'
  const { stdout } = execute(join(bin, 'calicoctl'), ['version'], env);
  expect(/Cluster Version:\s+(\S+)/.exec(stdout)?.[1]).toBe('v2.6.9');
}, 30_000);

test('clean shows, deletes only with --yes, and leaves v3 alone', async () => {
  const calico = join(bin, 'calico');
  const options = [...files, '--output-dir', join(etcd.folder, 'kept')];
  const shown = execute(calico, ['upgrade', 'clean', ...options]);
  expect([shown.code, shown.stdout]).toEqual([1, expect.stringContaining('Nothing was deleted')]);
  expect(Object.keys(await etcd.v1.read())).toHaveLength(Object.keys(v2Dump).length);
  const before = (await etcd.v3.range({ key: '/calico/', end: '/calico0', countOnly: true })).count;
  expect(execute(calico, ['upgrade', 'clean', '--yes', ...options]).code).toBe(0);
  expect(await etcd.v1.read()).toEqual({});
  expect((await etcd.v3.range({ key: '/calico/', end: '/calico0', countOnly: true })).count).toBe(before);
  expect(readdirSync(join(etcd.folder, 'kept'))).toEqual(['v2-dump.json']);
}, 30_000);
