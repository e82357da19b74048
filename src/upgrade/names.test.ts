import { describe, expect, test } from 'bun:test';
import { parseAddress, parseCidr } from '../ip/index.ts';
import {
  addressName,
  cidrName,
  convertName,
  convertNameNoDots,
  convertNodeName,
  convertProfileName,
} from './names.ts';

describe('names', () => {
  test.each([
    ['$ABC/DEF-123.-456!', 'abc.def-123.456'],
    ['abc---def', 'abc---def'],
    ['İx', 'ix'],
    ['edge.4.', 'edge.4'],
  ])('node %p → %p', (name, expected) => expect(convertNodeName(name)).toBe(expected));

  test.each([
    ['abcdef', /^abcdef$/],
    ['abc/def', /^abc\.def-[0-9a-f]{8}$/],
    ['abc$!$def', /^abc-def-[0-9a-f]{8}$/],
    ['abc.-.def', /^abc\.def-[0-9a-f]{8}$/],
    ['.abc.def-', /^abc\.def-[0-9a-f]{8}$/],
    ['pRo/le', /^pro\.le-b1554692$/],
  ])('name %p', (name, expected) => expect(convertName(name)).toMatch(expected));

  test.each([
    ['MaKe.-.MaKe', 'make-make-1b6971c8'],
    ['nameyMcPolicyName', 'nameymcpolicyname-32df456f'],
    ['RAWR', 'rawr-03d81e1d'],
  ])('policy %p → %p', (name, expected) => expect(convertNameNoDots(name)).toBe(expected));

  test('profile of a namespace', () =>
    expect(convertProfileName('k8s_ns.FlUx-.-CaPaCiToR$$')).toBe('kns.flux.capacitor-a9ad9f16'));
  test('addresses and CIDRs', () => {
    expect(addressName(parseAddress('Aa:bb::'))).toBe('00aa-00bb-0000-0000-0000-0000-0000-0000');
    expect(addressName(parseAddress('10.0.0.1'))).toBe('10-0-0-1');
    expect(cidrName(parseCidr('2001::/120'))).toBe('2001---120');
    expect(cidrName(parseCidr('10.1.2.0/24'))).toBe('10-1-2-0-24');
  });
});
