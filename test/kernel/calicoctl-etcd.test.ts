/** calicoctl on a real etcd: a sample of the recordings, and the program itself as a process. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { replayScenario, type Scenario } from '../golden/calicoctl/replay.ts';
import { startEtcd, type TestEtcd } from '../support/etcd.ts';

const fixtures = join(import.meta.dirname, '../golden/fixtures/calicoctl');
const sample =
  /^(crud-(ippool|node|networkpolicy|workloadendpoint)|node-delete-cascade|ipam-(show|pool-delete|release-report|split|check-clean)|datastore-migrate|namespaces|policy-names)\.json$/;

let etcd: TestEtcd;

beforeAll(async () => {
  etcd = await startEtcd();
});

afterAll(() => etcd.stop());

for (const version of ['v3.15', 'v3.32']) {
  for (const file of readdirSync(join(fixtures, version)).filter((name) => sample.test(name))) {
    test(`${version}/${file} on etcd`, async () => {
      const client = etcd.client();
      try {
        await client.deleteRange('\0', '\0');
        const scenario = JSON.parse(readFileSync(join(fixtures, version, file), 'utf8')) as Scenario;
        const outcome = await replayScenario(scenario, client);
        if (outcome.result === 'differ') throw new Error(outcome.diff);
      } finally {
        client.close();
      }
    }, 60_000);
  }
}

test('the program connects by the environment and prints only what it was asked for', async () => {
  const client = etcd.client();
  await client.deleteRange('\0', '\0');
  client.close();
  const env = {
    PATH: process.env['PATH'],
    CALICO_ETCD_ENDPOINTS: etcd.endpoints.join(','),
    ETCD_ENDPOINTS: 'http://127.0.0.1:1',
  };
  const run = (args: readonly string[], input = ''): string =>
    execFileSync(process.execPath, [join(import.meta.dirname, '../../src/main.ts'), 'ctl', ...args], {
      env,
      input,
      encoding: 'utf8',
    });
  const pool =
    '{"kind": "IPPool", "apiVersion": "projectcalico.org/v3", "metadata": {"name": "default-pool",}, "spec": {"cidr": "10.233.64.0/18",}}';
  expect(run(['apply', '-f', '-'], pool)).toBe("Successfully applied 1 'IPPool' resource(s)\n");
  expect(run(['get', 'ippool'])).toContain('default-pool   10.233.64.0/18   all()      \n');
});
