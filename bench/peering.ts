/**
 * From a cluster's state to one node's configuration text, as the running agent does it, and what unrelated changes
 * cost. Run: `bun bench/peering.ts`. Targets in ms: mesh of 100: 5, of 1,000: 30, client of 1,000: 10, reflector: 20.
 */
import {
  BgpCluster,
  compileBird,
  modelOfCluster,
  PeeringGraph,
  proveFailures,
  proveReachability,
  renderBird,
} from '../src/bgp/index.ts';
import type { SyncUpdate } from '../src/datastore/syncer.types.ts';

function put(kind: string, name: string, spec: unknown, labels: Record<string, string> = {}): SyncUpdate {
  const value = {
    apiVersion: 'projectcalico.org/v3',
    kind,
    metadata: { name, labels },
    spec: spec as Record<string, unknown>,
  };
  return { type: 'put', kv: { key: { type: 'resource', kind, name }, value, revision: '1' } };
}

function node(index: number, reflectors: number): SyncUpdate {
  const isReflector = index < reflectors;
  const bgp = {
    ipv4Address: `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}/8`,
    ...(isReflector && { routeReflectorClusterID: '1.0.0.1' }),
  };
  return put('Node', `n${index}`, { bgp }, isReflector ? { reflector: 'true' } : {});
}

function cluster(size: number, reflectors: number): BgpCluster {
  const result = new BgpCluster();
  result.apply(put('IPPool', 'pods', { cidr: '172.16.0.0/12' }));
  for (let index = 0; index < size; index++) {
    result.apply(node(index, reflectors));
    result.apply({
      type: 'put',
      kv: {
        key: {
          type: 'affinity',
          host: `n${index}`,
          cidr: `172.${16 + (index >> 10)}.${(index >> 2) & 255}.${(index & 3) * 64}/26`,
        },
        value: { state: 'confirmed' },
        revision: '1',
      },
    });
  }
  if (reflectors > 0) {
    result.apply(put('BGPConfiguration', 'default', { nodeToNodeMeshEnabled: false }));
    const [clients, all] = ['!has(reflector)', 'has(reflector)'];
    result.apply(put('BGPPeer', 'peer-to-rrs', { nodeSelector: clients, peerSelector: all }));
    result.apply(put('BGPPeer', 'rr-mesh', { nodeSelector: all, peerSelector: all }));
  }
  return result;
}

const options = {
  routerId: undefined,
  clusterIPs: undefined,
  nodeRef: undefined,
  workloadInterfaces: ['cali'],
  password: () => undefined,
};

/** Median of some runs in ms. */
function measure(run: () => void, rounds = 15): number {
  const times = Array.from({ length: rounds }, () => {
    const start = performance.now();
    run();
    return performance.now() - start;
  });
  return times.sort((a, b) => a - b)[Math.floor(rounds / 2)]!;
}

function line(what: string, ms: number, target?: number): void {
  const verdict = target === undefined ? '' : `  target ${target}: ${ms <= target ? 'met' : 'MISSED'}`;
  console.log(`${what.padEnd(46)} ${ms.toFixed(ms < 1 ? 4 : 1).padStart(9)} ms${verdict}`);
}

for (const [what, size, reflectors, name, target] of [
  ['mesh of 100: configuration of a node', 100, 0, 'n50', 5],
  ['mesh of 1,000: configuration of a node', 1000, 0, 'n500', 30],
  ['1,000 hosts, client of 2 reflectors', 1000, 2, 'n500', 10],
  ['1,000 hosts, a reflector', 1000, 2, 'n0', 20],
  ['5,000 hosts, client of 2 reflectors', 5000, 2, 'n500', undefined],
  ['5,000 hosts, a reflector', 5000, 2, 'n0', undefined],
] as const) {
  const state = cluster(size, reflectors);
  const generate = () =>
    renderBird(compileBird(state, new PeeringGraph(state).of(name), options).config).length;
  line(what, measure(generate), target);
}

const state = cluster(1000, 2);
const same = node(500, 2);
line(
  '1,000 hosts, an update that changes nothing',
  measure(() => void state.apply(same), 1001),
);

for (const [what, size, reflectors] of [
  ['mesh of 300', 300, 0],
  ['1,000 hosts, 2 reflectors', 1000, 2],
  ['5,000 hosts, 2 reflectors', 5000, 2],
] as const) {
  const { model } = modelOfCluster(cluster(size, reflectors));
  line(
    `${what}: all sessions and the model`,
    measure(() => void modelOfCluster(cluster(size, reflectors)), 3),
  );
  line(
    `${what}: proof of reachability`,
    measure(() => void proveReachability(model), 3),
  );
  line(
    `${what}: proof for every single failure`,
    measure(() => void proveFailures(model), 3),
  );
}
