/** calico-node as a process: start-up, health, probes, one per host, restart over what is programmed. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeNodeHost, type NodeHost, until } from '../support/node-process.ts';

let host: NodeHost;

beforeAll(async () => {
  host = await makeNodeHost();
});

afterAll(async () => {
  await host?.close();
});

const probe = (...flags: string[]) => host.run(flags);
const ready = () => probe('-felix-live', '-felix-ready', '-bird-live', '-bird-ready').status === 0;

test('starts, registers its Node and becomes ready', async () => {
  const one = host.start({ FELIX_PROMETHEUSMETRICSENABLED: 'true' });
  await until('readiness', ready);
  expect((await host.resource('nodes/node2')).spec.bgp.ipv4Address).toBe('10.210.1.12/24');
  expect((await host.resource('clusterinformations/default')).spec).toMatchObject({
    clusterType: 'kubespray,bgp',
    datastoreReady: true,
  });
  expect((await host.resource('ippools/default-ipv4-ippool')).spec.cidr).toBe('10.233.64.0/18');
  expect(readFileSync(join(host.folder, 'lib/nodename'), 'utf8')).toBe('node2');
  expect(await (await fetch('http://localhost:9091/metrics')).text()).toContain('felix_resync_state 3');

  // What only listeners use changes without a new agent; what rules use, with one.
  await host.client.put(
    '/calico/resources/v3/projectcalico.org/felixconfigurations/default',
    Buffer.from(
      JSON.stringify({
        kind: 'FelixConfiguration',
        apiVersion: 'projectcalico.org/v3',
        metadata: { name: 'default' },
        spec: { healthPort: 9199, reportingInterval: '0s' },
      }),
    ),
  );
  await until(
    'the other port',
    async () => (await fetch('http://localhost:9199/liveness').catch(() => undefined))?.status === 200,
  );
  expect(one.output()).not.toContain('the agent starts anew');
  await host.client.put(
    '/calico/resources/v3/projectcalico.org/felixconfigurations/default',
    Buffer.from(
      JSON.stringify({
        kind: 'FelixConfiguration',
        apiVersion: 'projectcalico.org/v3',
        metadata: { name: 'default' },
        spec: {
          reportingInterval: '0s',
          defaultEndpointToHostAction: 'Accept',
          serviceLoopPrevention: 'Reject',
        },
      }),
    ),
  );
  await until('a new agent', () => one.output().includes('the agent starts anew'));
  await until('readiness', ready);

  const second = host.start();
  expect(await second.exit).toBe(1);
  expect(second.output()).toContain(`already, as process ${one.child.pid}`);

  one.child.kill('SIGTERM');
  expect(await one.exit).toBe(0);
  expect(probe('-felix-live').stdout).toContain('calico/node is not live: felix is not live');
});

test('a killed calico-node leaves table and BIRD; the next one adopts them', async () => {
  const table = () => spawnSync('nft', ['list', 'table', 'ip', 'calico'], { encoding: 'utf8' }).stdout;
  expect(table()).toContain('chain');
  const bird = readFileSync(join(host.folder, 'run/bird.pid'), 'utf8');
  const one = host.start();
  await until('readiness', ready);
  one.child.kill('SIGKILL');
  await one.exit;
  expect(table()).toContain('chain');
  const two = host.start();
  await until('readiness', ready);
  expect(readFileSync(join(host.folder, 'run/bird.pid'), 'utf8')).toBe(bird);
  expect(existsSync(`/proc/${bird.trim()}`)).toBe(true);
  two.child.kill('SIGTERM');
  expect(await two.exit).toBe(0);
});

test('the iptables dataplane by configuration', async () => {
  const one = host.start({
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
    const one = host.start(overrides, ['-startup']);
    expect(await one.exit).toBe(1);
    expect(one.output()).toContain(text);
  }
});

test('each setting tells where it comes from', () => {
  const run = probe('config', '--why', 'FELIX_HEALTHENABLED');
  expect(run.stdout).toBe('HealthEnabled = true  (environment)\n');
  expect(probe('config', '--why', 'nothing').status).toBe(1);
});
