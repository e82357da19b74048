/** `calico plan --against live` on a real etcd: all is new, then nothing changes, then what others wrote stays. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { join } from 'node:path';
import { KvDatastore } from '../../src/datastore/index.ts';
import { planCluster } from '../../src/kubespray/index.ts';
import { liveResources, planProgram } from '../../src/kubespray/program.ts';
import { startEtcd, type TestEtcd } from '../support/etcd.ts';

const inventory = join(import.meta.dirname, '../../examples/kubespray-rr/hosts.ini');
let etcd: TestEtcd;

beforeAll(async () => {
  etcd = await startEtcd();
});

afterAll(() => etcd.stop());

async function againstLive(...more: string[]): Promise<{ code: number; out: string }> {
  const env = { ETCD_ENDPOINTS: etcd.endpoints.join(',') };
  let out = '';
  const write = (text: string) => {
    out += text;
  };
  const live = () => liveResources(env);
  const code = await planProgram(['-i', inventory, '--against', 'live', ...more], {
    env,
    out: write,
    err: write,
    live,
  });
  return { code, out };
}

test('from an empty datastore to no change', async () => {
  const empty = await againstLive();
  expect(empty.code).toBe(2);
  expect(empty.out).toContain('node5 (10.210.1.15) joins');

  const { plan } = planCluster([inventory]);
  const store = new KvDatastore('etcd', etcd.client());
  for (const host of plan.hosts) {
    const spec = { bgp: { ipv4Address: `${host.address}/24` } };
    await store.put(
      { type: 'resource', kind: 'Node', name: host.nodeName },
      { apiVersion: 'projectcalico.org/v3', kind: 'Node', metadata: { name: host.nodeName }, spec },
    );
  }
  for (const { resource } of plan.steps) {
    const key = { type: 'resource', kind: resource.kind, name: resource.metadata.name } as const;
    const old = (await store.get(key))?.value;
    const bgp = {
      ...(old?.spec['bgp'] as object | undefined),
      ...(resource.spec['bgp'] as object | undefined),
    };
    const spec = { ...old?.spec, ...resource.spec, ...(Object.keys(bgp).length > 0 ? { bgp } : {}) };
    const labels = { ...old?.metadata.labels, ...resource.metadata.labels };
    await store.put(key, { ...resource, metadata: { ...resource.metadata, labels }, spec });
  }
  store.close();

  const same = await againstLive();
  expect(same.out).toBe('No changes.\n');
  expect(same.code).toBe(0);

  const changed = await againstLive('-e', 'global_as_num=65500');
  expect(changed.code).toBe(2);
  expect(changed.out).toContain('the global AS number changes from 65400 to 65500');
}, 60_000);
