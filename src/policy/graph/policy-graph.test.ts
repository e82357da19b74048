import { describe, expect, test } from 'bun:test';
import type { SyncUpdate } from '../../datastore/syncer.types.ts';
import type { Resource } from '../../resources/resource.ts';
import { PolicyGraph } from './policy-graph.ts';

function resource(kind: string, name: string, spec: object, metadata: object = {}): Resource {
  return { apiVersion: 'projectcalico.org/v3', kind, metadata: { name, ...metadata }, spec: { ...spec } };
}

function put(value: Resource): SyncUpdate {
  const { name, namespace } = value.metadata;
  const key = {
    type: 'resource' as const,
    kind: value.kind,
    name,
    ...(namespace === undefined ? {} : { namespace }),
  };
  return { type: 'put', kv: { key, value, revision: '1' } };
}

function remove(value: Resource): SyncUpdate {
  const update = put(value);
  return update.type === 'put' ? { type: 'delete', key: update.kv.key } : update;
}

const web = resource(
  'WorkloadEndpoint',
  'host1-k8s-w1-eth0',
  {
    node: 'host1',
    orchestrator: 'k8s',
    pod: 'w1',
    endpoint: 'eth0',
    interfaceName: 'caliw1',
    ipNetworks: ['10.0.0.1/32'],
    profiles: ['kns.default'],
    ports: [{ name: 'http', protocol: 'TCP', port: 8055 }],
  },
  { namespace: 'default', labels: { app: 'web' } },
);
const policy = resource(
  'NetworkPolicy',
  'p',
  {
    selector: "app == 'web'",
    types: ['Ingress'],
    ingress: [
      {
        action: 'Allow',
        protocol: 'TCP',
        source: { selector: "app == 'client'" },
        destination: { ports: ['http', 80] },
      },
    ],
  },
  { namespace: 'default' },
);
const client = resource(
  'WorkloadEndpoint',
  'host2-k8s-w7-eth0',
  {
    node: 'host2',
    orchestrator: 'k8s',
    pod: 'w7',
    endpoint: 'eth0',
    interfaceName: 'caliw7',
    ipNetworks: ['10.0.0.7/32'],
    profiles: ['kns.default'],
  },
  { namespace: 'default', labels: { app: 'client' } },
);

function graph(...updates: SyncUpdate[]) {
  const made = new PolicyGraph({ hostname: 'host1' });
  made.onUpdates(updates);
  made.onStatus('in-sync');
  made.flush();
  return made;
}

describe('the graph', () => {
  test('resolves selectors to sets and names them as upstream does', () => {
    const made = graph(put(web), put(policy), put(client));
    const rule = made.entries('policy').get('NetworkPolicy/default/p')!.inbound[0]!;
    const set = made.entries('ip-set').get(rule.source.sets[0]!)!;
    expect([...set.members]).toEqual(['10.0.0.7']);
    expect(rule.source.sets[0]).toStartWith('s:nzSmsJwJYA58y5TsSTCcRcP');
    expect(rule.destination.namedPortSets[0]).toStartWith('n:cl9_Kgeu4H0OGLbhovVR3NB');
    expect([...made.entries('ip-set').get(rule.destination.namedPortSets[0]!)!.members]).toEqual([
      '10.0.0.1,tcp:8055',
    ]);
    expect(made.entries('workload').get('default/host1-k8s-w1-eth0')!.tiers).toEqual([
      { name: 'default', defaultAction: 'deny', ingress: ['NetworkPolicy/default/p'], egress: [] },
    ]);
  });

  test('hands over members as deltas, and takes away what nothing refers to', () => {
    const made = graph(put(web), put(policy));
    made.onUpdates([put(client)]);
    expect(made.flush().map((update) => update.op)).toEqual(['members']);
    made.onUpdates([remove(web)]);
    expect(made.flush()).toContainEqual({ op: 'delete', kind: 'policy', key: 'NetworkPolicy/default/p' });
    expect([...made.entries('ip-set').keys()]).toEqual([]);
    expect([...made.entries('route').keys()]).toEqual([]);
  });

  test('is silent before in-sync and when nothing changed', () => {
    const made = new PolicyGraph({ hostname: 'host1' });
    made.onUpdates([put(web)]);
    expect(made.flush()).toEqual([]);
    made.onStatus('in-sync');
    expect(made.flush().length).toBeGreaterThan(0);
    expect(made.flush()).toEqual([]);
  });
});
