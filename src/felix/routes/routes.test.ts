import { describe, expect, test } from 'bun:test';
import type { Route } from '../../linux/index.ts';
import type { RouteProgram, VtepProgram } from '../../policy/index.ts';
import { isOurRoute } from '../network/index.ts';
import { clusterRouteWishes, programmedRoutes } from './cluster-routes.ts';
import { RouteTable, type RouteWish, routeClass } from './route-table.ts';

const base: RouteProgram = {
  dst: '10.9.2.0/26',
  types: ['remote-workload'],
  pool: 'no-encap',
  node: 'n2',
  nodeAddress: '192.0.2.2',
  sameSubnet: false,
  natOutgoing: false,
  localWorkload: false,
  borrowed: false,
};
const vtep: VtepProgram = {
  node: 'n2',
  ipv4: { tunnelAddress: '10.9.2.1', parentAddress: '192.0.2.2', mac: '66:00:00:00:00:02' },
};
const wishes = (
  route: Partial<RouteProgram>,
  setting = 'EnabledIPIPOnly',
  parent: string | undefined = 'eth0',
) =>
  clusterRouteWishes(
    { ...base, ...route },
    {
      parent,
      ...programmedRoutes(setting),
      protocol: 80,
      priority: 0,
      vtep: (node) => (node === 'n2' ? vtep : undefined),
    },
  ).map(({ class: _, protocol: __, priority: ___, ...rest }) => rest);

describe('who programs what', () => {
  const direct = { dst: base.dst, device: 'eth0', gateway: '192.0.2.2', onlink: true };
  const tunl = { ...direct, device: 'tunl0' };
  const vxlan = { dst: base.dst, device: 'vxlan.calico', gateway: '10.9.2.1', onlink: true };
  const rows: readonly [string, Partial<RouteProgram>, string, readonly unknown[]][] = [
    ['no encapsulation is BIRD’s by default', { pool: 'no-encap' }, 'EnabledIPIPOnly', []],
    ['no encapsulation when enabled', { pool: 'no-encap' }, 'EnabledNoEncapOnly', [direct]],
    ['IPIP is ours by default', { pool: 'ipip' }, 'EnabledIPIPOnly', [tunl]],
    ['IPIP in the own subnet', { pool: 'ipip', sameSubnet: true }, 'EnabledIPIPOnly', [direct]],
    ['IPIP left to BIRD', { pool: 'ipip' }, 'Disabled', []],
    ['VXLAN is always ours', { pool: 'vxlan' }, 'Disabled', [vxlan]],
    ['VXLAN in the own subnet', { pool: 'vxlan', sameSubnet: true }, 'Disabled', [direct]],
    ['VXLAN without the tunnel end', { pool: 'vxlan', node: 'n3' }, 'Enabled', []],
    [
      'the other end itself',
      { pool: 'vxlan', dst: '10.9.2.1/32', types: ['remote-tunnel'] },
      'Enabled',
      [{ dst: '10.9.2.1/32', device: 'vxlan.calico' }],
    ],
    [
      'a local block',
      { pool: 'vxlan', types: ['local-workload'], node: 'n1' },
      'Enabled',
      [{ dst: base.dst }],
    ],
    [
      'a local block of BIRD',
      { pool: 'no-encap', types: ['local-workload'], node: 'n1' },
      'EnabledIPIPOnly',
      [],
    ],
    [
      'a local /32 is no block',
      { pool: 'vxlan', dst: '10.9.2.5/32', types: ['local-workload'] },
      'Enabled',
      [],
    ],
    ['a host', { types: ['remote-host'], pool: 'none' }, 'Enabled', []],
    ['a node without an address', { pool: 'ipip', nodeAddress: undefined as never }, 'Enabled', []],
  ];
  for (const [name, route, setting, expected] of rows) {
    test(name, () => expect(wishes(route, setting)).toEqual(expected as ReturnType<typeof wishes>));
  }
});

describe('who gets a destination', () => {
  const devices = new Map([
    ['cali1', { index: 11, up: true }],
    ['cali2', { index: 12, up: true }],
    ['vxlan.calico', { index: 3, up: true }],
  ]);
  const wish = (kind: RouteWish['class'], device?: string): RouteWish => ({
    dst: '10.0.0.1/32',
    class: kind,
    protocol: 80,
    priority: 0,
    ...(device === undefined ? {} : { device }),
  });
  const winnerOf = (sources: readonly [string, RouteWish][]) => {
    let winner: Route | undefined;
    const table = new RouteTable(
      (name) => devices.get(name),
      (_, route) => {
        winner = route;
      },
    );
    for (const [source, one] of sources) table.want(source, [one]);
    return winner;
  };
  const local: [string, RouteWish] = ['local', wish(routeClass.localWorkload, 'cali1')];
  const other: [string, RouteWish] = ['other', wish(routeClass.localWorkload, 'cali2')];
  const tunnel: [string, RouteWish] = ['tunnel', wish(routeClass.vxlanTunnel, 'vxlan.calico')];
  const hole: [string, RouteWish] = ['hole', wish(routeClass.blackhole)];
  const absent: [string, RouteWish] = ['absent', wish(routeClass.localWorkload, 'cali9')];
  test('the order of arrival does not matter', () => {
    for (const order of [
      [local, tunnel, hole],
      [hole, tunnel, local],
      [tunnel, local, hole],
    ]) {
      expect(winnerOf(order)?.hops).toEqual([{ oif: 11 }]);
    }
  });
  test('of equals the highest interface index', () => {
    expect(winnerOf([other, local])?.hops).toEqual([{ oif: 12 }]);
  });
  test('an absent interface does not count', () => {
    expect(winnerOf([absent, hole])?.kind).toBe('blackhole');
    expect(winnerOf([absent])).toBeUndefined();
  });
  test('withdrawal gives the next its turn, and an interface that changes is looked at again', () => {
    const seen: (Route | undefined)[] = [];
    const table = new RouteTable(
      (name) => devices.get(name),
      (_, route) => void seen.push(route),
    );
    table.want('local', [local[1]]);
    table.want('hole', [hole[1]]);
    table.want('local', []);
    expect(seen.at(-1)?.kind).toBe('blackhole');
    table.want('local', [local[1]]);
    devices.set('cali1', { index: 11, up: false });
    expect(table.deviceChanged('cali1')).toEqual(['10.0.0.1/32']);
    expect(seen.at(-1)?.kind).toBe('blackhole');
    devices.set('cali1', { index: 11, up: true });
    table.deviceChanged('cali1');
    expect(seen.at(-1)?.hops).toEqual([{ oif: 11 }]);
  });
});

describe('whose route it is', () => {
  const names: Readonly<Record<number, string>> = {
    1: 'lo',
    2: 'eth0',
    3: 'vxlan.calico',
    4: 'tunl0',
    5: 'cali1',
    6: 'cali2',
  };
  const input = {
    protocol: 80,
    isWorkload: (index: number) => names[index]?.startsWith('cali') ?? false,
    isYoung: (index: number) => index === 6,
    nameOf: (index: number) => names[index],
    removesExternal: true,
    programsIpip: true,
  };
  const route = (protocol: number, oif: number, dst = '10.0.0.1/32'): Route => ({
    dst,
    kind: 'unicast',
    table: 254,
    protocol,
    scope: 0,
    priority: 0,
    hops: [{ oif }],
  });
  const rows: readonly [string, Route, boolean, Partial<typeof input>?][] = [
    ['our protocol', route(80, 2), true],
    ['another protocol on eth0', route(4, 2), false],
    ['anything on a workload interface', route(4, 5), true],
    ['others there when they are kept', route(4, 5), false, { removesExternal: false }],
    ['CNI’s there even then', route(3, 5), true, { removesExternal: false }],
    ['CNI’s on a young interface', route(3, 6), false],
    ['the kernel’s own', route(2, 5), false],
    ['link-local', route(80, 5, 'fe80::/64'), false],
    ['anything on vxlan.calico', route(3, 3), true],
    ['BIRD’s on tunl0 when IPIP is ours', route(12, 4), true],
    ['BIRD’s on tunl0 when it is not', route(12, 4), false, { programsIpip: false }],
    ['BIRD’s on eth0', route(12, 2), false],
  ];
  for (const [name, one, ours, change] of rows) {
    test(name, () => expect(isOurRoute(one, { ...input, ...change })).toBe(ours));
  }
});
