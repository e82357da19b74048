import { describe, expect, test } from 'bun:test';
import type { Rule } from './ast.ts';
import { chainName } from './names.ts';
import { NetCover } from './net-cover.ts';
import { elementText, nftBody } from './nft-text.ts';
import { marksOf } from './settings.ts';

const drop = [{ do: 'drop' }] as const;

describe('nftables text', () => {
  const rows: readonly [string, Rule, readonly string[]][] = [
    [
      'a port or a set becomes two lines',
      {
        match: [
          { on: 'protocol', protocol: 6 },
          { on: 'ports-or-sets', side: 'destination', ports: [{ first: 80, last: 80 }], sets: ['n-http'] },
        ],
        actions: drop,
      },
      ['meta l4proto 6 th dport 80 drop', 'meta l4proto 6 ip daddr . meta l4proto . th dport @n-http drop'],
    ],
    [
      'type and code are excluded as a pair',
      { match: [{ on: 'icmp', type: 8, code: 0, not: true }], actions: drop },
      ['icmp type . icmp code != { 8 . 0 } drop'],
    ],
    [
      'type with code names the field twice',
      { match: [{ on: 'icmp', type: 8, code: 0 }], actions: drop },
      ['icmp type 8 icmp code 0 drop'],
    ],
    [
      'covered nets and adjacent ports are merged, as anonymous sets refuse overlaps',
      {
        match: [
          { on: 'nets', side: 'source', nets: ['10.1.0.0/16', '10.0.0.0/8', '192.0.2.0/24'] },
          {
            on: 'ports',
            side: 'source',
            ports: [
              { first: 80, last: 81 },
              { first: 82, last: 90 },
              { first: 443, last: 443 },
            ],
          },
        ],
        actions: drop,
      },
      ['ip saddr { 10.0.0.0/8, 192.0.2.0/24 } th sport { 80-90, 443 } drop'],
    ],
    [
      'everything is a range',
      { match: [{ on: 'nets', side: 'destination', nets: ['0.0.0.0/0'] }], actions: drop },
      ['ip daddr 0.0.0.0-255.255.255.255 drop'],
    ],
    [
      'translated packets are told by their bit',
      { match: [{ on: 'dnat', not: true }], actions: drop },
      ['ct state invalid,untracked drop', 'ct status & dnat == 0 drop'],
    ],
  ];
  test.each(rows)('%s', (_, rule, lines) => {
    expect(nftBody([rule], 'filter', 4).lines).toEqual(lines);
  });

  test('comments name content and line, and escape what nft cannot take', () => {
    const rules: readonly Rule[] = [{ match: [], actions: drop, comment: 'a "quoted" note' }];
    expect(nftBody(rules, 'filter', 4).comments[0]).toMatch(/^cali:[\w-]{12}\.0; a _quoted_ note$/);
    const other: readonly Rule[] = [{ match: [], actions: [{ do: 'accept' }] }];
    expect(nftBody(other, 'filter', 4).comments).not.toEqual(nftBody(rules, 'filter', 4).comments);
  });

  test('members of port sets', () => {
    expect(elementText('10.0.0.1,icmpv6:80')).toBe('10.0.0.1 . ipv6-icmp . 80');
  });
});

describe('names', () => {
  test('too long ones are hashed as upstream hashes them', () => {
    expect(chainName('cali-fhfw-', 'any-interface-at-all', 28)).toBe('cali-fhfw-_Nqh4HyA73udmyanQI');
  });

  test('no name can break the transaction of all others', () => {
    expect(chainName('cali-pri-', 'a b;c', 240)).toMatch(/^cali-pri-_[\w-]+$/);
  });
});

describe('marks', () => {
  test('are the lowest bits of the mask', () => {
    expect(marksOf(0xffff0000)).toEqual({
      accept: 0x10000,
      pass: 0x20000,
      drop: 0x40000,
      scratch0: 0x80000,
      scratch1: 0x100000,
    });
  });
});

describe('a cover', () => {
  test('shows the outermost members as they come and go', () => {
    const cover = new NetCover();
    expect(cover.load(['10.0.0.1', '10.0.0.0/24', '10.0.1.0/24']).toSorted()).toEqual([
      '10.0.0.0/24',
      '10.0.1.0/24',
    ]);
    expect(cover.add('10.0.0.7')).toEqual({ shown: false, hidden: [] });
    expect(cover.add('10.0.0.0/16')).toEqual({ shown: true, hidden: expect.any(Array) });
    expect(cover.remove('10.0.0.0/24')).toEqual({ hidden: false, shown: [] });
    const { shown } = cover.remove('10.0.0.0/16');
    expect(shown.toSorted()).toEqual(['10.0.0.1', '10.0.0.7', '10.0.1.0/24']);
  });
});
