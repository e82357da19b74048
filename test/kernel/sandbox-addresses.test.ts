import { expect, test } from 'bun:test';
import { createNamespace, deleteNamespace, Namespace, RtNetlink } from '../../src/linux/index.ts';
import { sandboxAddresses } from '../../src/node/sandbox-addresses.ts';

test('addresses of the host and of every named namespace', () => {
  createNamespace('sandbox');
  const namespace = Namespace.open('sandbox');
  const netlink = new RtNetlink({ namespace });
  netlink.addAddress('lo', '10.99.0.7/32');
  netlink.addAddress('lo', 'fd00::7/128');
  netlink.close();
  namespace.close();
  const found = sandboxAddresses();
  expect(found.has('10.99.0.7')).toBe(true);
  expect(found.has('fd00::7')).toBe(true);
  expect(found.has('127.0.0.1')).toBe(true);
  deleteNamespace('sandbox');
  expect(sandboxAddresses().has('10.99.0.7')).toBe(false);
});
