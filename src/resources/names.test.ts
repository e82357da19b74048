import { describe, expect, test } from 'bun:test';
import {
  apiPolicyName,
  fromStored,
  kindOfAlias,
  parseResourcePath,
  parseWorkloadEndpointName,
  policyDialectFor,
  type ResourceOf,
  resourcePath,
  storedPolicyName,
  storedPolicyNames,
  toStored,
  workloadEndpointName,
  workloadEndpointNamePrefix,
} from './index.ts';

const policy = (name: string, spec: object = {}, annotations?: Record<string, string>) => ({
  apiVersion: 'projectcalico.org/v3',
  kind: 'GlobalNetworkPolicy',
  metadata: { name, ...(annotations ? { annotations } : {}) },
  spec: { ...spec },
});

describe('policy names', () => {
  test.each([
    ['x', 'v3.15', undefined, 'default.x'],
    ['x', 'v3.15', 'sec', 'x'],
    ['sec.x', 'v3.15', 'sec', 'sec.x'],
    ['knp.default.x', 'v3.15', undefined, 'knp.default.x'],
    ['ossg.default.x', 'v3.15', undefined, 'ossg.default.x'],
    ['x', 'v3.32', undefined, 'x'],
    ['default.x', 'v3.32', 'default', 'default.x'],
  ] as const)('%s in dialect %s and tier %s is stored as %s', (name, dialect, tier, stored) => {
    expect(storedPolicyName(name, dialect, tier)).toBe(stored);
  });

  test.each([
    [policy('default.x'), 'x'],
    [policy('x'), 'x'],
    [policy('default.x', { tier: 'default' }), 'x'],
    [policy('default.x', { tier: 'sec' }), 'default.x'],
    [policy('sec.x', { tier: 'sec' }), 'sec.x'],
    [policy('knp.default.x'), 'knp.default.x'],
    [policy('default.x', {}, { 'projectcalico.org/metadata': '{"name":"default.x"}' }), 'default.x'],
    [policy('default.x', {}, { 'projectcalico.org/metadata': 'garbage' }), 'x'],
  ])('reads %j as %s', (stored, name) => {
    expect(apiPolicyName(stored)).toBe(name);
  });

  test('looks under both forms, the own one first', () => {
    expect(storedPolicyNames('x', 'v3.15')).toEqual(['default.x', 'x']);
    expect(storedPolicyNames('x', 'v3.32')).toEqual(['x', 'default.x']);
    expect(storedPolicyNames('default.x', 'v3.32')).toEqual(['default.x', 'x']);
    expect(storedPolicyNames('knp.default.x', 'v3.15')).toEqual(['knp.default.x']);
  });

  test('what is stored comes back as it was, in each dialect', () => {
    const resource = policy('x', { order: 1 }, { note: 'kept' });
    for (const dialect of ['v3.15', 'v3.32'] as const) {
      const back = fromStored(toStored(resource, dialect));
      expect(back.metadata.name).toBe('x');
      expect(back.metadata).toHaveProperty('annotations', { note: 'kept' });
      expect(back.spec).toMatchObject({ order: 1 });
    }
  });

  test.each([
    ['v3.15.2', 'v3.15'],
    ['v3.31.0', 'v3.15'],
    ['v3.32.1', 'v3.32'],
    ['v3.100.0', 'v3.32'],
    [undefined, 'v3.32'],
    ['', 'v3.32'],
  ] as const)('a cluster of version %s writes dialect %s', (version, dialect) => {
    expect(policyDialectFor(version)).toBe(dialect);
  });
});

describe('workload endpoint names', () => {
  test.each([
    [
      { node: 'node-1', orchestrator: 'k8s', pod: 'nginx-7bb', endpoint: 'eth0' },
      'node--1-k8s-nginx--7bb-eth0',
    ],
    [{ node: 'n', orchestrator: 'cni', containerID: 'abc', endpoint: 'eth0' }, 'n-cni-abc-eth0'],
    [{ node: 'n', orchestrator: 'libnetwork', endpoint: 'e' }, 'n-libnetwork-libnetwork-e'],
    [{ node: 'n', orchestrator: 'openstack', workload: 'w', endpoint: 'e' }, 'n-openstack-w-e'],
  ])('%j → %s', (spec, name) => {
    expect(workloadEndpointName(spec)).toBe(name);
    expect(parseWorkloadEndpointName(name)).toMatchObject({ node: spec.node, endpoint: spec.endpoint });
  });

  test.each([
    [{ node: '', orchestrator: 'k8s', pod: 'p', endpoint: 'e' }, 'Node', 'field should be assigned'],
    [{ node: '-n', orchestrator: 'k8s', pod: 'p', endpoint: 'e' }, 'Node', "field must not begin with a '-'"],
    [{ node: 'n', orchestrator: 'k8s', pod: 'p-', endpoint: 'e' }, 'Pod', "field must not end with a '-'"],
  ])('refuses %j', (spec, field, reason) => {
    expect(workloadEndpointName(spec)).toMatchObject({ field, reason });
  });

  test('prefixes end where the identifiers do', () => {
    expect(workloadEndpointNamePrefix({ node: 'a-b' })).toBe('a--b-');
    expect(workloadEndpointNamePrefix({ node: 'a', orchestrator: 'k8s', pod: 'p' })).toBe('a-k8s-p-');
    expect(workloadEndpointNamePrefix({})).toBeUndefined();
  });

  test.each(['a-b-c', 'a-b-c-d-e', 'abc'])('%s is no name', (name) => {
    expect(parseWorkloadEndpointName(name)).toBeUndefined();
  });
});

describe('paths', () => {
  test.each([
    { kind: 'IPPool', name: 'default-pool' },
    { kind: 'NetworkPolicy', namespace: 'ns', name: 'default.x' },
    { kind: 'WorkloadEndpoint', namespace: 'ns', name: 'n-k8s-p-eth0' },
  ] as const)('%j survives the round trip', (id) => {
    expect(parseResourcePath(resourcePath(id))).toEqual({ ...id });
  });

  test.each([
    '/calico/resources/v3/projectcalico.org/ippools/a/b',
    '/calico/resources/v3/projectcalico.org/networkpolicies/a',
    '/calico/resources/v3/projectcalico.org/networkpolicies/a/',
    '/calico/resources/v3/projectcalico.org/things/a',
    'calico/resources/v3/projectcalico.org/ippools/a',
  ])('%s is none', (path) => {
    expect(parseResourcePath(path)).toBeUndefined();
  });
});

test.each([
  ['GNP', 'GlobalNetworkPolicy'],
  ['pools', 'IPPool'],
  ['workloadEndpoint', 'WorkloadEndpoint'],
  ['gnetset', undefined],
] as const)('alias %s means %s', (alias, kind) => {
  expect(kindOfAlias(alias)).toBe(kind);
});

test('a spec is typed by its kind', () => {
  const pool: ResourceOf<'IPPool'> = {
    apiVersion: 'projectcalico.org/v3',
    kind: 'IPPool',
    metadata: { name: 'p' },
    spec: { cidr: '10.0.0.0/8', blockSize: 24, ipipMode: 'Always' },
  };
  // @ts-expect-error a mode that does not exist
  const wrong: ResourceOf<'IPPool'>['spec'] = { cidr: '10.0.0.0/8', ipipMode: 'Sometimes' };
  expect([pool.spec.cidr, wrong.cidr]).toEqual(['10.0.0.0/8', '10.0.0.0/8']);
});
