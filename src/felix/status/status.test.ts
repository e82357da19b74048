import { describe, expect, test } from 'bun:test';
import { memoryDatastore } from '../../datastore/index.ts';
import { silentLog } from '../log.ts';
import { hostEndpointStatusKey, hostStatusKey, workloadStatusKey } from './status-keys.ts';
import { type EndpointStatuses, StatusReporter } from './status-reporter.ts';
import recorded from './testdata/felix-facts.json';

const paths = Object.keys(recorded.etcdStatusKeys);
const leases: Readonly<Record<string, boolean>> = recorded.etcdStatusLeases;

describe('keys are as Felix v3.32.1 wrote them', () => {
  const id = (workload: string) => ({
    orchestrator: 'k8s',
    workload: `default/${workload}`,
    endpoint: 'eth0',
  });
  const rows = [
    hostStatusKey('', 'host1', 'status'),
    hostStatusKey('', 'host1', 'last_reported_status'),
    workloadStatusKey('', 'host1', id('w1')),
    workloadStatusKey('', 'host1', id('s1')),
    hostEndpointStatusKey('host1', 'h1-eth0'),
  ];
  for (const { path } of rows) test(path, () => expect(paths).toContain(path));
  test('another region', () => {
    expect(hostStatusKey('r1', 'h', 'status').path).toBe('/calico/felix/v2/region-r1/host/h/status');
  });
});

/** A reporter on a memory datastore, and what is below /calico/felix in it. */
function setUp(reportEndpoints = true) {
  const datastore = memoryDatastore();
  const ttls = new Map<string, number | undefined>();
  const put = datastore.put.bind(datastore);
  datastore.put = (key, value, options) => {
    if (key.type === 'raw') ttls.set(key.path, options?.ttlSeconds);
    return put(key, value, options);
  };
  const reporter = new StatusReporter({
    datastore,
    hostname: 'host1',
    region: '',
    interval: 3600,
    ttl: 90,
    reportEndpoints,
    endpointDelay: 0,
    now: () => new Date('2026-09-01T10:00:12.300Z'),
    startedAt: new Date('2026-09-01T10:00:00Z'),
    log: silentLog,
  });
  const stored = async () => {
    const { items } = await datastore.list({ type: 'raw', prefix: '/calico/felix/' });
    return Object.fromEntries(
      items.map(({ key, value }) => [key.type === 'raw' ? key.path : '', value as unknown]),
    );
  };
  const until = async (holds: (now: Record<string, unknown>) => boolean) => {
    for (let i = 0; i < 300 && !holds(await stored()); i++)
      await new Promise((resolve) => setTimeout(resolve, 5));
    return stored();
  };
  return { datastore, reporter, ttls, until };
}

const statuses = (
  workloads: Record<string, 'up' | 'down'>,
  hostEndpoints: Record<string, 'up' | 'error'> = {},
): EndpointStatuses => ({
  workloads: new Map(
    Object.entries(workloads).map(([name, status]) => [
      name,
      { id: { orchestrator: 'k8s', workload: `default/${name}`, endpoint: 'eth0' }, status },
    ]),
  ),
  hostEndpoints: new Map(Object.entries(hostEndpoints)),
});

test('the process reports with a lease, and without', async () => {
  const { reporter, ttls, until } = setUp();
  reporter.start();
  const found = await until((now) => Object.keys(now).length === 2);
  reporter.stop();
  const value = { time: '2026-09-01T10:00:12Z', uptime: 12.3, first_update: true };
  expect(found).toEqual({
    '/calico/felix/v2/no-region/host/host1/last_reported_status': value,
    '/calico/felix/v2/no-region/host/host1/status': value,
  });
  for (const [path, ttl] of ttls) expect(ttl !== undefined).toBe(leases[path] ?? false);
});

test('endpoints come, change and go; what an earlier run left goes too', async () => {
  const { datastore, reporter, until } = setUp();
  const left = workloadStatusKey('', 'host1', {
    orchestrator: 'k8s',
    workload: 'default/old',
    endpoint: 'eth0',
  });
  const elsewhere = workloadStatusKey('', 'host2', {
    orchestrator: 'k8s',
    workload: 'default/old',
    endpoint: 'eth0',
  });
  await datastore.put(left, { status: 'up' });
  await datastore.put(elsewhere, { status: 'up' });
  const w1 = '/calico/felix/v2/no-region/host/host1/workload/k8s/default%2fw1/endpoint/eth0';
  const hep = '/calico/felix/v1/host/host1/endpoint/h1-eth0';
  reporter.setEndpoints(statuses({ w1: 'down' }, { 'h1-eth0': 'error' }));
  expect(await until((now) => now[hep] !== undefined && now[left.path] === undefined)).toEqual({
    [w1]: { status: 'down' },
    [hep]: { status: 'error' },
    [elsewhere.path]: { status: 'up' },
  });
  reporter.setEndpoints(statuses({ w1: 'up' }));
  expect(await until((now) => now[hep] === undefined)).toEqual({
    [w1]: { status: 'up' },
    [elsewhere.path]: { status: 'up' },
  });
  reporter.stop();
});
