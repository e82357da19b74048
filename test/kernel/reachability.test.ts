/** Probes between two namespaces joined by a veth pair. */
import { expect, test } from 'bun:test';
import { listenTcp, Namespace, probePings, probeTcp, RtNetlink } from '../../src/linux/index.ts';

test('pings and connections that work, and those that do not', async () => {
  const [a, b] = [Namespace.unnamed(), Namespace.unnamed()];
  const [na, nb] = [new RtNetlink({ namespace: a }), new RtNetlink({ namespace: b })];
  na.addLink('eth0', { kind: 'veth', peer: { name: 'eth0', namespaceFd: b.fd } });
  for (const [netlink, host] of [
    [na, 1],
    [nb, 2],
  ] as const) {
    netlink.addAddress('eth0', `10.0.0.${host}/24`);
    netlink.addAddress('eth0', `fd00::${host}/64`);
    netlink.setLink('eth0', { up: true });
    netlink.setLink('lo', { up: true });
  }
  const close = listenTcp(b, 4, 5001);
  const close6 = listenTcp(b, 6, 5001);
  const pings = await probePings(
    [
      { from: a, address: '10.0.0.2' },
      { from: a, address: '10.0.0.3' },
      { from: b, address: '10.0.0.1' },
      { from: a, address: 'fd00::2' },
    ],
    3000,
  );
  expect(pings).toEqual([true, false, true, true]);
  const tcp = await probeTcp(
    [
      { from: a, address: '10.0.0.2', port: 5001 },
      { from: a, address: '10.0.0.2', port: 5002 },
      { from: a, address: '10.9.0.2', port: 5001 },
      { from: a, address: 'fd00::2', port: 5001 },
      { from: b, address: '10.0.0.2', port: 5001 },
    ],
    1000,
  );
  expect(tcp).toEqual(['ok', 'connection refused', 'network is unreachable', 'ok', 'ok']);
  close();
  close6();
  for (const one of [na, nb, a, b]) one.close();
});
