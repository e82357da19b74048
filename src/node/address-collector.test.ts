import { expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type KeyValue, memoryDatastore } from '../datastore/index.ts';
import { createIpam } from '../ipam/index.ts';
import { AddressCollector } from './address-collector.ts';

test('keeps what an endpoint or an interface vouches for', async () => {
  const links = mkdtempSync(join(tmpdir(), 'links-'));
  // The interface of pod default/web-0 (docs of the CNI plugin).
  mkdirSync(join(links, 'cali0d7763386da'));
  const store = memoryDatastore();
  const put = (kind: string, name: string, spec: Record<string, unknown>) =>
    store.put({ type: 'resource', kind, name }, { apiVersion: '', kind, metadata: { name }, spec });
  await put('Node', 'n1', {});
  await put('IPPool', 'p', { cidr: '10.0.0.0/24', blockSize: 28 });
  const ipam = createIpam(store);
  const give = async (pod: string) => {
    const attributes = { node: 'n1', namespace: 'default', pod, timestamp: '2020-01-01 00:00:00 +0000 UTC' };
    const request = { v4: 1, v6: 0, host: 'n1', handle: `cni0.${pod}`, use: 'Workload' as const, attributes };
    return (await ipam.autoAssign(request)).v4.addresses[0]!.address;
  };
  await give('web-0');
  await give('web-1');
  await give('gone');
  const used = await give('of-another-plugin');
  const logged: string[] = [];
  const collector = new AddressCollector({
    datastore: store,
    ipam,
    nodeName: 'n1',
    interfacePrefix: 'cali',
    log: (message) => logged.push(message),
    links,
    inUse: () => new Set([used]),
  });
  const key = {
    type: 'resource',
    kind: 'WorkloadEndpoint',
    namespace: 'default',
    name: 'n1-k8s-web--1-eth0',
  } as const;
  const endpoint = {
    apiVersion: '',
    kind: key.kind,
    metadata: { name: key.name },
    spec: { node: 'n1', containerID: 'web-1' },
  };
  const kv: KeyValue<typeof key> = { key, value: endpoint, revision: '1' };
  collector.onUpdates([{ type: 'put', kv }]);
  const candidates = await collector.candidates();
  expect(candidates.map(({ handle }) => handle)).toEqual(['cni0.gone']);
  // The first pass only notes; what it noted is released a grace period later (see ipam/collect.ts).
  expect(await collector.pass()).toEqual({ addresses: [], blocks: [] });
  await collector.stop();
  rmSync(links, { recursive: true });
});
