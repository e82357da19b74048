/** From the mesh to reflectors and back, in Kubespray's order, without a route of a host ever going away. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BgpNet, block, eventually, put, remove } from '../support/bgp-net.ts';

setDefaultTimeout(90_000);

let net: BgpNet;
const label = { 'i-am-a-route-reflector': 'true' };
const host = (name: string, ip: string, clusterId?: string) =>
  put(
    'Node',
    name,
    { bgp: { ipv4Address: ip, ...(clusterId !== undefined && { routeReflectorClusterID: clusterId }) } },
    clusterId === undefined ? {} : label,
  );
const mesh = (on: boolean) =>
  put('BGPConfiguration', 'default', { nodeToNodeMeshEnabled: on, asNumber: 65400 });
const up = (name: string, count: number) =>
  eventually(
    () => net.sessions(name),
    (sessions) => {
      const states = Object.values(sessions);
      return states.length === count && states.every((state) => state === 'Established');
    },
    40_000,
  );

beforeAll(async () => {
  net = new BgpNet();
  for (const [name, ip] of [
    ['rr0', '10.0.0.10/24'],
    ['rr1', '10.0.0.11/24'],
    ['n1', '10.0.0.1/24'],
    ['n2', '10.0.0.2/24'],
  ] as const) {
    net.host(name, [ip]);
    net.update(host(name, ip));
  }
  net.update(
    put('IPPool', 'p', { cidr: '10.244.0.0/16' }),
    block('n1', '10.244.1.0/26'),
    block('n2', '10.244.2.0/26'),
    mesh(true),
  );
  await net.sync();
  for (const name of net.hosts.keys()) await up(name, 3);
});
afterAll(() => net.close());

test('no route between the hosts is withdrawn', async () => {
  const monitors = ['n1', 'n2'].map((name) => {
    const file = join(net.folder, `${name}.monitor`);
    net.run(name, 'sh', '-c', `exec ip -4 monitor route > ${file}`);
    return file;
  });
  await eventually(
    () => net.routes('n1'),
    (lines) => lines.some((line) => line.startsWith('10.244.2.0/26')),
  );
  net.update(host('rr0', '10.0.0.10/24', '1.0.0.1'), host('rr1', '10.0.0.11/24', '1.0.0.1'));
  net.update(
    put('BGPPeer', 'peer-to-rrs', {
      nodeSelector: '!has(i-am-a-route-reflector)',
      peerSelector: 'has(i-am-a-route-reflector)',
    }),
    put('BGPPeer', 'rr-mesh', {
      nodeSelector: 'has(i-am-a-route-reflector)',
      peerSelector: 'has(i-am-a-route-reflector)',
    }),
  );
  await net.settled();
  for (const name of net.hosts.keys()) await up(name, 3);
  net.update(mesh(false));
  await net.settled();
  await up('n1', 2);
  await up('rr0', 3);

  // One of two reflectors goes and comes back, as an ordinary host and as a reflector again.
  net.update(host('rr1', '10.0.0.11/24'));
  await net.settled();
  await up('n1', 1);
  net.update(host('rr1', '10.0.0.11/24', '1.0.0.1'));
  await net.settled();
  await up('n1', 2);
  await up('n2', 2);

  // Back to the mesh: sessions of the mesh first.
  net.update(mesh(true));
  await net.settled();
  await up('n1', 3);
  net.update(remove('BGPPeer', 'peer-to-rrs'), remove('BGPPeer', 'rr-mesh'));
  await net.settled();
  await up('n1', 1);

  for (const file of monitors) expect(readFileSync(file, 'utf8')).not.toContain('Deleted');
  expect(net.routes('n1').map((line) => line.split(' dev')[0])).toEqual([
    '10.244.2.0/26 via 10.0.0.2',
    'blackhole 10.244.1.0/26 metric 32',
  ]);
});
