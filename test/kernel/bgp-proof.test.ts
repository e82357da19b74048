/** The proof of reachability against BIRD itself: random topologies, the same hosts lack the same blocks. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { BgpCluster, modelOfCluster, proveReachability } from '../../src/bgp/index.ts';
import type { SyncUpdate } from '../../src/datastore/syncer.types.ts';
import { BgpNet, block, eventually, put, remove } from '../support/bgp-net.ts';

setDefaultTimeout(120_000);

const hosts = [1, 2, 3, 4, 5, 6];
let net: BgpNet;
let seed = 3;
const random = (below: number) => {
  seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
  return (seed >> 8) % below;
};

beforeAll(async () => {
  net = new BgpNet();
  for (const index of hosts) net.host(`n${index}`, [`10.0.0.${index}/24`]);
  net.update(
    put('IPPool', 'p', { cidr: '10.244.0.0/16' }),
    put('BGPConfiguration', 'default', { nodeToNodeMeshEnabled: false }),
    ...hosts.map((index) => put('Node', `n${index}`, { bgp: { ipv4Address: `10.0.0.${index}/24` } })),
    ...hosts.map((index) => block(`n${index}`, `10.244.${index}.0/26`)),
  );
  await net.sync();
});
afterAll(() => net.close());

/** Nodes with random roles, and a random half of all peerings. */
function topology(round: number): readonly SyncUpdate[] {
  const asNumbers = round % 2 === 0 ? [64512] : [64512, 65001, 65002];
  const nodes = hosts.map((index) =>
    put(
      'Node',
      `n${index}`,
      {
        bgp: {
          ipv4Address: `10.0.0.${index}/24`,
          asNumber: asNumbers[random(asNumbers.length)],
          ...(random(3) === 0 && { routeReflectorClusterID: `1.0.0.${1 + random(2)}` }),
        },
      },
      { host: `n${index}` },
    ),
  );
  const peerings = hosts.flatMap((a) =>
    hosts.flatMap((b) => {
      if (b <= a) return [];
      const name = `p${a}-${b}`;
      if (random(2) === 0) return [remove('BGPPeer', name)];
      return [put('BGPPeer', name, { nodeSelector: `host == 'n${a}'`, peerSelector: `host == 'n${b}'` })];
    }),
  );
  return [...nodes, ...peerings];
}

test('random reflectors, AS numbers and peerings', async () => {
  const cluster = new BgpCluster();
  for (const update of [
    put('BGPConfiguration', 'default', { nodeToNodeMeshEnabled: false }),
    ...hosts.map((index) => block(`n${index}`, `10.244.${index}.0/26`)),
  ])
    cluster.apply(update);
  let lacking = 0;
  for (let round = 0; round < 8; round++) {
    const updates = topology(round);
    for (const update of updates) cluster.apply(update);
    net.update(...updates);
    await net.settled();
    const { model } = modelOfCluster(cluster);
    const losses = new Map(proveReachability(model).losses.map((one) => [one.receiver, one.missing]));
    const predicted = hosts.map((index) => hosts.length - (losses.get(`n${index}`) ?? 0));
    lacking += losses.size;
    await eventually(
      async () =>
        (await Promise.all(hosts.map((index) => net.sessions(`n${index}`)))).flatMap((one) =>
          Object.values(one),
        ),
      (states) => states.filter((state) => state === 'Established').length === model.sessions.length * 2,
      60_000,
    );
    await eventually(
      () => hosts.map((index) => net.routes(`n${index}`).length),
      (actual) => actual.join() === predicted.join(),
      30_000,
    ).catch((error: unknown) => {
      throw new Error(
        `round ${round}: predicted ${predicted.join()}; ${String(error)}; ${JSON.stringify(model.sessions)} ${JSON.stringify(model.speakers)}`,
      );
    });
  }
  expect(lacking).toBeGreaterThan(0);
});
