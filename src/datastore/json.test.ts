import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { formatJson, parseJson } from './json.ts';
import { keyOfPath, pathOfKey } from './paths.ts';

test.each([
  '{"sequenceNumber":1767607200000000002,"n":-9007199254740993,"f":1.5,"e":0}',
  '{"a":"x \\u0026\\u0026 y \\u003c z \\u003e","b":"\\u2028"}',
  '{"0":1,"10":2,"2":3}',
  '[18446744073709551615,9007199254740991]',
  '{"text":"12345678901234567890"}',
])('JSON text comes back as it was: %s', (text) => {
  expect(formatJson(parseJson(text))).toBe(text);
});

test('large integers are bigint, small ones numbers', () => {
  expect(parseJson('[1767607200000000002,5]')).toEqual([1767607200000000002n, 5]);
  expect(() => parseJson('{"a":')).toThrow('not valid JSON');
});

test('any value survives being read and written', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = JSON.stringify(value);
      expect(JSON.parse(formatJson(parseJson(text)))).toEqual(JSON.parse(text));
    }),
  );
});

test.each([
  '/calico/resources/v3/projectcalico.org/nodes/node-1',
  '/calico/resources/v3/projectcalico.org/networkpolicies/default/default.allow',
  '/calico/resources/v3/projectcalico.org/workloadendpoints/ns/node1-k8s-web--0-eth0',
  '/calico/ipam/v2/assignment/ipv4/block/10.233.90.0-26',
  '/calico/ipam/v2/assignment/ipv6/block/fd85:ee78::-122',
  '/calico/ipam/v2/host/node-1/ipv4/block/10.233.90.0-26',
  '/calico/ipam/v2/virtual/load-balancer/ipv4/block/10.9.0.0-26',
  '/calico/ipam/v2/handle/cni0.5f3c0d',
  '/calico/ipam/v2/config',
  '/calico/ipam/v2/host/node-1',
  '/calico/felix/v2/no-region/host/n1/status',
  '/calico/resources/v3/projectcalico.org/unknowns/x',
])('path to key and back: %s', (path) => {
  expect(pathOfKey(keyOfPath(path))).toBe(path);
});
