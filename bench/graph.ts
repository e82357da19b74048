/**
 * The calculation graph at size, with the metrics that upstream's benchmark prints: `bun bench/graph.ts [--json]`.
 *
 * Upstream source: felix/calc/calc_graph_bench_test.go. Times are of this process on this machine, heap after a
 * collection with the graph alive.
 */
import type { SyncUpdate } from '../src/datastore/syncer.types.ts';
import { PolicyGraph } from '../src/policy/index.ts';
import type { Resource } from '../src/resources/resource.ts';

interface Row {
  readonly name: string;
  readonly seconds: number;
  readonly heapMb: number;
  readonly updates: number;
}

const json = process.argv.includes('--json');
const rows: Row[] = [];

function put(kind: string, name: string, spec: object, metadata: object = {}): SyncUpdate {
  const value: Resource = {
    apiVersion: 'projectcalico.org/v3',
    kind,
    metadata: { name, ...metadata },
    spec: { ...spec },
  };
  const namespace = 'namespace' in metadata ? String(metadata.namespace) : undefined;
  const key = { type: 'resource' as const, kind, name, ...(namespace === undefined ? {} : { namespace }) };
  return { type: 'put', kv: { key, value, revision: '1' } };
}

function endpoint(i: number, local: boolean, labels: object): SyncUpdate {
  const address = `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`;
  const spec = {
    node: local ? 'here' : `node${i % 500}`,
    orchestrator: 'k8s',
    pod: `pod-${i}`,
    endpoint: 'eth0',
    interfaceName: `cali${i}`,
    ipNetworks: [`${address}/32`],
    profiles: ['kns.default'],
  };
  return put('WorkloadEndpoint', `n-k8s-pod--${i}-eth0`, spec, { namespace: 'default', labels });
}

const profile = put('Profile', 'kns.default', {
  ingress: [{ action: 'Allow' }],
  egress: [{ action: 'Allow' }],
});

function heap(): number {
  Bun.gc(true);
  return process.memoryUsage().heapUsed / 1e6;
}

function measure(name: string, make: () => Iterable<SyncUpdate>): PolicyGraph {
  const inputs = [...make()];
  const before = heap();
  const start = performance.now();
  const graph = new PolicyGraph({ hostname: 'here' });
  for (let at = 0; at < inputs.length; at += 1000) graph.onUpdates(inputs.slice(at, at + 1000));
  graph.onStatus('in-sync');
  const updates = graph.flush().length;
  const seconds = (performance.now() - start) / 1000;
  rows.push({ name, seconds, heapMb: heap() - before, updates });
  return graph;
}

/** 10,000 endpoints, 200 of them local, and policies whose rules each name a network set of their own. */
function* networkSetPolicies(endpoints: number, policies: number): Generator<SyncUpdate> {
  yield profile;
  for (let i = 0; i < endpoints; i++) yield endpoint(i, i < 200, { app: 'x', tier: `t${i % 10}` });
  for (let i = 0; i < policies; i++) {
    yield put(
      'GlobalNetworkSet',
      `set-${i}`,
      { nets: Array.from({ length: 10 }, (_, n) => `172.16.${i & 255}.${n}/32`) },
      { labels: { set: `s${i}` } },
    );
    yield put('GlobalNetworkPolicy', `policy-${i}`, {
      selector: "app == 'x'",
      order: i,
      types: ['Ingress'],
      ingress: [{ action: 'Allow', source: { selector: `set == 's${i}'` } }],
    });
  }
}

function* labelPolicies(endpoints: number, policies: number): Generator<SyncUpdate> {
  yield profile;
  for (let i = 0; i < endpoints; i++) yield endpoint(i, i < 200, { app: `app${i % policies}` });
  for (let i = 0; i < policies; i++) {
    yield put('GlobalNetworkPolicy', `policy-${i}`, {
      selector: `app == 'app${i}'`,
      types: ['Ingress'],
      ingress: [{ action: 'Allow', source: { selector: `app == 'app${(i + 1) % policies}'` } }],
    });
  }
}

function* isolatedCustomers(customers: number): Generator<SyncUpdate> {
  yield profile;
  for (let i = 0; i < customers; i++) {
    yield endpoint(i, i < 200, { customer: `c${i}` });
    yield put('GlobalNetworkPolicy', `customer-${i}`, {
      selector: `customer == 'c${i}'`,
      types: ['Ingress', 'Egress'],
      ingress: [{ action: 'Allow', source: { selector: `customer == 'c${i}'` } }],
      egress: [{ action: 'Allow' }],
    });
  }
}

/** One endpoint's labels change among many selectors that do not match it. */
function oneUpdate(selectors: number): void {
  const graph = new PolicyGraph({ hostname: 'here' });
  graph.onUpdates([profile, endpoint(1, true, { app: 'x' })]);
  graph.onUpdates(
    Array.from({ length: selectors }, (_, i) =>
      put('GlobalNetworkPolicy', `policy-${i}`, {
        selector: 'all()',
        types: ['Ingress'],
        ingress: [{ action: 'Allow', source: { selector: `role == 'r${i}'` } }],
      }),
    ),
  );
  graph.onStatus('in-sync');
  graph.flush();
  const rounds = 2000;
  const updates = Array.from({ length: rounds }, (_, i) =>
    endpoint(1000, false, { role: `r${i % selectors}`, n: `${i}` }),
  );
  const start = performance.now();
  for (const update of updates) {
    graph.onUpdates([update]);
    graph.flush();
  }
  const seconds = (performance.now() - start) / 1000 / rounds;
  rows.push({ name: `one endpoint update against ${selectors} selectors`, seconds, heapMb: 0, updates: 1 });
}

measure('10000 endpoints, 1000 network-set policies', () => networkSetPolicies(10_000, 1_000));
measure('10000 endpoints, 10000 network-set policies', () => networkSetPolicies(10_000, 10_000));
measure('250000 endpoints, 10000 label policies', () => labelPolicies(250_000, 10_000));
measure('100000 isolated customers', () => isolatedCustomers(100_000));
oneUpdate(1_000);
oneUpdate(10_000);

if (json) console.log(JSON.stringify(rows, null, 2));
else {
  for (const { name, seconds, heapMb, updates } of rows) {
    const time = seconds < 0.01 ? `${(seconds * 1e6).toFixed(0)} µs` : `${seconds.toFixed(2)} s`;
    console.log(
      `${name.padEnd(50)} ${time.padStart(9)} ${heapMb.toFixed(0).padStart(6)} MB ${String(updates).padStart(7)} updates`,
    );
  }
}
