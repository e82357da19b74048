import { describe, expect, test } from 'bun:test';
import { type Datastore, type Key, KubernetesDatastore, memoryDatastore } from '../datastore/index.ts';
import { createIpam } from '../ipam/index.ts';
import { FakeApi, KubernetesClient } from '../kubernetes-api/index.ts';
import type { Resource } from '../resources/resource.ts';
import { scanAddresses } from './addresses.ts';
import { loadConfiguration } from './configuration.ts';
import { Controllers } from './controllers.ts';
import { defaultConfiguration, resolveSettings } from './settings.ts';

const stamps = { now: () => new Date('2026-01-05T10:00:00Z'), uuid: () => crypto.randomUUID() };
const key = (kind: string, name: string, namespace?: string) =>
  ({ type: 'resource', kind, name, ...(namespace === undefined ? {} : { namespace }) }) as const;

async function put(store: Datastore, kind: string, name: string, spec: object, namespace?: string) {
  const metadata = { name, ...(namespace === undefined ? {} : { namespace }) };
  await store.put(
    key(kind, name, namespace) as Key,
    {
      apiVersion: 'projectcalico.org/v3',
      kind,
      metadata,
      spec,
    } as Resource,
  );
}

const settings = resolveSettings(defaultConfiguration, { AUTO_HOST_ENDPOINTS: 'enabled' }, 'etcdv3').settings;

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10));
}

test('two copies at once: objects are copied, a gone node is deleted with its own, and both come to rest', async () => {
  const api = new FakeApi();
  const calico = memoryDatastore();
  const kubernetes = () => new KubernetesDatastore(new KubernetesClient(api));
  api.seed('/api/v1/namespaces', { metadata: { name: 'a', labels: { x: 'y' } } });
  api.seed('/api/v1/nodes', { metadata: { name: 'n1', labels: { zone: 'z' } } });
  const orchRefs = (nodeName: string) => ({ orchRefs: [{ nodeName, orchestrator: 'k8s' }] });
  await put(calico, 'Node', 'n1', { bgp: { ipv4Address: '10.0.0.1/24' }, ...orchRefs('n1') });
  await put(calico, 'Node', 'n2', orchRefs('n2'));
  await put(calico, 'Node', 'other', {});
  await put(calico, 'WorkloadEndpoint', 'n2-k8s-p-eth0', { node: 'n2' }, 'a');
  const failures: string[] = [];
  const copies = [1, 2].map(
    () =>
      new Controllers({
        calico,
        kubernetes: kubernetes(),
        settings,
        stamps,
        log: (_level, message) => void failures.push(message),
      }),
  );
  for (const one of copies) one.start();
  const has = async (kind: string, name: string, namespace?: string) =>
    (await calico.get(key(kind, name, namespace) as Key)) !== undefined;
  await until(
    async () =>
      (await has('Profile', 'kns.a')) &&
      !(await has('Node', 'n2')) &&
      (await has('HostEndpoint', 'n1-auto-hep')),
  );
  api.seed('/apis/networking.k8s.io/v1/namespaces/a/networkpolicies', {
    metadata: { name: 'p', namespace: 'a' },
    spec: { podSelector: {}, policyTypes: ['Ingress'] },
  });
  await until(() => has('NetworkPolicy', 'knp.default.p', 'a'));
  await api.send({ method: 'DELETE', path: '/api/v1/namespaces/a' });
  await until(async () => !(await has('Profile', 'kns.a')));
  for (const one of copies) await one.stop();
  expect(await has('WorkloadEndpoint', 'n2-k8s-p-eth0', 'a')).toBe(false);
  expect(await has('Node', 'other')).toBe(true);
  const n1 = (await calico.get(key('Node', 'n1') as Key))!.value as Resource;
  expect(n1.metadata.labels).toEqual({ zone: 'z' });
});

describe('addresses', () => {
  const pod = (name: string, status: object, nodeName = 'n1') => ({
    metadata: { name, namespace: 'a' },
    spec: { nodeName },
    status,
  });

  test('only what a pod certainly does not use is a candidate', async () => {
    const api = new FakeApi();
    const calico = memoryDatastore();
    await put(calico, 'Node', 'n1', {});
    await put(calico, 'IPPool', 'p', { cidr: 'fd00::/112', blockSize: 122 });
    const ipam = createIpam(calico);
    const give = async (handle: string, name: string | undefined) => {
      const { v6 } = await ipam.autoAssign({
        v4: 0,
        v6: 1,
        handle,
        host: 'n1',
        use: 'Workload',
        attributes: { node: 'n1', ...(name === undefined ? {} : { namespace: 'a', pod: name }) },
      });
      return v6.addresses[0]!.address;
    };
    await give('k.gone', 'gone');
    const used = await give('k.used', 'used');
    await give('k.moved', 'moved');
    await give('k.starting', 'starting');
    await give('k.finished', 'finished');
    await give('k.none', undefined);
    const spelled = used.replace('::', ':0::').toUpperCase();
    for (const one of [
      pod('used', { podIP: spelled }),
      pod('moved', { podIP: used }, 'n2'),
      pod('starting', {}),
      pod('finished', { phase: 'Succeeded', podIP: used }),
    ])
      api.seed('/api/v1/namespaces/a/pods', one);
    const scan = await scanAddresses(calico, new KubernetesClient(api));
    expect(scan.candidates.map(({ handle, reason }) => [handle, reason]).sort()).toEqual([
      ['k.finished', 'the pod a/finished is finished'],
      ['k.gone', 'the pod a/gone is gone'],
      ['k.moved', 'the pod a/moved runs on n2'],
    ]);
  });
});

describe('settings', () => {
  test('variables win; blanks between names are fine; bad values are refused by name', () => {
    const resolve = (env: Readonly<Record<string, string>>, store: 'etcdv3' | 'kubernetes' = 'etcdv3') =>
      resolveSettings(defaultConfiguration, env, store);
    expect([...resolve({ ENABLED_CONTROLLERS: 'node, profile' }).settings.enabled]).toEqual([
      'node',
      'namespace',
    ]);
    expect(resolve({ RECONCILER_PERIOD: '90s' }).runningConfig.controllers?.policy).toEqual({
      reconcilerPeriod: '1m30s',
    });
    expect(resolve({}, 'kubernetes').settings.syncLabels).toBe(false);
    for (const env of [
      { ENABLED_CONTROLLERS: '' },
      { ENABLED_CONTROLLERS: 'node,nonsense' },
      { RECONCILER_PERIOD: '5' },
      { SYNC_NODE_LABELS: 'perhaps' },
    ])
      expect(() => resolve(env)).toThrow(/ENABLED_CONTROLLERS|RECONCILER_PERIOD|SYNC_NODE_LABELS/);
  });

  test('a configuration is made once, with its status, and then left alone', async () => {
    const calico = memoryDatastore();
    await loadConfiguration(calico, { ENABLED_CONTROLLERS: 'node' }, stamps);
    const stored = (await calico.get(key('KubeControllersConfiguration', 'default') as Key))!;
    expect((stored.value as Resource).status).toMatchObject({
      environmentVars: { ENABLED_CONTROLLERS: 'node' },
    });
    await loadConfiguration(calico, { ENABLED_CONTROLLERS: 'node' }, stamps);
    expect((await calico.get(key('KubeControllersConfiguration', 'default') as Key))!.revision).toBe(
      stored.revision,
    );
  });
});
