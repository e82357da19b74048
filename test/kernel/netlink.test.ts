import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import {
  createNamespace,
  deleteNamespace,
  inNamespace,
  isKernelError,
  isNamespace,
  listNamespaces,
  Namespace,
  type NetworkEvent,
  protocol,
  RtNetlink,
  readSysctl,
  watchNetwork,
  writeSysctl,
} from '../../src/linux/index.ts';

const one = 'netlink-one';
const two = 'netlink-two';
let first: RtNetlink;
let second: RtNetlink;

beforeAll(() => {
  createNamespace(one);
  createNamespace(two);
  first = inNamespace(one, () => new RtNetlink());
  second = inNamespace(two, () => new RtNetlink());
  const other = Namespace.open(two);
  first.addLink(
    'eth0',
    { kind: 'veth', peer: { name: 'eth0', namespaceFd: other.fd } },
    { up: true, mtu: 1400 },
  );
  other.close();
  second.setLink('eth0', { up: true });
});

afterAll(() => {
  first.close();
  second.close();
  deleteNamespace(one);
  deleteNamespace(two);
});

describe('named namespaces', () => {
  test('are listed, and gone after deletion', () => {
    createNamespace('netlink-three');
    expect(listNamespaces()).toContain('netlink-three');
    expect(isNamespace('netlink-three')).toBe(true);
    expect(() => createNamespace('netlink-three')).toThrow('exists');
    expect(deleteNamespace('netlink-three')).toBe(true);
    expect(deleteNamespace('netlink-three')).toBe(false);
    expect(listNamespaces()).not.toContain('netlink-three');
  });
  test('a function inside sees that namespace, and the thread is back afterwards', () => {
    const inside = inNamespace(one, () => {
      writeSysctl('net/ipv4/ip_forward', 1);
      return new RtNetlink();
    });
    expect(inside.link('eth0')?.mtu).toBe(1400);
    inside.close();
    expect(inNamespace(one, () => readSysctl('net/ipv4/ip_forward'))).toBe('1');
    expect(inNamespace(two, () => readSysctl('net/ipv4/ip_forward'))).toBe('0');
    expect(() =>
      inNamespace(one, () => {
        throw new Error('inside');
      }),
    ).toThrow('inside');
    expect(inNamespace(two, () => readSysctl('net/ipv4/ip_forward'))).toBe('0');
    expect(() => inNamespace('absent', () => 0)).toThrow('there is no network namespace');
  });
});

describe('links', () => {
  test('a veth pair reaches into another namespace', () => {
    expect(first.link('eth0')).toMatchObject({ kind: 'veth', mtu: 1400, up: true });
    expect(second.link('eth0')).toMatchObject({ kind: 'veth', up: true });
    expect(first.link('none')).toBeUndefined();
  });
  test('a bridge takes ports', () => {
    const bridge = first.addLink('br0', { kind: 'bridge' }, { up: true });
    first.addLink(
      'p0',
      { kind: 'veth', peer: { name: 'p1' } },
      { up: true, master: bridge.index, mac: 'ee:ee:ee:ee:ee:ee' },
    );
    expect(first.link('p0')).toMatchObject({ master: bridge.index, mac: 'ee:ee:ee:ee:ee:ee' });
    expect(first.deleteLink('p0')).toBe(true);
    expect(first.deleteLink('p0')).toBe(false);
    expect(first.deleteLink('br0')).toBe(true);
  });
  test('VXLAN parameters are read as they were given', () => {
    first.addAddress('eth0', '192.0.2.1/24');
    const parent = first.requireLink('eth0').index;
    const made = first.addLink('vxlan.calico', {
      kind: 'vxlan',
      vni: 4096,
      port: 4789,
      local: '192.0.2.1',
      parent,
      learning: false,
    });
    expect(made.vxlan).toEqual({ vni: 4096, port: 4789, local: '192.0.2.1', parent, learning: false });
    const entry = { index: made.index, mac: '66:00:00:00:00:01', destination: '192.0.2.2' };
    first.setForwarding(entry);
    expect(first.forwarding(made.index)).toEqual([entry]);
    first.setNeighbour(made.index, '10.9.0.1', '66:00:00:00:00:01');
    expect(first.neighbours(4, made.index)).toEqual([
      { index: made.index, address: '10.9.0.1', mac: '66:00:00:00:00:01', permanent: true },
    ]);
    expect(first.deleteNeighbour(made.index, '10.9.0.1')).toBe(true);
    expect(first.deleteForwarding(entry)).toBe(true);
    expect(first.forwarding(made.index)).toEqual([]);
    first.deleteLink(made.index);
  });
});

describe('addresses and routes', () => {
  test('both families', () => {
    first.addAddress('eth0', '10.1.0.1/24');
    first.addAddress('eth0', 'fd00:1::1/64');
    first.addAddress('eth0', 'fd00:1::1/64');
    const texts = first.addresses({ link: 'eth0' }).map((a) => a.address);
    expect(texts).toContain('10.1.0.1/24');
    expect(texts).toContain('fd00:1::1/64');
    expect(first.addresses({ link: 'eth0', version: 6 }).every((a) => a.address.includes(':'))).toBe(true);
    expect(first.deleteAddress('eth0', '10.1.0.9/24')).toBe(false);
  });
  test('link, gateway, blackhole, multipath, table, source and IPv6 routes read back as written', () => {
    const oif = first.requireLink('eth0').index;
    const specs = [
      { dst: '10.2.0.0/26', kind: 'blackhole', protocol: protocol.calico },
      { dst: '10.2.0.5/32', protocol: protocol.calico, hops: [{ oif }], source: '10.1.0.1' },
      {
        dst: '10.2.1.0/26',
        protocol: protocol.calico,
        hops: [{ oif, gateway: '203.0.113.1', onlink: true }],
        mtu: 1300,
      },
      {
        dst: '10.2.2.0/26',
        hops: [
          { oif, gateway: '10.1.0.2' },
          { oif, gateway: '10.1.0.3', weight: 2 },
        ],
      },
      { dst: '10.2.3.0/26', table: 300, priority: 7, hops: [{ oif, gateway: '10.1.0.2' }] },
      { dst: 'fd00:2::/122', protocol: protocol.calico, hops: [{ oif, gateway: 'fd00:1::2' }] },
      { dst: '0.0.0.0/0', hops: [{ oif, gateway: '10.1.0.2' }] },
    ] as const;
    for (const spec of specs) first.addRoute(spec);
    for (const spec of specs) {
      const found = first.routes(spec.dst.includes(':') ? 6 : 4).find((route) => route.dst === spec.dst);
      expect(found).toMatchObject({ ...spec });
    }
    expect(first.routes(4, { protocol: protocol.calico })).toHaveLength(3);
    expect(first.routes(4, { table: 300 })).toHaveLength(1);
    expect(first.routeTo('10.2.1.7')?.hops[0]?.gateway).toBe('203.0.113.1');
    expect(first.routeTo('10.2.0.9')).toBeUndefined();
    try {
      first.addRoute(specs[0]);
      throw new Error('added twice');
    } catch (error) {
      expect(isKernelError(error, 'EEXIST')).toBe(true);
    }
    for (const spec of specs) expect(first.deleteRoute(spec)).toBe(true);
    expect(first.deleteRoute(specs[0])).toBe(false);
  });
  test('a batch reports each refusal and makes the rest', () => {
    const oif = first.requireLink('eth0').index;
    const route = (dst: string, index: number) =>
      ({
        op: 'replace',
        route: {
          dst,
          kind: 'unicast',
          table: 254,
          protocol: 80,
          scope: 253,
          priority: 0,
          hops: [{ oif: index }],
        },
      }) as const;
    const errors = first.applyRoutes([
      route('10.3.0.1/32', oif),
      route('10.3.0.2/32', 9999),
      route('10.3.0.3/32', oif),
    ]);
    expect([...errors.keys()]).toEqual([1]);
    expect(errors.get(1)?.message).toContain('10.3.0.2/32');
    expect(first.routes(4, { protocol: 80 }).map((r) => r.dst)).toEqual(['10.3.0.1/32', '10.3.0.3/32']);
  });
  test('rules', () => {
    const rule = {
      version: 4,
      priority: 99,
      table: 300,
      mark: { value: 0x10, mask: 0x10 },
      invert: true,
    } as const;
    first.addRule(rule);
    expect(first.rules(4).find((r) => r.priority === 99)).toMatchObject(rule);
    expect(first.deleteRule(rule)).toBe(true);
    expect(first.deleteRule(rule)).toBe(false);
  });
});

test('events tell of links, addresses and routes as they change', async () => {
  const events: NetworkEvent[] = [];
  const namespace = Namespace.open(one);
  let seen = () => {};
  const done = new Promise<void>((resolve) => {
    seen = resolve;
  });
  const stop = watchNetwork({
    namespace,
    addresses: true,
    routes: true,
    onEvent: (event) => {
      events.push(event);
      if (event.type === 'link' && event.gone) seen();
    },
    onOverrun: () => {},
  });
  namespace.close();
  first.addLink('ev0', { kind: 'veth', peer: { name: 'ev1' } }, { up: true });
  first.setLink('ev1', { up: true });
  first.addAddress('ev0', '10.4.0.1/24');
  first.deleteLink('ev0');
  await done;
  stop();
  expect(events.some((e) => e.type === 'link' && !e.gone && e.link.name === 'ev0')).toBe(true);
  expect(events.some((e) => e.type === 'address' && !e.gone && e.address.address === '10.4.0.1/24')).toBe(
    true,
  );
  expect(events.some((e) => e.type === 'route' && !e.gone && e.route.dst === '10.4.0.0/24')).toBe(true);
});
