import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { execFile } from 'node:child_process';
import type { Agent } from '../../src/felix/index.ts';
import { Namespace, protocol, readSysctl } from '../../src/linux/index.ts';
import {
  agentOn,
  eventually,
  keepingLog,
  makeHosts,
  makePod,
  put,
  route,
  type TestHost,
  workload,
} from './agent-support.ts';

let hosts: ReturnType<typeof makeHosts>;
let h1: TestHost;
let h2: TestHost;
const removePods: (() => void)[] = [];
let first: Agent;
let second: Agent;
const log = keepingLog();
const iface = 'cali0123456789a';

const cluster = [
  put('pool', 'p', {
    name: 'p',
    cidr: '10.9.0.0/16',
    natOutgoing: false,
    ipipMode: 'Never',
    vxlanMode: 'Always',
    disabled: false,
  }),
  put('host', 'n1', { name: 'n1', ipv4: '192.0.2.1', labels: {} }),
  put('host', 'n2', { name: 'n2', ipv4: '192.0.2.2', labels: {} }),
  put('vtep', 'n1', {
    node: 'n1',
    ipv4: { tunnelAddress: '10.9.1.1', parentAddress: '192.0.2.1', mac: '66:00:00:00:00:01' },
  }),
  put('vtep', 'n2', {
    node: 'n2',
    ipv4: { tunnelAddress: '10.9.2.1', parentAddress: '192.0.2.2', mac: '66:00:00:00:00:02' },
  }),
];
const block = (node: string, n: number, local: boolean) =>
  put(
    'route',
    `10.9.${n}.0/26`,
    route(`10.9.${n}.0/26`, {
      types: [local ? 'local-workload' : 'remote-workload'],
      node,
      nodeAddress: `192.0.2.${n}`,
    }),
  );
const pod = (n: number) => put('workload', `w${n}`, workload(`pod${n}`, iface, `10.9.${n}.5`));

const ping = (from: string, to: string) =>
  new Promise<boolean>((resolve) => {
    const namespace = Namespace.open(from);
    namespace.run(() => execFile('ping', ['-c1', '-W2', '-q', to], (error) => resolve(!error)));
    namespace.close();
  });

const routesOf = (host: TestHost) => host.netlink.routes(4, { protocol: protocol.calico });
const find = (host: TestHost, dst: string) => routesOf(host).find((one) => one.dst === dst);

beforeAll(async () => {
  hosts = makeHosts('agent-h');
  ({ h1, h2 } = hosts);
  removePods.push(makePod(h1, 'agent-pod1', iface, '10.9.1.5'), makePod(h2, 'agent-pod2', iface, '10.9.2.5'));
  first = await agentOn(h1, 'n1', { log });
  second = await agentOn(h2, 'n2');
  await first.apply([...cluster, block('n1', 1, true), block('n2', 2, false), pod(1)]);
  await second.apply([...cluster, block('n1', 1, false), block('n2', 2, true), pod(2)]);
});

afterAll(async () => {
  await first?.stop();
  await second?.stop();
  for (const remove of removePods) remove();
  hosts?.remove();
});

describe('VXLAN between two hosts', () => {
  test('device, neighbour, forwarding entry and routes', () => {
    const device = h1.netlink.requireLink('vxlan.calico');
    expect(device).toMatchObject({ up: true, mtu: 1450, mac: '66:00:00:00:00:01' });
    expect(device.vxlan).toMatchObject({ vni: 4096, port: 4789, local: '192.0.2.1', learning: false });
    expect(h1.netlink.neighbours(4, device.index)).toEqual([
      { index: device.index, address: '10.9.2.1', mac: '66:00:00:00:00:02', permanent: true },
    ]);
    expect(h1.netlink.forwarding(device.index)).toEqual([
      { index: device.index, mac: '66:00:00:00:00:02', destination: '192.0.2.2' },
    ]);
    expect(find(h1, '10.9.2.0/26')?.hops).toEqual([{ oif: device.index, gateway: '10.9.2.1', onlink: true }]);
    expect(find(h1, '10.9.1.0/26')?.kind).toBe('blackhole');
  });
  test('a tunnel end has a route of its own only where no block of its host leads to it', async () => {
    const end = (dst: string) =>
      put('route', dst, route(dst, { types: ['remote-tunnel'], node: 'n2', nodeAddress: '192.0.2.2' }));
    await first.apply([end('10.9.2.1/32')]);
    expect(find(h1, '10.9.2.1/32')).toBeUndefined();
    await first.apply([{ op: 'delete', kind: 'route', key: '10.9.2.0/26' }]);
    expect(find(h1, '10.9.2.1/32')?.hops).toEqual([{ oif: h1.netlink.requireLink('vxlan.calico').index }]);
    await first.apply([block('n2', 2, false)]);
    expect(find(h1, '10.9.2.1/32')).toBeUndefined();
    await first.apply([{ op: 'delete', kind: 'route', key: '10.9.2.1/32' }]);
  });
  test('pods reach each other through the tunnel', async () => {
    expect(await ping('agent-pod1', '10.9.2.5')).toBe(true);
    expect(await ping('agent-pod2', '10.9.1.5')).toBe(true);
  });
  test('the pod interface is set up and its route is marked', () => {
    h1.namespace.run(() => {
      expect(readSysctl(`net/ipv4/conf/${iface}/proxy_arp`)).toBe('1');
      expect(readSysctl(`net/ipv4/conf/${iface}/forwarding`)).toBe('1');
      expect(readSysctl(`net/ipv4/neigh/${iface}/proxy_delay`)).toBe('0');
      expect(readSysctl('net/ipv4/ip_forward')).toBe('1');
    });
    expect(find(h1, '10.9.1.5/32')).toMatchObject({ protocol: protocol.calico, scope: 253 });
  });
  test('programmed and status', async () => {
    await first.programmed('k8s/default/pod1/eth0');
    expect([...first.statuses().workloads.values()].map((one) => one.status)).toEqual(['up']);
    expect(first.programmed('k8s/default/absent/eth0', AbortSignal.timeout(1))).rejects.toThrow();
  });
});

describe('drift is repaired by event and logged with what was missing', () => {
  test('ip route flush proto 80', async () => {
    const before = routesOf(h1);
    log.lines.length = 0;
    for (const one of before) h1.netlink.deleteRoute(one);
    expect(routesOf(h1)).toEqual([]);
    await eventually('all routes are back', () => routesOf(h1).length === before.length);
    expect(routesOf(h1)).toEqual(before);
    expect(log.lines.join('\n')).toContain('drift repaired: 3 IPv4 routes missing');
    expect(log.lines.join('\n')).toContain(`10.9.1.5/32 dev ${iface}`);
    expect(await ping('agent-pod1', '10.9.2.5')).toBe(true);
  });
  test('one route of a veth', async () => {
    log.lines.length = 0;
    h1.netlink.deleteRoute({ dst: '10.9.1.5/32' });
    await eventually('it is back', () => find(h1, '10.9.1.5/32') !== undefined);
    await eventually('it is logged', () =>
      log.lines.join('\n').includes('drift repaired: 1 IPv4 route missing'),
    );
  });
  test('a route replaced by somebody', async () => {
    const device = h1.netlink.requireLink('vxlan.calico').index;
    h1.netlink.replaceRoute({ dst: '10.9.2.0/26', protocol: 4, hops: [{ oif: device }] });
    await eventually('it is ours again', () => find(h1, '10.9.2.0/26')?.hops[0]?.gateway === '10.9.2.1');
  });
  test('forwarding entry and neighbour', async () => {
    const { index } = h1.netlink.requireLink('vxlan.calico');
    h1.netlink.deleteForwarding({ index, mac: '66:00:00:00:00:02', destination: '192.0.2.2' });
    h1.netlink.deleteNeighbour(index, '10.9.2.1');
    await eventually(
      'both are back',
      () =>
        h1.netlink.forwarding(index).length === 1 && h1.netlink.neighbours(4, index).some((n) => n.permanent),
    );
  });
  test('the whole VXLAN device', async () => {
    h1.netlink.deleteLink('vxlan.calico');
    await eventually('it works again', () => find(h1, '10.9.2.0/26') !== undefined);
    expect(await ping('agent-pod1', '10.9.2.5')).toBe(true);
  });
  test('an interface that goes down and up gets its routes back', async () => {
    h1.netlink.setLink(iface, { up: false });
    h1.netlink.setLink(iface, { up: true });
    await eventually('the route is back', () => find(h1, '10.9.1.5/32') !== undefined);
    h1.netlink.setLink(iface, { up: false });
    await eventually(
      'the endpoint is down',
      () => [...first.statuses().workloads.values()][0]?.status === 'down',
    );
    h1.netlink.setLink(iface, { up: true });
    await first.programmed('k8s/default/pod1/eth0');
    expect(await ping('agent-pod1', '10.9.2.5')).toBe(true);
  });
});

test('a restart without memory keeps what is right, and sweeps only what is ours and stray', async () => {
  await first.stop();
  const oif = h1.netlink.requireLink('eth0').index;
  h1.netlink.addRoute({ dst: '10.9.77.0/26', kind: 'blackhole', protocol: protocol.calico });
  h1.netlink.addRoute({
    dst: '10.9.78.0/26',
    protocol: protocol.bird,
    hops: [{ oif, gateway: '192.0.2.2' }],
  });
  const device = h1.netlink.requireLink('vxlan.calico').index;
  first = await agentOn(h1, 'n1', { log });
  expect(find(h1, '10.9.77.0/26')).toBeDefined();
  await first.apply([...cluster, block('n1', 1, true), block('n2', 2, false), pod(1)]);
  expect(find(h1, '10.9.77.0/26')).toBeUndefined();
  expect(h1.netlink.routes(4).some((one) => one.dst === '10.9.78.0/26')).toBe(true);
  expect(h1.netlink.requireLink('vxlan.calico').index).toBe(device);
  expect(await ping('agent-pod1', '10.9.2.5')).toBe(true);
});

test('what leaves the program leaves the kernel', async () => {
  await first.apply([
    { op: 'delete', kind: 'workload', key: 'w1' },
    { op: 'delete', kind: 'route', key: '10.9.2.0/26' },
    { op: 'delete', kind: 'vtep', key: 'n2' },
    { op: 'delete', kind: 'pool', key: 'p' },
  ]);
  expect(routesOf(h1).map((one) => one.dst)).toEqual(['10.9.1.0/26']);
  expect(h1.netlink.link('vxlan.calico')).toBeUndefined();
  expect(first.metrics()).toContain('felix_active_local_endpoints 0');
});
