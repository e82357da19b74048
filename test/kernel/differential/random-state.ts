/** Random policies, sets and host endpoints over the recorded topology, and random packets in it. */
import type { Resource } from '../../../src/resources/resource.ts';
import type { RecordedPacket } from '../../golden/verdicts/recording.ts';
import { resource } from '../../support/program.ts';
import type { Random } from '../../support/random.ts';

const selectors = [
  'all()',
  "app == 'web'",
  "app != 'web'",
  "app in {'db', 'client'}",
  "!(app in {'db', 'client'})",
  'has(role)',
  '!has(role)',
  "env starts with 'prod'",
  "env contains 'd'",
  "zone == 'x'",
  "pcns.colour == 'red'",
  "projectcalico.org/namespace == 'default'",
  "tier == 'front' || app == 'api'",
];
const nets4 = [
  '10.233.64.0/26',
  '10.233.64.64/26',
  '10.210.1.0/24',
  '10.233.64.1/32',
  '10.0.0.0/8',
  '0.0.0.0/0',
];
const nets6 = ['fd10:233:64::100/120', 'fd10:233:64::/64', 'fd10:210:1::/64', 'fd10:233:64::205/128', '::/0'];
const ports = [22, 53, 80, 443, 1000, 8055, 8056, 8080, 9090, '8000:8056', '1000:1035', 'http', 'dns'];
const numbers = ports.filter((port) => typeof port === 'number' || port.includes(':'));

/** A rule that calicoctl would take. */
function rule(random: Random, egress: boolean): object {
  const protocol = random.pick(['TCP', 'TCP', 'UDP', 'ICMP', 'SCTP', undefined, undefined, 'ICMPv6', 17]);
  const hasPorts = protocol === 'TCP' || protocol === 'UDP' || protocol === 'SCTP' || protocol === 17;
  const family = protocol === 'ICMP' ? 4 : protocol === 'ICMPv6' ? 6 : random.pick([4, 6]);
  const nets = family === 4 ? nets4 : nets6;
  const side = (named: boolean): object => ({
    ...(random.once(3) ? { selector: random.pick(selectors) } : {}),
    ...(random.once(6) ? { notSelector: random.pick(selectors) } : {}),
    ...(random.once(7)
      ? { namespaceSelector: random.pick(["colour == 'red'", 'all()', 'has(colour)', 'global()']) }
      : {}),
    ...(random.once(9)
      ? { serviceAccounts: random.pick([{ names: ['builder'] }, { selector: "trust == 'high'" }]) }
      : {}),
    ...(random.once(5) ? { nets: random.list(1 + random.below(3), () => random.pick(nets)) } : {}),
    ...(random.once(8)
      ? {
          notNets: random.list(1 + random.below(2), () =>
            random.pick(nets.filter((net) => !net.endsWith('/0'))),
          ),
        }
      : {}),
    ...(hasPorts && named && random.once(2)
      ? { ports: random.list(1 + random.below(4), () => random.pick(ports)) }
      : {}),
    ...(hasPorts && named && random.once(7)
      ? { notPorts: random.list(1 + random.below(2), () => random.pick(ports)) }
      : {}),
    ...(hasPorts && !named && random.once(12) ? { ports: [random.pick(numbers), '20000:26000'] } : {}),
  });
  const icmp = (protocol === 'ICMP' || protocol === 'ICMPv6') && random.once(2);
  const type = protocol === 'ICMP' ? random.pick([8, 13]) : 128;
  const kind = random.once(2) ? { type } : { type, code: random.pick([0, 0, 1]) };
  return {
    action: random.pick(['Allow', 'Allow', 'Deny', 'Pass', 'Log']),
    ...(protocol === undefined ? {} : { protocol }),
    ...(protocol === undefined && random.once(10) ? { notProtocol: random.pick(['TCP', 'UDP']) } : {}),
    ...(random.once(6) ? { ipVersion: family } : {}),
    ...(icmp ? (random.once(3) ? { notICMP: kind } : { icmp: kind }) : {}),
    source: side(false),
    destination: side(true),
    ...(egress ? {} : {}),
  };
}

/** Resources on top of the topology's base. */
export function randomState(random: Random): readonly Resource[] {
  const state: Resource[] = [];
  const tiers = random.pick([[], [], ['t0'], ['t0', 't1']]);
  for (const name of tiers) {
    state.push(
      resource('Tier', name, {
        order: random.pick([1, 5, 2_000_000]),
        defaultAction: random.pick(['Deny', 'Pass']),
      }),
    );
  }
  if (random.once(2)) {
    state.push(
      resource(
        'GlobalNetworkSet',
        'gs',
        { nets: [...random.list(2, () => random.pick(nets4)), random.pick(nets6)] },
        { labels: { zone: 'x' } },
      ),
    );
  }
  if (random.once(3)) {
    state.push(
      resource(
        'NetworkSet',
        'ls',
        { nets: random.list(3, () => random.pick(nets4)) },
        { namespace: 'red', labels: { zone: 'x', app: 'web' } },
      ),
    );
  }
  const withHosts = random.once(3);
  if (withHosts) {
    for (const node of ['host1', 'host2']) {
      state.push(
        resource(
          'HostEndpoint',
          `hep-${node}`,
          { node, interfaceName: random.pick(['eth0', '*']), profiles: random.pick([[], ['kns.default']]) },
          { labels: { host: 'yes', app: random.pick(['web', 'node']) } },
        ),
      );
    }
  }
  for (let i = 0; i < 1 + random.below(4); i++) {
    const types = random.pick([['Ingress'], ['Egress'], ['Ingress', 'Egress']]);
    const preDNAT = withHosts && random.once(8);
    const inward = types.includes('Ingress') || preDNAT;
    const spec = {
      selector: random.pick(withHosts && random.once(2) ? ["host == 'yes'"] : selectors),
      types: preDNAT ? ['Ingress'] : types,
      ...(random.once(4) ? {} : { order: random.pick([1, 2, 10, 10.5]) }),
      ...(tiers.length > 0 && random.once(2) ? { tier: random.pick(tiers) } : {}),
      ...(inward ? { ingress: random.list(1 + random.below(3), () => rule(random, false)) } : {}),
      ...(types.includes('Egress') && !preDNAT
        ? { egress: random.list(1 + random.below(3), () => rule(random, true)) }
        : {}),
    };
    const global = preDNAT || random.once(2);
    const forward = preDNAT || (withHosts && random.once(2));
    state.push(
      global
        ? resource('GlobalNetworkPolicy', `p${i}`, {
            ...spec,
            ...(forward ? { applyOnForward: true } : {}),
            ...(preDNAT ? { preDNAT } : {}),
          })
        : resource('NetworkPolicy', `p${i}`, spec, { namespace: random.pick(['default', 'red']) }),
    );
  }
  return state;
}

const ends = ['w1', 'w2', 'w3', 'w4', 'w5', 'w6', 'w7', 'w8', 'ext', 'host1', 'host2'];

/** A packet between two different ends. */
export function randomPacket(random: Random): RecordedPacket {
  const from = random.pick(ends);
  const to = random.pick(
    ends.filter((end) => end !== from && !(from.startsWith('host') && end === 'ext' && random.once(2))),
  );
  const v = random.pick([4, 4, 6] as const);
  const kind = random.pick(['tcp', 'tcp', 'tcp', 'udp', 'udp', 'icmp', 'sctp'] as const);
  const common = { from, to, v, conn: 'new' as const, result: {} };
  if (kind === 'icmp') {
    return v === 4
      ? { ...common, proto: 'icmp', type: random.pick([8, 8, 13]), code: 0 }
      : { ...common, proto: 'icmpv6', type: 128, code: 0 };
  }
  return {
    ...common,
    proto: kind,
    dport: random.pick([22, 53, 80, 443, 1000, 1001, 8055, 8056, 8080, 9000, 9090]),
    // Named, so that the evaluator knows it too.
    sport: 20_000 + random.below(12_000),
  };
}
