import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import {
  addressBits,
  addressFromBytes,
  addressToBytes,
  type Cidr,
  CidrTrie,
  cidrContains,
  cidrCovers,
  cidrsOverlap,
  compareCidrs,
  formatAddress,
  formatCidr,
  lastAddress,
  maskAddress,
  parseAddress,
  parseCidr,
  tryParseAddress,
  tryParseCidr,
  tryParseInterfaceAddress,
} from './index.ts';

const version = fc.constantFrom(4 as const, 6 as const);
const address = version.chain((v) =>
  fc.bigInt({ min: 0n, max: (1n << BigInt(addressBits(v))) - 1n }).map((value) => ({ version: v, value })),
);
const cidr: fc.Arbitrary<Cidr> = address.chain((a) =>
  fc.nat(addressBits(a.version)).map((prefix) => ({ ...maskAddress(a, prefix), prefix })),
);

describe('addresses', () => {
  test.each([
    ['10.0.0.1', '10.0.0.1'],
    ['255.255.255.255', '255.255.255.255'],
    ['FD05::', 'fd05::'],
    ['::', '::'],
    ['::1', '::1'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7'],
    ['::ffff:10.0.0.1', '::ffff:10.0.0.1'],
    ['64:ff9b::10.0.0.1', '64:ff9b::a00:1'],
  ])('%s prints as %s', (text, canonical) => {
    expect(formatAddress(parseAddress(text))).toBe(canonical);
  });

  test.each([
    '',
    '10.0.0',
    '10.0.0.256',
    '010.0.0.1',
    '1.2.3.4.5',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '12345::',
    'g::',
    '::1.2.3',
  ])('%j is none', (text) => {
    expect(tryParseAddress(text)).toBeUndefined();
  });

  test('text and bytes round-trip', () => {
    fc.assert(
      fc.property(address, (a) => {
        expect(parseAddress(formatAddress(a))).toEqual(a);
        expect(addressFromBytes(addressToBytes(a))).toEqual(a);
      }),
    );
  });
});

describe('CIDRs', () => {
  test.each([
    ['10.0.0.1/24', '10.0.0.0/24'],
    ['10.0.0.1', '10.0.0.1/32'],
    ['fd00::1/64', 'fd00::/64'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['10.0.0.0/08', '10.0.0.0/8'],
  ])('%s is the block %s', (text, canonical) => {
    expect(formatCidr(parseCidr(text))).toBe(canonical);
  });

  test.each(['10.0.0.0/33', 'fd00::/129', '10.0.0.0/', '10.0.0.0/-1', '/24', '10.0.0.0/8/8'])(
    '%j is none',
    (text) => {
      expect(tryParseCidr(text)).toBeUndefined();
    },
  );

  test('an interface address keeps its host bits', () => {
    const parsed = tryParseInterfaceAddress('10.0.0.7/24')!;
    expect([formatAddress(parsed.address), parsed.prefix]).toEqual(['10.0.0.7', 24]);
  });

  test('containment, cover and overlap agree', () => {
    fc.assert(
      fc.property(cidr, cidr, (a, b) => {
        const inside = a.version === b.version && cidrContains(a, b) && cidrContains(a, lastAddress(b));
        expect(cidrCovers(a, b)).toBe(inside);
        expect(cidrsOverlap(a, b)).toBe(cidrCovers(a, b) || cidrCovers(b, a));
        expect(Math.sign(compareCidrs(a, b))).toBe(-Math.sign(compareCidrs(b, a)) + 0);
      }),
    );
  });
});

test('the trie finds what a scan of its entries finds', () => {
  // Few distinct addresses, so that blocks nest.
  const small = fc
    .tuple(version, fc.nat(3), fc.constantFrom(0, 8, 24, 30, 31, 32))
    .map(([v, value, prefix]) => ({
      ...maskAddress({ version: v, value: BigInt(value) }, prefix),
      prefix,
    }));
  fc.assert(
    fc.property(fc.array(fc.tuple(small, fc.boolean())), small, (changes, target) => {
      const trie = new CidrTrie<string>();
      const model = new Map<string, Cidr>();
      for (const [block, add] of changes) {
        if (add) {
          trie.set(block, formatCidr(block));
          model.set(formatCidr(block), block);
        } else expect(trie.delete(block)).toBe(model.delete(formatCidr(block)));
      }
      expect(trie.size).toBe(model.size);
      const covering = [...model.values()]
        .filter((one) => cidrCovers(one, target))
        .sort((a, b) => b.prefix - a.prefix);
      expect([...trie.matches(target)].map((match) => match.value)).toEqual(covering.map(formatCidr));
      expect(trie.lookup(target)?.value).toBe(covering[0] ? formatCidr(covering[0]) : undefined);
    }),
  );
});
