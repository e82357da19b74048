/** Verdicts of both networks, pair by pair. Pure. */
import { cidrContains, parseAddress, tryParseCidr } from '../../ip/index.ts';
import { outsideOf, packetOf, probesOf } from './probes.ts';
import type { Deviation } from './rehearse.ts';
import type { V2Endpoint, V2Network } from './v2-network.ts';
import { netsOf, sidesOf } from './v2-rule.ts';
import type { V3Endpoint, V3Network } from './v3-network.ts';

interface Pair {
  readonly v2: V2Endpoint;
  readonly v3: V3Endpoint;
}

/** Compares what every pair of endpoints, and every endpoint and the outside, may do. */
export function compareVerdicts(
  v2: V2Network,
  v3: V3Network,
): { readonly deviations: readonly Deviation[]; readonly endpoints: number; readonly count: number } {
  const deviations = new Map<string, Deviation>();
  const note = (key: string, deviation: Omit<Deviation, 'more'>) => {
    const known = deviations.get(key);
    deviations.set(key, known ? { ...known, more: known.more + 1 } : { ...deviation, more: 0 });
  };
  const pairs: Pair[] = [];
  const byAddress = new Map(
    v3.endpoints.flatMap((one) => one.addresses.map((address) => [address, one] as const)),
  );
  for (const endpoint of v2.endpoints) {
    if (endpoint.kind !== 'workload' || endpoint.key.includes('/workload/openstack/')) continue;
    const address = endpoint.addresses[0];
    if (address === undefined) continue;
    const other = byAddress.get(address);
    if (other) pairs.push({ v2: endpoint, v3: other });
    else
      note(endpoint.key, {
        about: 'endpoint',
        text: `${address} has no endpoint in v3`,
        because: [endpoint.key],
      });
  }

  const probes = probesOf(v2);
  const outside = outsideOf(v2);
  const chosen = representatives(v2, pairs);
  let count = 0;
  const compare = (pair: Pair, direction: 'ingress' | 'egress', peer: string) => {
    const own = pair.v2.addresses.find((one) => one.includes(':') === peer.includes(':'));
    if (own === undefined) return;
    for (const probe of probes) {
      const packet = direction === 'ingress' ? packetOf(probe, peer, own) : packetOf(probe, own, peer);
      const before = v2.verdict(pair.v2, direction, packet);
      const after = v3.verdict(pair.v3, direction, packet);
      count++;
      if (before.allowed === after.allowed) continue;
      const what =
        probe.icmpType === undefined
          ? `protocol ${probe.protocol} port ${probe.destinationPort}`
          : `ICMP type ${probe.icmpType}`;
      note(`${direction} ${before.by} ${after.by}`, {
        about: 'policy',
        text: `${direction} of ${pair.v2.key} (${pair.v3.name}): ${packet.source} → ${packet.destination}, ${what}: v2 ${word(before.allowed)} by ${before.by}; v3 ${word(after.allowed)} by ${after.by}`,
        because: [before.by],
      });
    }
  };
  for (const pair of chosen) {
    const peers = [...chosen.filter((one) => one !== pair).flatMap((one) => one.v2.addresses), ...outside];
    for (const peer of peers) {
      compare(pair, 'ingress', peer);
      compare(pair, 'egress', peer);
    }
  }
  return { deviations: [...deviations.values()], endpoints: pairs.length, count };
}

function word(allowed: boolean): string {
  return allowed ? 'allows' : 'denies';
}

/** Two endpoints of each class: those of a class look alike to every rule of both models. */
function representatives(v2: V2Network, pairs: readonly Pair[]): readonly Pair[] {
  const nets = [...v2.rules()].flatMap((rule) =>
    sidesOf(rule).flatMap(({ side }) => netsOf(side).flatMap((net) => tryParseCidr(net) ?? [])),
  );
  const netsAround = (text: string) => {
    const address = parseAddress(text);
    return nets.flatMap((net, index) => (cidrContains(net, address) ? [index] : []));
  };
  const classes = new Map<string, Pair[]>();
  for (const pair of pairs) {
    const { v2: a, v3: b } = pair;
    const signature = JSON.stringify([
      sorted(a.labels),
      [...a.tags].sort(),
      a.profiles,
      a.ports,
      a.addresses.map(netsAround),
      sorted(b.resource.metadata.labels ?? {}),
      b.resource.metadata.namespace,
      b.resource.spec['profiles'],
    ]);
    classes.set(signature, [...(classes.get(signature) ?? []), pair]);
  }
  return [...classes.values()].flatMap((members) => members.slice(0, 2));
}

function sorted(labels: Readonly<Record<string, string>>): readonly (readonly [string, string])[] {
  return Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
}
