import { describe, expect, test } from 'bun:test';
import type { SyncUpdate } from '../../datastore/syncer.types.ts';
import { compileBird } from '../bird/compile.ts';
import { renderBird } from '../bird/render.ts';
import { BgpCluster } from '../model/cluster.ts';
import { PeeringGraph, peering } from './peering.ts';

function put(
  kind: string,
  name: string,
  spec: Record<string, unknown>,
  labels: Record<string, string> = {},
): SyncUpdate {
  const value = { apiVersion: 'projectcalico.org/v3', kind, metadata: { name, labels }, spec };
  return { type: 'put', kv: { key: { type: 'resource', kind, name }, value, revision: '1' } };
}
const node = (
  name: string,
  ip: string,
  more: Record<string, unknown> = {},
  labels: Record<string, string> = {},
) => put('Node', name, { bgp: { ipv4Address: ip, ...more } }, labels);
const clusterOf = (updates: readonly SyncUpdate[]) => {
  const cluster = new BgpCluster();
  for (const update of updates) cluster.apply(update);
  return cluster;
};
const names = (updates: readonly SyncUpdate[], host: string) =>
  new PeeringGraph(clusterOf(updates)).of(host).sessions.map(({ name }) => name);
const textOf = (cluster: BgpCluster, host: string) =>
  renderBird(
    compileBird(cluster, new PeeringGraph(cluster).of(host), {
      routerId: undefined,
      clusterIPs: undefined,
      nodeRef: undefined,
      workloadInterfaces: ['cali'],
      password: () => undefined,
    }).config,
  );

/** The driving document's six hosts. */
const reflected = [
  node('rr0', '10.210.1.10/24', { routeReflectorClusterID: '1.0.0.1' }, { rr: '1' }),
  node('rr1', '10.210.1.11/24', { routeReflectorClusterID: '1.0.0.1' }, { rr: '1' }),
  ...[2, 3, 4, 5].map((index) => node(`node${index}`, `10.210.1.1${index}/24`)),
  put('BGPConfiguration', 'default', { nodeToNodeMeshEnabled: false, asNumber: 65400 }),
  put('BGPPeer', 'peer-to-rrs', { nodeSelector: '!has(rr)', peerSelector: 'has(rr)' }),
  put('BGPPeer', 'rr-mesh', { nodeSelector: 'has(rr)', peerSelector: 'has(rr)' }),
];

describe('peering', () => {
  test("the driving document's example has nine sessions, none between nodes", () => {
    const all = peering(clusterOf(reflected));
    expect([...all.values()].reduce((sum, one) => sum + one.sessions.length, 0)).toBe(18);
    expect(all.get('node3')!.sessions.map(({ name, peerNode, peerAS }) => [name, peerNode, peerAS])).toEqual([
      ['Node_10_210_1_10', 'rr0', 65400],
      ['Node_10_210_1_11', 'rr1', 65400],
    ]);
    const reflector = all.get('rr0')!.sessions;
    expect(reflector.map(({ peerNode, rrClusterID }) => [peerNode, rrClusterID])).toEqual([
      ['rr1', undefined],
      ['node2', '1.0.0.1'],
      ['node3', '1.0.0.1'],
      ['node4', '1.0.0.1'],
      ['node5', '1.0.0.1'],
    ]);
  });

  test('a second node with an address gets no sessions', () => {
    const updates = [node('a', '10.0.0.1'), node('b', '10.0.0.2'), node('c', '10.0.0.2')];
    expect(names(updates, 'a')).toEqual(['Mesh_10_0_0_2']);
    expect(new PeeringGraph(clusterOf(updates)).of('a').problems).toEqual([
      { object: 'Node c', message: 'has an address of node b: no sessions to it' },
    ]);
  });

  test('an explicit peering takes the place of the mesh session on both ends', () => {
    const updates = [
      node('a', '10.0.0.1'),
      node('b', '10.0.0.2'),
      put('BGPPeer', 'p', { node: 'a', peerIP: '10.0.0.2', asNumber: 64512 }),
    ];
    expect(names(updates, 'a')).toEqual(['Node_10_0_0_2']);
    expect(names(updates, 'b')).toEqual(['Node_10_0_0_1']);
  });

  test('the result does not depend on the order of arrival, nor on what was there before', () => {
    let seed = 11;
    const random = (below: number) => {
      seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
      return seed % below;
    };
    const candidates = (): readonly SyncUpdate[] => [
      ...[1, 2, 3, 4, 5, 6].map((index) =>
        node(
          `n${index}`,
          `10.0.0.${index}/24`,
          {
            ...(random(4) === 0 && { asNumber: 65000 + random(3) }),
            ...(random(4) === 0 && { routeReflectorClusterID: `1.0.0.${random(2)}` }),
            ...(random(2) === 0 && { ipv6Address: `fd00::${index}/64` }),
          },
          random(3) === 0 ? { rr: '1' } : {},
        ),
      ),
      put('BGPConfiguration', 'default', {
        nodeToNodeMeshEnabled: random(2) === 0,
        ...(random(3) === 0 && { listenPort: 1790 }),
      }),
      put('BGPConfiguration', `node.n${1 + random(6)}`, { listenPort: 1791 }),
      put('BGPPeer', 'x', { nodeSelector: '!has(rr)', peerSelector: 'has(rr)' }),
      put('BGPPeer', 'y', { peerIP: `10.0.0.${1 + random(8)}`, asNumber: 64512, filters: ['f'] }),
      put('BGPPeer', 'z', { node: `n${1 + random(6)}`, peerIP: '10.0.0.99', asNumber: 65099 }),
      put('BGPFilter', 'f', { exportV4: [{ action: random(2) === 0 ? 'Reject' : 'Accept' }] }),
      put('IPPool', 'p', { cidr: '10.244.0.0/16', vxlanMode: random(2) === 0 ? 'Always' : 'Never' }),
    ];
    const incremental = new BgpCluster();
    const current = new Map<string, SyncUpdate>();
    for (let round = 0; round < 1000; round++) {
      const offered = candidates();
      const chosen = offered[random(offered.length)]!;
      const key = chosen.type === 'put' ? chosen.kv.key : chosen.key;
      const update: SyncUpdate = random(4) === 0 ? { type: 'delete', key } : chosen;
      incremental.apply(update);
      if (update.type === 'put') current.set(JSON.stringify(key), update);
      else current.delete(JSON.stringify(key));
      const shuffled = [...current.values()].sort(() => random(3) - 1);
      const scratch = clusterOf(shuffled);
      expect(scratch.problems).toEqual(incremental.problems);
      const all = [...incremental.nodes.keys()];
      for (const name of round % 20 === 0 ? all : all.slice(0, 1 + (round % 2))) {
        if (textOf(scratch, name) !== textOf(incremental, name))
          expect(textOf(incremental, name)).toBe(textOf(scratch, name));
      }
    }
  }, 30_000);
});

describe('changes', () => {
  test('what BGP does not depend on is no change', () => {
    const cluster = clusterOf(reflected);
    const again = reflected[2]!;
    expect(cluster.apply(again)).toBe(false);
    expect(
      cluster.apply(
        put('Node', 'node2', { bgp: { ipv4Address: '10.210.1.12/24' }, ipv4VXLANTunnelAddr: '10.1.1.1' }),
      ),
    ).toBe(false);
    expect(cluster.apply(put('Profile', 'kns.default', {}))).toBe(false);
    expect(cluster.apply(put('Node', 'node2', { bgp: { ipv4Address: '10.210.1.99/24' } }))).toBe(true);
  });

  test('a new block changes the static routes and the aggregation only', () => {
    const cluster = clusterOf([...reflected, put('IPPool', 'p', { cidr: '10.233.0.0/16' })]);
    const before = textOf(cluster, 'node2').split('\n');
    cluster.apply({
      type: 'put',
      kv: {
        key: { type: 'affinity', host: 'node2', cidr: '10.233.1.0/24' },
        value: { state: 'confirmed' },
        revision: '1',
      },
    });
    const added = textOf(cluster, 'node2')
      .split('\n')
      .filter((line) => !before.includes(line));
    expect(added).toEqual([
      '  if (net = 10.233.1.0/24) then accept;',
      '  if (net ~ 10.233.1.0/24) then reject;',
      '  route 10.233.1.0/24 blackhole;',
    ]);
  });
});
