import { describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import { planCluster } from '../../kubespray/index.ts';
import { compare, type Observation, type ObservedHost } from './compare.ts';
import { expectedSessions } from './expectation.ts';

const inventory = join(import.meta.dirname, '..', '..', '..', 'examples', 'kubespray-rr', 'hosts.ini');
const { plan } = planCluster([inventory]);

/** A lab in which everything is as planned, with a pod on node2 and on node5. */
function perfect(): Observation {
  const pods = ['node2', 'node5'].map((host, index) => ({
    host,
    nodeName: host,
    fullName: `${host}-pod1`,
    addresses: [`10.233.${70 + index}.0`],
    interface: `cali${index}`,
  }));
  const addressOf = (name: string) => plan.hosts.find((host) => host.name === name)!.address;
  const hosts = plan.hosts.map(
    ({ name }): ObservedHost => ({
      name,
      birdError: undefined,
      sessions: expectedSessions(plan)
        .flat()
        .filter(({ host }) => host === name)
        .map(({ peerAddress, peerAs }) => ({
          name: 'x',
          neighbour: peerAddress,
          asNumber: peerAs,
          state: 'Established',
        })),
      routes: pods.map((pod, index) =>
        pod.host === name
          ? { dst: `${pod.addresses[0]}/32`, nextHop: '', device: pod.interface, blackhole: false }
          : {
              dst: `10.233.${70 + index}.0/24`,
              nextHop: addressOf(pod.host),
              device: 'eth0',
              blackhole: false,
            },
      ),
      interfaces: pods.filter(({ host }) => host === name).map((pod) => ({ name: pod.interface, up: true })),
    }),
  );
  return {
    hosts,
    pods,
    endpoints: pods.map((pod) => ({
      node: pod.host,
      pod: pod.fullName,
      interface: pod.interface,
      addresses: pod.addresses,
    })),
    probes: [{ area: 'icmp', from: 'node2/pod1', to: 'node5/pod1', reached: true }],
    routers: [],
  };
}

/** The perfect lab with one host seen otherwise. */
function withHost(name: string, change: (host: ObservedHost) => Partial<ObservedHost>): Observation {
  const seen = perfect();
  return {
    ...seen,
    hosts: seen.hosts.map((host) => (host.name === name ? { ...host, ...change(host) } : host)),
  };
}

const differences = (seen: Observation) =>
  compare(plan, seen, 0).differences.map(({ area, where, actual }) => `${area} ${where}: ${actual}`);

describe('compare', () => {
  test('nothing differs in a perfect lab, and everything was counted', () => {
    const { areas, differences: found } = compare(plan, perfect(), 0);
    expect(found).toEqual([]);
    expect(areas.sessions).toEqual({ expected: 9, held: 9 });
    expect(areas.routes).toEqual({ expected: 12, held: 12 });
    expect(areas.endpoints).toEqual({ expected: 4, held: 4 });
  });

  const cases: readonly (readonly [string, Observation, readonly string[]])[] = [
    [
      'a session that is down at one end',
      withHost('rr0', ({ sessions }) => ({
        sessions: sessions.map((one, i) => (i === 0 ? { ...one, state: 'Active' } : one)),
      })),
      ['sessions rr0: Active'],
    ],
    [
      'a session that nobody planned',
      withHost('node2', ({ sessions }) => ({
        sessions: [
          ...sessions,
          { name: 'Mesh', neighbour: '10.210.1.13', asNumber: 65400, state: 'Established' },
        ],
      })),
      ['sessions node2: Mesh: Established'],
    ],
    [
      'a route by another way',
      withHost('node5', ({ routes }) => ({
        routes: routes.map((route) => ({ ...route, nextHop: '10.210.1.10' })),
      })),
      ['routes node5: 10.233.70.0/24 via 10.210.1.10 dev eth0'],
    ],
    [
      'no route, and an endpoint without its interface',
      withHost('node2', () => ({ routes: [], interfaces: [] })),
      ['routes node2: no route', 'routes node2: no route', 'endpoints node2: no such interface'],
    ],
    [
      'an interface that belongs to nobody',
      withHost('node3', () => ({ interfaces: [{ name: 'cali9', up: true }] })),
      ['endpoints node3: belongs to no pod'],
    ],
    [
      'a probe without an answer',
      { ...perfect(), probes: [{ area: 'tcp', from: 'a', to: 'b', reached: false }] },
      ['tcp a: none'],
    ],
    [
      'an endpoint that is missing',
      { ...perfect(), endpoints: perfect().endpoints.slice(1) },
      ['endpoints node2: no endpoint'],
    ],
  ];
  for (const [name, seen, expected] of cases)
    test(name, () => expect(differences(seen)).toEqual([...expected]));
});
