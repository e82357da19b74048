import { describe, expect, test } from 'bun:test';
import type { SyncUpdate } from '../../datastore/syncer.types.ts';
import { PolicyGraph } from './policy-graph.ts';

function put(
  kind: string,
  name: string,
  spec: object,
  metadata: { namespace?: string; labels?: Record<string, string> } = {},
): SyncUpdate {
  const value = {
    apiVersion: 'projectcalico.org/v3',
    kind,
    metadata: { name, ...metadata },
    spec: { ...spec },
  };
  const key = {
    type: 'resource' as const,
    kind,
    name,
    ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
  };
  return { type: 'put', kv: { key, value, revision: '1' } };
}

const host = put(
  'HostEndpoint',
  'h',
  { node: 'here', interfaceName: 'eth0', profiles: ['missing'] },
  { labels: { h: 'y' } },
);
const policy = (name: string, spec: object = {}, namespace?: string) =>
  put(
    namespace === undefined ? 'GlobalNetworkPolicy' : 'NetworkPolicy',
    name,
    { selector: 'all()', types: ['Ingress'], ...spec },
    namespace === undefined ? {} : { namespace },
  );

function endpointWith(...updates: SyncUpdate[]) {
  const graph = new PolicyGraph({ hostname: 'here' });
  graph.onUpdates([host, ...updates]);
  graph.onStatus('in-sync');
  graph.flush();
  return { graph, endpoint: graph.entries('host-endpoint').get('h')! };
}

const names = (keys: readonly string[]) => keys.map((key) => key.split('/').at(-1));

describe('tiers and order', () => {
  test('tiers by order, then name; unknown ones last and with deny', () => {
    const { endpoint } = endpointWith(
      put('Tier', 'b', { order: 5, defaultAction: 'Pass' }),
      put('Tier', 'a', { order: 5 }),
      put('Tier', 'default', { order: 1_000_000, defaultAction: 'Deny' }),
      put('Tier', 'unordered', {}),
      policy('1', { tier: 'unknown' }),
      policy('2', { tier: 'unordered' }),
      policy('3'),
      policy('4', { tier: 'b' }),
      policy('5', { tier: 'a' }),
    );
    expect(endpoint.tiers.map(({ name, defaultAction }) => [name, defaultAction])).toEqual([
      ['a', 'deny'],
      ['b', 'pass'],
      ['default', 'deny'],
      ['unordered', 'deny'],
      ['unknown', 'deny'],
    ]);
  });

  test('in a tier by order, without one last, ties by name', () => {
    const { endpoint } = endpointWith(
      policy('z', { order: 1 }),
      policy('a'),
      policy('c', { order: 2.5 }),
      policy('b', { order: 2.5 }),
      policy('y', { order: -3 }),
    );
    expect(names(endpoint.tiers[0]!.ingress)).toEqual(['y', 'z', 'b', 'c', 'a']);
  });

  test('untracked, preDNAT and forwarded policies have lists of their own', () => {
    const { endpoint } = endpointWith(
      policy('untracked', { doNotTrack: true, applyOnForward: true, types: ['Ingress', 'Egress'] }),
      policy('prednat', { preDNAT: true, applyOnForward: true }),
      policy('both', { applyOnForward: true }),
      policy('normal'),
    );
    expect(names(endpoint.untrackedTiers[0]!.ingress)).toEqual(['untracked']);
    expect(endpoint.untrackedTiers[0]!.defaultAction).toBe('pass');
    expect(names(endpoint.preDnatTiers[0]!.ingress)).toEqual(['prednat']);
    expect(names(endpoint.tiers[0]!.ingress)).toEqual(['both', 'normal']);
    expect(names(endpoint.forwardTiers[0]!.ingress)).toEqual(['both']);
  });

  test('staged policies have no part', () => {
    const { graph, endpoint } = endpointWith(
      put('StagedGlobalNetworkPolicy', 's', { selector: 'all()', types: ['Ingress'] }),
    );
    expect(endpoint.tiers).toEqual([]);
    expect(graph.entries('policy').size).toBe(0);
  });

  test('a policy of a direction is not in the other one', () => {
    const { endpoint } = endpointWith(policy('e', { types: ['Egress'] }), policy('both', { types: [] }));
    expect(names(endpoint.tiers[0]!.ingress)).toEqual(['both']);
    expect(names(endpoint.tiers[0]!.egress)).toEqual(['both', 'e']);
  });

  test('a profile that is not there denies', () => {
    const { graph } = endpointWith();
    expect(
      graph
        .entries('profile')
        .get('missing')!
        .inbound.map(({ action }) => action),
    ).toEqual(['deny']);
  });

  test('a change of order or tier is told of the endpoint, one of rules alone is not', () => {
    const { graph } = endpointWith(policy('p', { order: 1 }), policy('q', { order: 2 }));
    graph.onUpdates([policy('p', { order: 1, ingress: [{ action: 'Allow' }] })]);
    expect(graph.flush().map((update) => 'kind' in update && update.kind)).toEqual(['policy']);
    graph.onUpdates([policy('p', { order: 3 })]);
    expect(graph.flush().map((update) => 'kind' in update && update.kind)).toContain('host-endpoint');
    expect(names(graph.entries('host-endpoint').get('h')!.tiers[0]!.ingress)).toEqual(['q', 'p']);
  });

  test('a selector that cannot be read costs its policy alone', () => {
    const told: string[] = [];
    const graph = new PolicyGraph({ hostname: 'here', onInvalid: (object) => told.push(object) });
    graph.onUpdates([host, policy('bad', { selector: '((' }), policy('good')]);
    graph.onStatus('in-sync');
    graph.flush();
    expect([...graph.entries('policy').keys()]).toEqual(['GlobalNetworkPolicy//good']);
    expect(told).toEqual(['GlobalNetworkPolicy(bad)']);
  });

  test('a rule whose selector cannot be read costs its policy alone', () => {
    const { graph } = endpointWith(
      policy('bad', { ingress: [{ action: 'Allow', source: { selector: 'x ==' } }] }),
      policy('good'),
    );
    expect(graph.entries('policy').get('GlobalNetworkPolicy//bad')!.inbound).toEqual([]);
    expect(graph.entries('policy').has('GlobalNetworkPolicy//good')).toBe(true);
    expect(graph.entries('ip-set').size).toBe(0);
  });
});
