import { afterAll, beforeAll, expect, test } from 'bun:test';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Agent, EndpointStatuses } from '../../src/felix/index.ts';
import { hasTransmitChecksum, protocol, setTransmitChecksum } from '../../src/linux/index.ts';
import {
  agentOn,
  eventually,
  idleRules,
  keepingLog,
  makeHosts,
  makePod,
  put,
  route,
  workload,
} from './agent-support.ts';

let hosts: ReturnType<typeof makeHosts>;
let folder: string;
const agents: Agent[] = [];
const removePods: (() => void)[] = [];
const iface = 'cali00000000001';

beforeAll(() => {
  hosts = makeHosts('agent-f');
  folder = mkdtempSync(join(tmpdir(), 'agent-'));
});

afterAll(async () => {
  for (const agent of agents) await agent.stop();
  for (const remove of removePods) remove();
  hosts?.remove();
  rmSync(folder, { recursive: true });
});

test('an endpoint before its interface, a failing packet filter, status files and MTU', async () => {
  const { h1 } = hosts;
  const rules = idleRules();
  const log = keepingLog();
  const statuses: EndpointStatuses[] = [];
  const agent = await agentOn(h1, 'n1', {
    rules,
    log,
    mtuFile: join(folder, 'mtu'),
    endpointStatusPrefix: folder,
    onStatuses: (one) => statuses.push(one),
  });
  agents.push(agent);
  rules.fail = true;
  await agent.apply([
    put('host', 'n1', { name: 'n1', ipv4: '192.0.2.1', labels: {} }),
    put('workload', 'w', workload('web-0', iface, '10.9.1.5')),
    put('route', 'bad', route('10.9.9.0/26', { pool: 'no-encap', node: 'n2', nodeAddress: '192.0.2.2' })),
  ]);
  expect(agent.health().some((report) => report.ready)).toBe(false);
  expect(log.lines.join('\n')).toContain('cannot program nftables; will try again');
  expect(readFileSync(join(folder, 'mtu'), 'utf8')).toBe('1500');
  let up = false;
  const programmed = agent.programmed('k8s/default/web-0/eth0').then(() => {
    up = true;
  });
  removePods.push(makePod(h1, 'agent-f-pod', iface, '10.9.1.5'));
  await eventually(
    'the route is there',
    () => h1.netlink.routes(4, { protocol: protocol.calico }).length === 1,
  );
  expect(up).toBe(false);
  rules.fail = false;
  await programmed;
  expect(agent.health().every((report) => report.ready && report.live)).toBe(true);
  expect(rules.changes.flatMap((change) => change.updates).length).toBeGreaterThanOrEqual(0);
  await eventually(
    'the status file is there',
    () => readdirSync(join(folder, 'endpoint-status')).length === 1,
  );
  const [file] = readdirSync(join(folder, 'endpoint-status'));
  expect(file).toBe('k8s default%2Fweb-0 eth0');
  expect(JSON.parse(readFileSync(join(folder, 'endpoint-status', file ?? ''), 'utf8'))).toMatchObject({
    ifaceName: iface,
    ipv4Nets: ['10.9.1.5/32'],
  });
  h1.netlink.setLink('eth0', { mtu: 9000 });
  await eventually('the MTU follows', () => readFileSync(join(folder, 'mtu'), 'utf8') === '9000');
  expect(statuses.at(-1)?.workloads.get('k8s/default/web-0/eth0')?.status).toBe('up');
  await agent.apply([{ op: 'delete', kind: 'workload', key: 'w' }]);
  expect(readdirSync(join(folder, 'endpoint-status'))).toEqual([]);
});

test('a tunnel that the kernel cannot make does not hold up the rest', async () => {
  const { h2 } = hosts;
  const log = keepingLog();
  const agent = await agentOn(h2, 'n2', { log });
  agents.push(agent);
  await agent.apply([
    put('host', 'n1', { name: 'n1', ipv4: '192.0.2.1', labels: {} }),
    put('host', 'n2', { name: 'n2', ipv4: '192.0.2.2', ipipTunnelAddress: '10.9.2.1', labels: {} }),
    put('pool', 'p', {
      name: 'p',
      cidr: '10.9.0.0/16',
      natOutgoing: false,
      ipipMode: 'Always',
      vxlanMode: 'Never',
      disabled: false,
    }),
    put('route', 'r', route('10.9.1.0/26', { pool: 'ipip', node: 'n1', nodeAddress: '192.0.2.1' })),
    put('route', 's', route('10.9.2.0/26', { pool: 'ipip', types: ['local-workload'], node: 'n2' })),
    put(
      'route',
      't',
      route('10.9.3.0/26', { pool: 'ipip', sameSubnet: true, node: 'n1', nodeAddress: '192.0.2.1' }),
    ),
  ]);
  const routes = h2.netlink.routes(4, { protocol: protocol.calico });
  const eth0 = h2.netlink.requireLink('eth0').index;
  expect(routes.find((one) => one.dst === '10.9.2.0/26')?.kind).toBe('blackhole');
  expect(routes.find((one) => one.dst === '10.9.3.0/26')?.hops).toEqual([
    { oif: eth0, gateway: '192.0.2.1', onlink: true },
  ]);
  const tunl = h2.netlink.link('tunl0');
  if (tunl) {
    expect(h2.netlink.addresses({ link: 'tunl0' }).map((one) => one.address)).toEqual(['10.9.2.1/32']);
    expect(routes.find((one) => one.dst === '10.9.1.0/26')?.hops).toEqual([
      { oif: tunl.index, gateway: '192.0.2.1', onlink: true },
    ]);
  } else {
    expect(log.lines.join('\n')).toContain('cannot program a tunnel device');
    expect(routes.some((one) => one.dst === '10.9.1.0/26')).toBe(false);
  }
});

test('IPv6: VXLAN device, blackhole, endpoint route', async () => {
  const { h2 } = hosts;
  removePods.push(makePod(h2, 'agent-f-pod6', 'cali00000000006', '10.9.2.6'));
  const agent = agents[1];
  await agent?.apply([
    put('host', 'n1', { name: 'n1', ipv4: '192.0.2.1', ipv6: 'fd00:2::1', labels: {} }),
    put('host', 'n2', { name: 'n2', ipv4: '192.0.2.2', ipv6: 'fd00:2::2', labels: {} }),
    put('pool', 'p6', {
      name: 'p6',
      cidr: 'fd00:9::/48',
      natOutgoing: false,
      ipipMode: 'Never',
      vxlanMode: 'Always',
      disabled: false,
    }),
    put('vtep', 'n1', {
      node: 'n1',
      ipv6: { tunnelAddress: 'fd00:9::1:1', parentAddress: 'fd00:2::1', mac: '66:00:00:00:06:01' },
    }),
    put('vtep', 'n2', {
      node: 'n2',
      ipv6: { tunnelAddress: 'fd00:9::2:1', parentAddress: 'fd00:2::2', mac: '66:00:00:00:06:02' },
    }),
    put('route', 'r6', route('fd00:9::1:0/122', { node: 'n1', nodeAddress: 'fd00:2::1' })),
    put('route', 's6', route('fd00:9::2:0/122', { types: ['local-workload'], node: 'n2' })),
    put('workload', 'w6', {
      ...workload('six', 'cali00000000006', '10.9.2.6'),
      ipv6Nets: ['fd00:9::2:6/128'],
    }),
  ]);
  const device = h2.netlink.requireLink('vxlan-v6.calico');
  expect(device).toMatchObject({ up: true, mtu: 1430 });
  const routes = h2.netlink.routes(6, { protocol: protocol.calico });
  expect(routes.find((one) => one.dst === 'fd00:9::1:0/122')?.hops).toEqual([
    { oif: device.index, gateway: 'fd00:9::1:1', onlink: true },
  ]);
  expect(routes.find((one) => one.dst === 'fd00:9::2:0/122')?.kind).toBe('blackhole');
  expect(routes.find((one) => one.dst === 'fd00:9::2:6/128')?.hops[0]?.oif).toBe(
    h2.netlink.requireLink('cali00000000006').index,
  );
  expect(h2.netlink.neighbours(6, device.index).filter((one) => one.permanent)).toHaveLength(1);
  const drift = await agent?.resync();
  for (const report of drift?.values() ?? [])
    expect(report).toEqual({ missing: [], different: [], stray: [] });
  for (const one of routes) h2.netlink.deleteRoute(one);
  await eventually(
    'IPv6 routes are back',
    () => h2.netlink.routes(6, { protocol: protocol.calico }).length === routes.length,
  );
});

test('checksum offload of the VXLAN device goes off where the kernel is said to be broken, and stays off', async () => {
  const { h1 } = hosts;
  const agent = await agentOn(h1, 'n1', {}, { FELIX_FEATUREDETECTOVERRIDE: 'ChecksumOffloadBroken=true' });
  agents.push(agent);
  await agent.apply([
    put('host', 'n1', { name: 'n1', ipv4: '192.0.2.1', labels: {} }),
    put('pool', 'p', {
      name: 'p',
      cidr: '10.9.0.0/16',
      natOutgoing: false,
      ipipMode: 'Never',
      vxlanMode: 'Always',
      disabled: false,
    }),
    put('vtep', 'n1', {
      node: 'n1',
      ipv4: { tunnelAddress: '10.9.1.1', parentAddress: '192.0.2.1', mac: '66:00:00:00:00:01' },
    }),
  ]);
  expect(hasTransmitChecksum('vxlan.calico', h1.namespace)).toBe(false);
  setTransmitChecksum('vxlan.calico', true, h1.namespace);
  expect(hasTransmitChecksum('vxlan.calico', h1.namespace)).toBe(true);
  const drift = await agent.resync();
  expect(drift.get('tunnel device')?.different).toEqual(['vxlan.calico 10.9.1.1/32 mtu 8950']);
  expect(hasTransmitChecksum('vxlan.calico', h1.namespace)).toBe(false);
});

test('the CNI plugin’s route outlives a pass that took long, until its endpoint comes', async () => {
  const { h2 } = hosts;
  let now = 0;
  const rules = idleRules();
  const agent = await agentOn(h2, 'n2', { now: () => now, rules });
  agents.push(agent);
  removePods.push(makePod(h2, 'agent-f-slow', 'cali00000000009', '10.9.2.9'));
  const route9 = () => h2.netlink.routes(4).find((one) => one.dst === '10.9.2.9/32');
  const index = h2.netlink.requireLink('cali00000000009').index;
  h2.netlink.addRoute({ dst: '10.9.2.9/32', hops: [{ oif: index }] });
  const { apply } = rules;
  rules.apply = (change) => {
    now += 30_000;
    return apply(change);
  };
  await agent.apply([put('host', 'n2', { name: 'n2', ipv4: '192.0.2.2', labels: {} })]);
  rules.apply = apply;
  await agent.resync();
  expect(route9()).toMatchObject({ protocol: protocol.boot });
  await agent.apply([put('workload', 'w9', workload('slow', 'cali00000000009', '10.9.2.9'))]);
  expect(route9()).toMatchObject({ protocol: protocol.calico });
  h2.netlink.addRoute({ dst: '10.9.2.10/32', hops: [{ oif: index }] });
  now += 30_000;
  await agent.resync();
  expect(h2.netlink.routes(4).some((one) => one.dst === '10.9.2.10/32')).toBe(false);
});
