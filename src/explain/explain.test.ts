import { describe, expect, test } from 'bun:test';
import type { KeyValue } from '../datastore/index.ts';
import { Cluster } from './cluster.ts';
import { explain } from './explain.ts';
import { formatExplanation } from './format.ts';
import { parseProtocol } from './program.ts';
import { endpointPolicies, selectedEndpoints } from './selection.ts';

function item(kind: string, name: string, spec: object, metadata: object = {}): KeyValue {
  const value = {
    apiVersion: 'projectcalico.org/v3',
    kind,
    metadata: { name, ...metadata },
    spec: { ...spec },
  };
  const namespace = 'namespace' in metadata ? String(metadata.namespace) : undefined;
  const key = { type: 'resource' as const, kind, name, ...(namespace === undefined ? {} : { namespace }) };
  return { key, value, revision: '1' };
}

function pod(name: string, node: string, address: string, labels: object): KeyValue {
  const spec = {
    node,
    orchestrator: 'k8s',
    pod: name,
    endpoint: 'eth0',
    interfaceName: `cali${name}`,
    ipNetworks: [`${address}/32`],
    profiles: ['kns.default'],
  };
  return item('WorkloadEndpoint', `${node}-k8s-${name}-eth0`, spec, { namespace: 'default', labels });
}

const base: readonly KeyValue[] = [
  item('Node', 'n1', { bgp: { ipv4Address: '192.0.2.1/24' } }),
  item('Node', 'n2', { bgp: { ipv4Address: '198.51.100.2/24' } }),
  item('IPPool', 'pool', { cidr: '10.0.0.0/16', ipipMode: 'CrossSubnet', natOutgoing: true }),
  item('Profile', 'kns.default', { ingress: [{ action: 'Allow' }], egress: [{ action: 'Allow' }] }),
  item('Tier', 'default', { order: 1_000_000, defaultAction: 'Deny' }),
  pod('a', 'n1', '10.0.0.1', { app: 'a' }),
  pod('b', 'n2', '10.0.1.1', { app: 'b' }),
  {
    key: { type: 'block', cidr: '10.0.1.0/26' },
    value: { cidr: '10.0.1.0/26', affinity: 'host:n2', allocations: [] },
    revision: '1',
  },
];

function ask(items: readonly KeyValue[], from: string, to: string, protocol: string) {
  const cluster = new Cluster(items);
  return explain(cluster, {
    source: cluster.end(from),
    destination: cluster.end(to),
    ...parseProtocol(protocol),
  });
}

describe('explain', () => {
  test('follows the tunnel between hosts of different subnets', () => {
    const { verdict, path } = ask(base, 'default/a', 'b', 'tcp/80');
    expect(verdict).toBe('allow');
    expect(path.map(({ host, inInterface, outInterface }) => [host, inInterface, outInterface])).toEqual([
      ['n1', 'calia', 'tunl0'],
      ['n2', 'tunl0', 'calib'],
    ]);
    expect(path[0]!.via).toBe('IPIP tunnel to 198.51.100.2');
  });

  test('names tier, policy and rule, and the rule as it is rendered', () => {
    const policy = item('GlobalNetworkPolicy', 'p', {
      selector: "app == 'b'",
      types: ['Ingress'],
      ingress: [{ action: 'Deny', protocol: 'TCP', destination: { ports: [80] } }],
    });
    const { verdict, path } = ask([...base, policy], 'a', 'b', 'tcp/80');
    expect(verdict).toBe('drop');
    expect(path[1]!.trace.at(-1)!.steps).toEqual([
      {
        tier: 'default',
        policy: 'GlobalNetworkPolicy//p',
        rule: 0,
        result: 'deny',
        rendered: ['meta l4proto 6 th dport 80 drop'],
      },
    ]);
  });

  test('hints at policies that only log, and at selectors that match nothing', () => {
    const log = item('GlobalNetworkPolicy', 'log', {
      selector: "app == 'b'",
      types: ['Ingress'],
      ingress: [{ action: 'Log' }],
    });
    const none = item('GlobalNetworkPolicy', 'none', {
      selector: "app == 'b'",
      types: ['Ingress'],
      ingress: [{ action: 'Allow', source: { selector: "app == 'nobody'" } }],
    });
    const explanation = ask([...base, log, none], 'a', 'b', 'udp/53');
    expect(explanation.hints.join('\n')).toContain('GlobalNetworkPolicy(log) has only Log rules');
    expect(explanation.hints.join('\n')).toContain('rule 1 of GlobalNetworkPolicy(none) matches nothing');
    expect(formatExplanation(explanation)).toContain('end of tier default: deny');
  });

  test('shows the address that outgoing NAT gives', () => {
    const { path } = ask(base, 'a', '203.0.113.9', 'tcp/443');
    expect(path[0]!.masqueradedTo).toBe('192.0.2.1');
  });

  test('finds that an answer is denied where untracked policies allow one direction only', () => {
    const endpoint = item('HostEndpoint', 'h', { node: 'n1', interfaceName: 'eth0' }, { labels: { h: 'y' } });
    const untracked = item('GlobalNetworkPolicy', 'u', {
      selector: 'has(h)',
      doNotTrack: true,
      applyOnForward: true,
      types: ['Ingress'],
      ingress: [{ action: 'Allow', protocol: 'UDP' }],
    });
    const { verdict, answer, hints } = ask([...base, endpoint, untracked], '203.0.113.9', 'n1', 'udp/8055');
    expect(verdict).toBe('drop');
    expect(answer?.at(-1)?.verdict).toBe('drop');
    expect(hints[0]).toContain('untracked policies must allow both directions');
  });

  test('lists the policies of an endpoint and the endpoints of a policy', () => {
    const policy = item('NetworkPolicy', 'p', { selector: "app == 'b'" }, { namespace: 'default' });
    const cluster = new Cluster([...base, policy]);
    expect(endpointPolicies(cluster, 'b').lines).toContain('      NetworkPolicy(default/p)');
    expect(selectedEndpoints(cluster, 'p').lines).toEqual(['workload endpoint default/n2-k8s-b-eth0 on n2']);
    expect(() => selectedEndpoints(cluster, 'q')).toThrow('there is no policy "q"');
  });

  test.each(['tcp', 'tcp/x', 'tcp/70000', 'nothing/1', 'icmp/300'])('refuses %s', (text) => {
    expect(() => parseProtocol(text)).toThrow();
  });
});
