/** The way of a packet through the cluster and back: routes, tunnels, translation, and the verdict at every hook. */
import { CalicoError } from '../errors.ts';
import { type HookStep, hostVerdict } from '../felix/evaluate/index.ts';
import { nftBody, policyRules } from '../felix/render/index.ts';
import { CidrTrie, parseAddress, parseCidr } from '../ip/index.ts';
import type { Packet, PolicyStep, RouteProgram } from '../policy/index.ts';
import type { Cluster, End } from './cluster.ts';
import { hintsOf } from './hints.ts';

/** What is asked. */
export interface Question {
  readonly source: End;
  readonly destination: End;
  readonly protocol: number;
  readonly port?: number;
  readonly icmp?: { readonly type: number; readonly code: number };
}

/** One host that the packet crosses. */
export interface Crossed {
  readonly host: string;
  readonly inInterface?: string;
  readonly outInterface?: string;
  readonly source: string;
  readonly destination: string;
  /** How it leaves the host. */
  readonly via?: string;
  /** The source address that it gets when it leaves. */
  readonly masqueradedTo?: string;
  readonly verdict: 'accept' | 'drop' | 'reject';
  readonly trace: readonly ExplainedStep[];
}

/** A decision with the rules as they stand in the kernel. */
export interface ExplainedStep extends Omit<HookStep, 'steps'> {
  readonly steps: readonly (PolicyStep & { readonly rendered?: readonly string[] })[];
}

/** The answer. */
export interface Explanation {
  readonly verdict: 'allow' | 'drop' | 'reject';
  readonly packet: Packet;
  readonly path: readonly Crossed[];
  /** Crossings of the answer; absent when the packet did not arrive. */
  readonly answer?: readonly Crossed[];
  readonly hints: readonly string[];
}

/** Explains. @throws CalicoError INPUT when the ends share no IP version */
export function explain(cluster: Cluster, question: Question): Explanation {
  const packet = packetOf(question);
  const path: Crossed[] = [];
  const untracked: boolean[] = [];
  let current = packet;
  let verdict: Crossed['verdict'] = 'accept';
  for (const leg of legsOf(cluster, question, packet)) {
    const host = cluster.host(leg.host);
    const outcome = hostVerdict(host, {
      packet: current,
      ...(leg.inInterface === undefined ? {} : { inInterface: leg.inInterface }),
      ...(leg.outInterface === undefined ? {} : { outInterface: leg.outInterface }),
      state: 'new',
    });
    const leaves = leg.via !== undefined;
    const masquerades =
      leaves && leg.inInterface !== undefined && host.masquerades(current.source, current.destination);
    const own = cluster.graph(leg.host).entries('host').get(leg.host);
    const address = current.version === 4 ? own?.ipv4 : own?.ipv6;
    path.push({
      ...leg,
      source: current.source,
      destination: current.destination,
      ...(masquerades && address !== undefined ? { masqueradedTo: address } : {}),
      verdict: outcome.verdict,
      trace: withRules(cluster, leg.host, outcome.trace, packet.version),
    });
    untracked.push(outcome.untracked);
    verdict = outcome.verdict;
    if (verdict !== 'accept') break;
    if (masquerades && address !== undefined) current = { ...current, source: address };
  }
  const answer = verdict === 'accept' ? answerPath(cluster, path, untracked, packet) : undefined;
  const failed = answer?.find((one) => one.verdict !== 'accept')?.verdict;
  const final = failed ?? verdict;
  return {
    verdict: final === 'accept' ? 'allow' : final,
    packet,
    path,
    ...(answer ? { answer } : {}),
    hints: hintsOf(cluster, path, answer ?? [], question),
  };
}

function packetOf({ source, destination, protocol, port, icmp }: Question): Packet {
  for (const from of source.addresses) {
    const to = destination.addresses.find((one) => one.includes(':') === from.includes(':'));
    if (to === undefined) continue;
    const version = from.includes(':') ? 6 : 4;
    return {
      version,
      source: from,
      destination: to,
      protocol: protocol === 1 && version === 6 ? 58 : protocol,
      ...(port === undefined ? {} : { destinationPort: port, sourcePort: 49_152 }),
      ...(icmp ? { icmpType: version === 6 && icmp.type === 8 ? 128 : icmp.type, icmpCode: icmp.code } : {}),
    };
  }
  throw new CalicoError('INPUT', 'source and destination have no IP version in common');
}

type Leg = Pick<Crossed, 'host' | 'inInterface' | 'outInterface' | 'via'>;

function legsOf(cluster: Cluster, { source, destination }: Question, packet: Packet): readonly Leg[] {
  const legs: Leg[] = [];
  const sameHost =
    source.at !== 'outside' && destination.at !== 'outside' && source.host === destination.host;
  let arrivesBy: string | undefined;
  if (source.at !== 'outside') {
    const inInterface = source.at === 'pod' ? source.interfaceName : undefined;
    const came = inInterface === undefined ? {} : { inInterface };
    if (sameHost && destination.at === 'pod') {
      return [{ host: source.host, ...came, outInterface: destination.interfaceName }];
    }
    if (sameHost) {
      if (inInterface !== undefined) return [{ host: source.host, inInterface }];
      return [
        { host: source.host, outInterface: 'lo' },
        { host: source.host, inInterface: 'lo' },
      ];
    }
    const { device, via } = wayOut(cluster, source.host, packet.destination);
    legs.push({ host: source.host, ...came, outInterface: device, via });
    arrivesBy = device;
  }
  if (destination.at !== 'outside') {
    const tunnelled = arrivesBy === 'tunl0' || arrivesBy?.startsWith('vxlan') === true;
    const inInterface = tunnelled && arrivesBy !== undefined ? arrivesBy : cluster.uplink(destination.host);
    legs.push({
      host: destination.host,
      inInterface,
      ...(destination.at === 'pod' ? { outInterface: destination.interfaceName } : {}),
    });
  }
  return legs;
}

/** The route that the host has towards an address. */
function wayOut(
  cluster: Cluster,
  host: string,
  address: string,
): { readonly device: string; readonly via: string } {
  const routes = new CidrTrie<RouteProgram>();
  for (const [dst, route] of cluster.graph(host).entries('route')) routes.set(parseCidr(dst), route);
  const route = routes.lookup(parseAddress(address))?.value;
  const uplink = cluster.uplink(host);
  const remote = route?.types.includes('remote-workload') || route?.types.includes('remote-tunnel');
  const next = route?.nodeAddress ?? route?.node ?? 'the default router';
  if (!route || !remote || route.pool === 'no-encap' || route.pool === 'none') {
    return { device: uplink, via: remote ? `${uplink} to ${next}` : `${uplink} (route of the host)` };
  }
  if (route.sameSubnet)
    return { device: uplink, via: `${uplink} to ${next} (same subnet, not encapsulated)` };
  if (route.pool === 'ipip') return { device: 'tunl0', via: `IPIP tunnel to ${next}` };
  const device = address.includes(':') ? 'vxlan-v6.calico' : 'vxlan.calico';
  return { device, via: `VXLAN tunnel to ${next}` };
}

function answerPath(
  cluster: Cluster,
  path: readonly Crossed[],
  untracked: readonly boolean[],
  packet: Packet,
): readonly Crossed[] {
  const crossed: Crossed[] = [];
  for (let i = path.length - 1; i >= 0; i--) {
    const { host, inInterface, outInterface, source, destination } = path[i]!;
    const reply: Packet = {
      ...packet,
      source: destination,
      destination: source,
      ...(packet.destinationPort === undefined
        ? {}
        : { sourcePort: packet.destinationPort, destinationPort: packet.sourcePort ?? 49_152 }),
      ...(packet.icmpType === 8 ? { icmpType: 0 } : packet.icmpType === 128 ? { icmpType: 129 } : {}),
    };
    // An answer to what was not tracked begins nothing that connection tracking would take.
    const state = untracked[i]
      ? [1, 6, 58, 132].includes(packet.protocol)
        ? 'invalid'
        : 'new'
      : 'established';
    const outcome = hostVerdict(cluster.host(host), {
      packet: reply,
      ...(outInterface === undefined ? {} : { inInterface: outInterface }),
      ...(inInterface === undefined ? {} : { outInterface: inInterface }),
      state,
    });
    crossed.push({
      host,
      ...(outInterface === undefined ? {} : { inInterface: outInterface }),
      ...(inInterface === undefined ? {} : { outInterface: inInterface }),
      source: reply.source,
      destination: reply.destination,
      verdict: outcome.verdict,
      trace: withRules(cluster, host, outcome.trace, packet.version),
    });
    if (outcome.verdict !== 'accept') break;
  }
  return crossed;
}

/** Adds the kernel's text to each rule that matched. */
function withRules(
  cluster: Cluster,
  host: string,
  trace: readonly HookStep[],
  version: 4 | 6,
): readonly ExplainedStep[] {
  const program = cluster.graph(host);
  const { settings } = cluster.host(host);
  return trace.map((step) => ({
    ...step,
    steps: step.steps.map((one) => {
      const policy = one.policy === undefined ? undefined : program.entries('policy').get(one.policy);
      const profile = one.profile === undefined ? undefined : program.entries('profile').get(one.profile);
      const owner = policy ?? profile;
      if (one.rule === undefined || !owner) return one;
      const list = step.direction === 'ingress' ? owner.inbound : owner.outbound;
      const table = step.hook === 'raw' ? 'raw' : step.hook === 'mangle' ? 'mangle' : 'filter';
      const rules = policyRules(
        list.filter((rule) => rule.origin.index === one.rule),
        {
          settings,
          version,
          table,
          owner: policy
            ? { tier: policy.tier, ...policy.id }
            : { tier: 'default', kind: 'Profile', name: one.profile ?? '' },
        },
      );
      return { ...one, rendered: nftBody(rules, table, version).lines };
    }),
  }));
}
