import { describe, expect, test } from 'bun:test';
import { addressBytes, addressText, macBytes, macText, splitCidr } from './address-bytes.ts';

describe('addresses as bytes and back', () => {
  for (const text of [
    '0.0.0.0',
    '10.0.0.1',
    '255.255.255.255',
    '192.0.2.100',
    'fd00::1',
    '::',
    'fd00:0:0:1::2',
  ]) {
    test(text, () => expect(addressText(Buffer.from(addressBytes(text)))).toBe(text));
  }
});

describe('what is no address is refused', () => {
  for (const text of [
    '',
    '1.2.3',
    '1.2.3.4.5',
    '256.0.0.1',
    '1.2.3.999',
    '01.2.3.4',
    '1..2.3',
    'a.b.c.d',
    '1.2.3.4/24',
  ]) {
    test(JSON.stringify(text), () => expect(() => addressBytes(text)).toThrow('is not an IP address'));
  }
});

test('CIDRs and hardware addresses', () => {
  expect(splitCidr('10.0.0.0/26')).toEqual({ address: '10.0.0.0', prefix: 26 });
  expect(splitCidr('fd00::1')).toEqual({ address: 'fd00::1', prefix: 128 });
  expect(macText(Buffer.from(macBytes('66:0a:ff:00:01:02')))).toBe('66:0a:ff:00:01:02');
});
