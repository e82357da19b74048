/** Elements of sets by netlink, against what libnftables reads of them. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { Namespace } from '../../src/linux/netns/index.ts';
import { type ElementKind, NftContext, NftElements, nftGeneration } from '../../src/linux/nftables/index.ts';

let namespace: Namespace;
let nft: NftContext;
let elements: NftElements;

beforeAll(() => {
  namespace = Namespace.unnamed();
  nft = new NftContext({ namespace });
  elements = new NftElements({ namespace });
  nft.run(`
    add table ip t
    add table ip6 t
    add chain ip t target
    add set ip t nets { type ipv4_addr; flags interval; }
    add set ip t addresses { type ipv4_addr; }
    add set ip t ports { type ipv4_addr . inet_proto . inet_service; }
    add map ip t interfaces { type ifname : verdict; }
    add set ip6 t nets { type ipv6_addr; flags interval; }
    add set ip6 t ports { type ipv6_addr . inet_proto . inet_service; }
  `);
});

afterAll(() => {
  elements.close();
  nft.close();
  namespace.close();
});

const rows: readonly [string, 'ip' | 'ip6', string, ElementKind, readonly string[], readonly string[]][] = [
  [
    'blocks, neighbours, and the last address',
    'ip',
    'nets',
    'interval',
    ['10.0.0.0/8', '11.0.0.1', '11.0.0.2', '192.0.2.0/31', '255.255.255.255', '128.0.0.0/2'],
    ['10.0.0.0/8', '11.0.0.1', '11.0.0.2', '192.0.2.0/31', '255.255.255.255', '128.0.0.0/2'],
  ],
  ['addresses', 'ip', 'addresses', 'address', ['10.0.0.1', '127.0.0.0'], ['10.0.0.1', '127.0.0.0']],
  [
    'ports',
    'ip',
    'ports',
    'address-protocol-port',
    ['10.0.0.1,6:80', '10.0.0.1,132:9000'],
    ['10.0.0.1 . tcp . 80', '10.0.0.1 . sctp . 9000'],
  ],
  [
    'interfaces',
    'ip',
    'interfaces',
    'interface-goto',
    ['caliw1>target', 'cali0123456789a>target'],
    ['"caliw1" : goto target', '"cali0123456789a" : goto target'],
  ],
  ['IPv6 blocks', 'ip6', 'nets', 'interval', ['fd10::/16', 'fe80::1'], ['fd10::/16', 'fe80::1']],
  ['IPv6 ports', 'ip6', 'ports', 'address-protocol-port', ['fd10::1,17:53'], ['fd10::1 . udp . 53']],
];

test.each(rows)('%s', (_, family, set, kind, members, shown) => {
  const change = (removed: readonly string[], added: readonly string[]) =>
    elements.commit([{ family, table: 't', set, kind, removed, added }]);
  expect(change([], members)).toBe(1);
  expect([...elements.read(family, 't', set, kind)].toSorted()).toEqual(members.toSorted());
  const listed = nft.run(`list ${kind === 'interface-goto' ? 'map' : 'set'} ${family} t ${set}`);
  for (const text of shown) expect(listed).toContain(text);
  change([members[0]!], []);
  expect([...elements.read(family, 't', set, kind)].toSorted()).toEqual(members.slice(1).toSorted());
});

test('a batch is taken whole or not at all', () => {
  elements.commit([
    { family: 'ip', table: 't', set: 'addresses', kind: 'address', removed: [], added: ['192.0.2.1'] },
  ]);
  const before = elements.read('ip', 't', 'addresses', 'address');
  expect(() =>
    elements.commit([
      { family: 'ip', table: 't', set: 'addresses', kind: 'address', removed: [], added: ['192.0.2.2'] },
      { family: 'ip', table: 't', set: 'addresses', kind: 'address', removed: ['192.0.2.99'], added: [] },
    ]),
  ).toThrow('ENOENT');
  expect(elements.read('ip', 't', 'addresses', 'address')).toEqual(before);
});

test('a wide net may go as narrower ones come, in one batch', () => {
  const net = (removed: readonly string[], added: readonly string[]) =>
    elements.commit([{ family: 'ip', table: 't', set: 'nets', kind: 'interval', removed, added }]);
  net([], ['60.16.0.0/12']);
  net(['60.16.0.0/12'], ['60.16.0.0/16', '60.17.0.5']);
  expect([...elements.read('ip', 't', 'nets', 'interval')]).toContain('60.17.0.5');
});

test('large changes take several batches; the generation counts them', () => {
  const added = Array.from({ length: 20_000 }, (_, i) => `20.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
  const before = elements.generation();
  expect(before).toBe(nftGeneration(namespace));
  const batches = elements.commit([
    { family: 'ip', table: 't', set: 'addresses', kind: 'address', removed: [], added },
  ]);
  expect(batches).toBeGreaterThan(1);
  expect(elements.generation()).toBe(before + batches);
  expect(elements.read('ip', 't', 'addresses', 'address').size).toBeGreaterThanOrEqual(added.length);
});
