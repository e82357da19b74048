import { describe, expect, test } from 'bun:test';
import type { Resource } from '../../resources/resource.ts';
import { membersOf } from './endpoint.ts';
import { translateKubernetesPolicy } from './kubernetes-policy.ts';
import { peerSelectors, policySelector } from './peer-selector.ts';
import { translateRule } from './translate-rule.ts';

describe('selectors of policies', () => {
  const rows: readonly [string, object, string | undefined, string][] = [
    [
      'a namespaced policy is confined to its namespace',
      { selector: "a == 'b'" },
      'ns',
      "(a == 'b') && projectcalico.org/namespace == 'ns'",
    ],
    ['without a selector to all of it', {}, 'ns', "projectcalico.org/namespace == 'ns'"],
    ['a global one is as it stands', { selector: "a == 'b'" }, undefined, "a == 'b'"],
    [
      'namespace labels come with a prefix',
      { selector: "a == 'b'", namespaceSelector: "team == 'x'" },
      undefined,
      `(a == 'b') && pcns.team == "x"`,
    ],
    [
      'all() then means: in a namespace',
      { selector: 'all()', namespaceSelector: 'has(x)' },
      undefined,
      '(has(projectcalico.org/namespace)) && has(pcns.x)',
    ],
    [
      'service accounts alike',
      { serviceAccountSelector: 'all()' },
      undefined,
      'has(projectcalico.org/serviceaccount)',
    ],
  ];
  test.each(rows)('%s', (_, spec, namespace, selector) => {
    expect(policySelector(spec, namespace)).toBe(selector);
  });
});

describe('peers of rules', () => {
  const rows: readonly [string, object, string | undefined, string, string][] = [
    ['nothing selects nothing, so that any address matches', {}, 'ns', '', ''],
    [
      'a selector in a namespaced policy stays in the namespace',
      { selector: 'has(a)' },
      'ns',
      "(projectcalico.org/namespace == 'ns') && (has(a))",
      '',
    ],
    [
      'a negative one alone brings the namespace with it',
      { notSelector: 'has(a)' },
      'ns',
      "(projectcalico.org/namespace == 'ns') && (!(has(a)))",
      '',
    ],
    [
      'a negative one alone in a global policy also matches strangers',
      { notSelector: 'has(a)' },
      undefined,
      '',
      'has(a)',
    ],
    [
      'global() is outside of namespaces',
      { namespaceSelector: 'global()' },
      'ns',
      '!has(projectcalico.org/namespace)',
      '',
    ],
    [
      'names of accounts',
      { serviceAccounts: { names: ['a', 'b'] } },
      undefined,
      "projectcalico.org/serviceaccount in { 'a', 'b' }",
      '',
    ],
  ];
  test.each(rows)('%s', (_, entity, namespace, positive, negative) => {
    expect(peerSelectors(entity, namespace)).toEqual({ positive, negative });
  });
});

describe('rules', () => {
  const origin = { direction: 'ingress', index: 0 } as const;
  test('ports are numbers, ranges or names', () => {
    const { destination } = translateRule(
      { action: 'Allow', protocol: 'TCP', destination: { ports: [80, '443', '1:9', 'http'] } },
      undefined,
      origin,
    );
    expect(destination.ports).toEqual([
      { first: 80, last: 80 },
      { first: 443, last: 443 },
      { first: 1, last: 9 },
    ]);
    expect(destination.namedPorts).toEqual(['http']);
  });
  test('nets are masked, and what is none is left out', () => {
    expect(
      translateRule({ source: { nets: ['10.1.2.3/8', 'nonsense'] } }, undefined, origin).source.nets,
    ).toEqual(['10.0.0.0/8']);
  });
  test.each([
    ['Allow', 'allow'],
    [undefined, 'allow'],
    ['next-tier', 'pass'],
    ['Surprise', 'deny'],
  ] as const)('action %s is %s', (action, result) => {
    expect(translateRule(action === undefined ? {} : { action }, undefined, origin).action).toBe(result);
  });
});

test('members: bare addresses, blocks, everything in two halves', () => {
  expect(membersOf(['10.0.0.1/32', '10.0.0.0/8', '0.0.0.0/0', '::/0'])).toEqual([
    '10.0.0.1',
    '10.0.0.0/8',
    '0.0.0.0/1',
    '128.0.0.0/1',
    '::/1',
    '8000::/1',
  ]);
});

describe('Kubernetes network policies', () => {
  function translate(spec: object): Record<string, unknown> {
    const resource: Resource = {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { name: 'p', namespace: 'ns' },
      spec: { ...spec },
    };
    return translateKubernetesPolicy(resource).spec;
  }
  test('select pods of the orchestrator, and are of order 1000', () => {
    expect(
      translate({
        podSelector: {
          matchLabels: { b: '2', a: '1' },
          matchExpressions: [
            { key: 'c', operator: 'NotIn', values: ['x'] },
            { key: 'd', operator: 'DoesNotExist' },
          ],
        },
      }),
    ).toMatchObject({
      order: 1000,
      selector:
        "projectcalico.org/orchestrator == 'k8s' && a == '1' && b == '2' && c not in { 'x' } && ! has(d)",
      types: ['Ingress'],
    });
  });
  test('one rule per protocol and peer; neighbouring ports are merged; a port without number is all of its protocol', () => {
    const { ingress } = translate({
      podSelector: {},
      ingress: [
        {
          from: [
            { podSelector: {} },
            { namespaceSelector: {} },
            { ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] } },
          ],
          ports: [{ port: 81 }, { port: 80 }, { port: 'web' }, { protocol: 'UDP' }],
        },
      ],
    });
    const pods = "projectcalico.org/orchestrator == 'k8s'";
    const peers = [
      { selector: pods },
      { selector: pods, namespaceSelector: 'all()' },
      { nets: ['10.0.0.0/8'], notNets: ['10.1.0.0/16'] },
    ];
    expect(ingress).toEqual([
      ...peers.map((source) => ({
        action: 'Allow',
        protocol: 'TCP',
        source,
        destination: { ports: ['web', '80:81'] },
      })),
      ...peers.map((source) => ({ action: 'Allow', protocol: 'UDP', source, destination: {} })),
    ]);
  });
  test('no peers means everybody', () => {
    expect(translate({ podSelector: {}, policyTypes: ['Egress'], egress: [{}] }).egress).toEqual([
      { action: 'Allow', source: {}, destination: {} },
    ]);
  });
  test('a rule that cannot be converted is left out and told', () => {
    const told: string[] = [];
    const resource: Resource = {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { name: 'p', namespace: 'ns' },
      spec: {
        podSelector: {},
        ingress: [{ from: [{ podSelector: { matchExpressions: [{ key: 'a', operator: 'Near' }] } }] }, {}],
      },
    };
    const { spec } = translateKubernetesPolicy(resource, (object, reason) =>
      told.push(`${object}: ${reason}`),
    );
    expect(spec['ingress']).toHaveLength(1);
    expect(told).toEqual(['NetworkPolicy(ns/p): unknown operator Near']);
  });
});
