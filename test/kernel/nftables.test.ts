import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { execFileSync } from 'node:child_process';
import {
  createNamespace,
  deleteNamespace,
  forgetFlows,
  forgetFlowsElsewhere,
  iptables,
  Namespace,
  NftContext,
  NftError,
  type NftTransaction,
  nftGeneration,
  RtNetlink,
  readIpsets,
  restoreIpsets,
  watchNftables,
} from '../../src/linux/index.ts';

const name = 'nft-one';
let namespace: Namespace;
let nft: NftContext;

beforeAll(() => {
  createNamespace(name);
  namespace = Namespace.open(name);
  nft = new NftContext({ namespace });
});

afterAll(() => {
  nft.close();
  namespace.close();
  deleteNamespace(name);
});

const inside = (command: string, ...args: string[]) =>
  namespace.run(() => execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }));

describe('libnftables', () => {
  test('a transaction lands in the namespace of its context, and nowhere else', async () => {
    nft.run('add table ip calico\nadd chain ip calico c\nadd set ip calico s { type ipv4_addr; }');
    await nft.runAsync(
      'add rule ip calico c ip saddr @s drop\nadd element ip calico s { 10.0.0.1, 10.0.0.2 }',
    );
    expect(inside('nft', 'list', 'tables')).toBe('table ip calico\n');
    expect(execFileSync('nft', ['list', 'tables'], { encoding: 'utf8' })).toBe('');
  });
  test('a listing is JSON with handles', async () => {
    const objects = await nft.list('list table ip calico');
    const kinds = objects.map((object) => Object.keys(object)[0]);
    expect(kinds).toEqual(['metainfo', 'table', 'set', 'chain', 'rule']);
    expect(JSON.stringify(objects)).toContain('10.0.0.2');
    expect(JSON.stringify(await nft.list('list table ip calico', { terse: true }))).not.toContain('10.0.0.2');
  });
  test('a refused transaction says why and changes nothing', () => {
    expect(() => nft.run('add chain ip calico d\nadd rule ip calico absent accept')).toThrow(NftError);
    expect(() => nft.run('add rule ip calico c frob')).toThrow(/syntax error/);
    expect(inside('nft', 'list', 'table', 'ip', 'calico')).not.toContain('chain d');
    expect(nft.runAsync('add rule ip calico absent accept')).rejects.toThrow(NftError);
  });
  test('events tell the tables that another program touched, and generations count', async () => {
    const seen: NftTransaction[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    const stop = watchNftables({
      namespace,
      onTransaction: (transaction) => {
        seen.push(transaction);
        if (seen.length === 3) resolve();
      },
      onOverrun: () => {},
    });
    const before = nftGeneration(namespace);
    inside('nft', 'add table ip6 other');
    nft.run('add element ip calico s { 10.0.0.3 }');
    inside('nft', 'flush ruleset');
    await promise;
    stop();
    expect(nftGeneration(namespace)).toBe(before + 3);
    expect(seen.map((t) => [t.generation - before, [...t.tables].sort()])).toEqual([
      [1, ['ip6 other']],
      [2, ['ip calico']],
      [3, ['ip calico', 'ip6 other']],
    ]);
    expect(seen[0]?.program).toBe('nft');
  });
});

test('flows of an address are forgotten, others stay', async () => {
  const netlink = new RtNetlink({ namespace });
  netlink.setLink('lo', { up: true });
  netlink.addAddress('lo', '10.5.0.1/32');
  netlink.addAddress('lo', '10.5.0.2/32');
  netlink.close();
  nft.run(
    'add table ip track\nadd chain ip track o { type filter hook output priority 0; }\nadd rule ip track o ct state new accept',
  );
  inside('ping', '-c1', '-q', '-I', '10.5.0.1', '10.5.0.2');
  inside('ping', '-c1', '-q', '-I', '10.5.0.2', '10.5.0.2');
  const before = inside('conntrack', '-L')
    .split('\n')
    .filter((l) => l.startsWith('icmp')).length;
  expect(before).toBe(2);
  expect(forgetFlows('10.5.0.1', namespace)).toBe(1);
  const after = inside('conntrack', '-L');
  expect(after).not.toContain('10.5.0.1');
  expect(after).toContain('src=10.5.0.2');
  expect(forgetFlows('10.5.0.9', namespace)).toBe(0);
  expect(await forgetFlowsElsewhere(new Set(['10.5.0.2']), () => false, namespace)).toBe(0);
  expect(inside('conntrack', '-L')).toContain('src=10.5.0.2');
  inside('ping', '-c1', '-q', '-I', '10.5.0.1', '10.5.0.1');
  expect(await forgetFlowsElsewhere(new Set(['10.5.0.2']), () => true, namespace)).toBe(1);
  const both = new Set(['10.5.0.1', '10.5.0.9']);
  expect(await forgetFlowsElsewhere(both, (address) => address !== '10.5.0.9', namespace)).toBe(1);
  expect(inside('conntrack', '-L')).not.toContain('src=10.5.0.2');
});

/** Programs are spawned in the thread's namespace: the promise is made inside and awaited outside. */
const spawned = <T>(act: () => Promise<T>) => namespace.run(act);

test('iptables save and restore, both variants', async () => {
  for (const variant of ['legacy', 'nft'] as const) {
    const tables = iptables(4, variant, { seconds: 5 });
    await spawned(() =>
      tables.restore('*filter\n:cali-test - [0:0]\n-A cali-test -s 10.0.0.0/8 -j DROP\nCOMMIT\n'),
    );
    expect(await spawned(() => tables.save('filter'))).toContain('-A cali-test -s 10.0.0.0/8 -j DROP');
    expect(spawned(() => tables.restore('*filter\n-A absent -j DROP\nCOMMIT\n'))).rejects.toThrow('failed');
    await spawned(() => tables.restore('*filter\n-F cali-test\n-X cali-test\nCOMMIT\n'));
    expect(await spawned(() => tables.save('filter'))).not.toContain('cali-test');
  }
});

test('ipset restore and save', async () => {
  await spawned(() =>
    restoreIpsets([
      'create cali40x hash:net family inet maxelem 1024',
      'add cali40x 10.0.0.0/8',
      'add cali40x 192.0.2.1',
    ]),
  );
  const sets = await spawned(() => readIpsets());
  expect(sets.get('cali40x')?.type).toBe('hash:net');
  expect([...(sets.get('cali40x')?.members ?? [])].sort()).toEqual(['10.0.0.0/8', '192.0.2.1']);
  expect(spawned(() => restoreIpsets(['add absent 10.0.0.1']))).rejects.toThrow('ipset failed');
});
