/** Takes a recorded packet through the topology, asking the evaluator at every host it crosses. */
import { type Crossing, HostModel, hostVerdict } from '../../../src/felix/evaluate/index.ts';
import { type ConnectionState, type Packet, protocolNumber } from '../../../src/policy/index.ts';
import { graphOf, settingsOf } from '../../support/program.ts';
import { type RecordedCase, type RecordedPacket, storedResources, type Verdict } from './recording.ts';
import { hostInterfaces, type Machine, machines, type Pod, pods, stranger } from './topology.ts';

/** A case as the evaluator sees it. */
export interface World {
  readonly hosts: Readonly<Record<'host1' | 'host2', HostModel>>;
  readonly foreign: readonly ForeignRule[];
  /** The set-up routes the address of the pod without endpoint to its interface. */
  readonly strangerRouted: boolean;
  readonly dataplane: 'nft' | 'iptables';
}

/** Rules of others that a case's set-up makes. */
interface ForeignRule {
  readonly host: string;
  readonly does: 'input-drop' | 'forward-drop' | 'dnat';
  readonly port: number;
  readonly to?: { readonly address: string; readonly port: number };
  readonly destination?: string;
}

/** Builds the world of a case. */
export function worldOf(recorded: RecordedCase, dataplane: World['dataplane']): World {
  const resources = storedResources(recorded.resources, recorded.afterApply);
  const settings = settingsOf(recorded.felixEnv, dataplane === 'nft' ? 'nftables' : 'iptables');
  const vxlan = recorded.felixEnv?.['FELIX_VXLANENABLED'] === 'true';
  const model = (name: 'host1' | 'host2') => {
    const program = graphOf(name, resources);
    program.flush();
    const address = program.entries('vtep').get(name)?.ipv4?.tunnelAddress;
    return new HostModel({
      name,
      program,
      settings,
      interfaces: hostInterfaces(name, vxlan ? (address ?? '10.233.66.1') : undefined),
      encapsulation: { ipip: false, vxlan, vxlanV6: vxlan },
    });
  };
  return {
    hosts: { host1: model('host1'), host2: model('host2') },
    strangerRouted: (recorded.setup ?? []).some(([, command]) => command.includes('dev caliwx')),
    foreign: (recorded.setup ?? []).flatMap(([host, command]) => foreignRules(host, command)),
    dataplane,
  };
}

function foreignRules(host: string, command: string): readonly ForeignRule[] {
  const rules: ForeignRule[] = [];
  for (const [, port] of command.matchAll(/hosttest in tcp dport (\d+) drop/g)) {
    rules.push({ host, does: 'input-drop', port: Number(port) });
  }
  for (const [, port] of command.matchAll(/-A FORWARD -p tcp --dport (\d+) -j DROP/g)) {
    rules.push({ host, does: 'forward-drop', port: Number(port) });
  }
  if (/-P FORWARD DROP/.test(command)) rules.push({ host, does: 'forward-drop', port: 0 });
  const dnat = /ip daddr (\S+) tcp dport (\d+) dnat to (\d+\.\d+\.\d+\.\d+):(\d+)/g;
  for (const [, destination = '', port, address = '', toPort] of command.matchAll(dnat)) {
    const to = { address, port: Number(toPort) };
    rules.push({ host, does: 'dnat', port: Number(port), destination, to });
  }
  return rules;
}

interface Passed {
  readonly host: HostModel;
  readonly crossing: Crossing;
  readonly untracked: boolean;
}

/** What the evaluator says becomes of the packet; `seen` is the source address that arrives. */
export function walk(
  world: World,
  recorded: RecordedPacket,
): { readonly verdict: Verdict; readonly seen: string } {
  const v = recorded.v === 4 ? 0 : 1;
  const destination = addressOf(recorded.to, v);
  const packet: Packet = {
    version: recorded.v,
    source:
      recorded.spoof === undefined ? sourceOf(recorded.from, destination, v) : addressOf(recorded.spoof, v),
    destination,
    protocol: recorded.proto === 'icmpv6' ? 58 : protocolNumber(recorded.proto)!,
    ...(recorded.dport === undefined
      ? {}
      : { destinationPort: recorded.dport, sourcePort: recorded.sport ?? 40_000 }),
    ...(recorded.type === undefined ? {} : { icmpType: recorded.type, icmpCode: recorded.code ?? 0 }),
  };
  const state = firstState(packet, recorded);
  const there = travel(world, recorded.from, packet, state);
  if (there.verdict !== 'allow') {
    // TCP over IPv6 does not give up on an ICMP error: the sender sees nothing.
    const silent = there.verdict === 'reject' && packet.version === 6 && packet.protocol === 6;
    return { verdict: silent ? 'drop' : there.verdict, seen: packet.source };
  }
  const seen = there.packet.source;
  if (recorded.vxlanInner) {
    const [from, to] = recorded.vxlanInner;
    return { verdict: decapsulated(world, recorded.to, from, to), seen };
  }
  const answered = recorded.type === undefined || recorded.type === 8 || recorded.type === 128;
  // The answer does not come by the host that translated, so that it seems to be of somebody else.
  const last = there.passed.at(-1);
  if (there.passed.some(({ crossing, host }) => crossing.translated && host !== last?.host)) {
    return { verdict: 'drop', seen };
  }
  const oneWay = recorded.spoof !== undefined || recorded.oneWay === true || !answered;
  if (oneWay) return { verdict: 'allow', seen };
  for (const passed of [...there.passed].reverse()) {
    const verdict = answer(passed);
    if (verdict !== 'accept') return { verdict: verdict === 'drop' ? 'drop' : 'reject', seen };
  }
  return { verdict: 'allow', seen };
}

function decapsulated(world: World, to: string, innerFrom: string, innerTo: string): Verdict {
  const host = world.hosts[to.split(':')[0] as 'host1' | 'host2'];
  const packet: Packet = {
    version: 4,
    source: addressOf(innerFrom, 0),
    destination: addressOf(innerTo, 0),
    protocol: 17,
    sourcePort: 40_000,
    destinationPort: 8055,
  };
  const { verdict } = hostVerdict(host, {
    packet,
    inInterface: 'vxlan.calico',
    outInterface: `cali${innerTo}`,
    state: 'new',
  });
  return verdict === 'accept' ? 'allow' : verdict;
}

/** Follows the packet until it is delivered or ends. */
function travel(
  world: World,
  from: string,
  first: Packet,
  state: ConnectionState,
): { readonly verdict: Verdict; readonly packet: Packet; readonly passed: readonly Passed[] } {
  const passed: Passed[] = [];
  let packet = first;
  let at: Machine | undefined;
  let incoming: string | undefined;
  const sender = podNamed(from);
  if (sender) {
    at = sender.host;
    incoming = `cali${sender.name}`;
  } else at = from.split(':')[0] as Machine;
  for (let hops = 0; hops < 6; hops++) {
    if (at === 'ext') {
      if (ownerOf(packet.destination) === 'ext') return { verdict: 'allow', packet, passed };
      const next = hostTowards(packet.destination);
      if (!next || (hops > 0 && from !== 'ext')) return { verdict: 'unreachable', packet, passed };
      at = next;
      incoming = interfaceTowards(packet.destination);
      continue;
    }
    const host: HostModel = world.hosts[at as 'host1' | 'host2'];
    const translated: Packet | undefined =
      incoming === undefined ? undefined : translate(world, host.name, packet);
    const target: Packet = translated ?? packet;
    const local = host.isOwn(target.destination);
    const outgoing = local ? (incoming === undefined ? 'lo' : undefined) : outInterface(world, host, target);
    const crossing: Crossing = {
      packet,
      ...(translated ? { translated } : {}),
      ...(incoming === undefined ? {} : { inInterface: incoming }),
      ...(outgoing === undefined ? {} : { outInterface: outgoing }),
      state,
    };
    const { verdict, untracked } = hostVerdict(host, crossing);
    if (verdict !== 'accept') return { verdict, packet, passed };
    if (foreignDrop(world, host.name, target, outgoing !== undefined && incoming !== undefined, local)) {
      return { verdict: 'drop', packet, passed };
    }
    passed.push({ host, crossing, untracked });
    packet = target;
    if (outgoing === 'lo') {
      incoming = 'lo';
      continue;
    }
    if (outgoing === undefined) return { verdict: 'allow', packet, passed };
    const masqueraded = incoming !== undefined && host.masquerades(packet.source, packet.destination);
    if (outgoing.startsWith('cali')) return { verdict: 'allow', packet, passed };
    if (masqueraded) {
      const own = machines[host.name as Machine][outgoing as 'eth0' | 'eth1'];
      packet = { ...packet, source: own[packet.version === 4 ? 0 : 1] };
    }
    const next: Machine = ownerOf(packet.destination) ?? hostTowards(packet.destination) ?? 'ext';
    at = next === host.name ? 'ext' : next;
    incoming = outgoing;
    if (next === host.name) {
      // No route of its own: the default router sends it back, until its time to live ends.
      const oneWay = packet.protocol !== 6;
      return { verdict: oneWay ? 'drop' : 'unreachable', packet, passed };
    }
    if (at === 'ext' && ownerOf(packet.destination) === undefined) return { verdict: 'drop', packet, passed };
  }
  return { verdict: 'unreachable', packet, passed };
}

function answer({ host, crossing, untracked }: Passed): 'accept' | 'drop' | 'reject' {
  const original = crossing.translated ?? crossing.packet;
  const reply = reversed(original);
  const { inInterface, outInterface } = crossing;
  const state = untracked ? answerState(reply) : reply.protocol === 136 ? 'invalid' : 'established';
  return hostVerdict(host, {
    packet: reply,
    // What came over `lo` goes back over it, in both crossings.
    ...(outInterface === undefined ? {} : { inInterface: outInterface }),
    ...(inInterface === undefined ? {} : { outInterface: inInterface }),
    state,
  }).verdict;
}

function reversed(packet: Packet): Packet {
  return {
    ...packet,
    source: packet.destination,
    destination: packet.source,
    ...(packet.sourcePort === undefined ? {} : { destinationPort: packet.sourcePort }),
    ...(packet.destinationPort === undefined ? {} : { sourcePort: packet.destinationPort }),
    ...(packet.icmpType === undefined ? {} : { icmpType: packet.icmpType === 8 ? 0 : 129 }),
  };
}

/** What connection tracking makes of an answer whose request it did not see. */
function answerState({ protocol }: Packet): ConnectionState {
  return [1, 6, 58, 132].includes(protocol) ? 'invalid' : 'new';
}

function firstState(packet: Packet, recorded: RecordedPacket): ConnectionState {
  if (recorded.conn === 'established-before-policy') return 'established';
  if (packet.protocol === 136) return 'invalid';
  const type = packet.icmpType;
  if (packet.protocol === 1 && type !== undefined) return [8, 13, 15, 17].includes(type) ? 'new' : 'invalid';
  if (packet.protocol === 58 && type !== undefined) {
    if (type === 128) return 'new';
    return type >= 130 && type <= 137 ? 'untracked' : 'invalid';
  }
  return 'new';
}

function translate(world: World, host: string, packet: Packet): Packet | undefined {
  const rule = world.foreign.find(
    (one) =>
      one.does === 'dnat' &&
      one.host === host &&
      packet.protocol === 6 &&
      one.destination === packet.destination &&
      one.port === packet.destinationPort,
  );
  return rule?.to ? { ...packet, destination: rule.to.address, destinationPort: rule.to.port } : undefined;
}

/** A later rule of the host: it has a say of its own in nftables, none where ours accepted before in the same chain. */
function foreignDrop(
  world: World,
  host: string,
  packet: Packet,
  forwarded: boolean,
  local: boolean,
): boolean {
  return world.foreign.some((rule) => {
    if (rule.host !== host || packet.version !== 4) return false;
    if (rule.port !== 0 && (packet.protocol !== 6 || packet.destinationPort !== rule.port)) return false;
    if (rule.does === 'input-drop') return local;
    return rule.does === 'forward-drop' && forwarded && world.dataplane === 'nft';
  });
}

function outInterface(world: World, host: HostModel, packet: Packet): string {
  const workload = host.workloadWith(packet.destination);
  const name = workload?.interfaceName;
  if (name !== undefined && host.interfaces.some((one) => one.name === name)) return name;
  const toStranger = packet.destination === stranger.v4 || packet.destination === stranger.v6;
  if (toStranger && world.strangerRouted && host.name === stranger.host) return `cali${stranger.name}`;
  return interfaceTowards(packet.destination);
}

function interfaceTowards(address: string): 'eth0' | 'eth1' {
  return address.startsWith('10.210.2.') || address.startsWith('fd10:210:2:') ? 'eth1' : 'eth0';
}

function podNamed(name: string): Pod | undefined {
  return [...pods, stranger].find((one) => one.name === name);
}

function ownerOf(address: string): Machine | undefined {
  for (const name of ['host1', 'host2', 'ext'] as const) {
    const { eth0, eth1 } = machines[name];
    if ([...eth0, ...eth1].some((own) => own === address)) return name;
  }
  return undefined;
}

function hostTowards(address: string): 'host1' | 'host2' | undefined {
  const owner = ownerOf(address);
  if (owner === 'host1' || owner === 'host2') return owner;
  return [...pods, stranger].find((one) => one.v4 === address || one.v6 === address)?.host;
}

/** Address of a name of the topology. */
export function addressOf(name: string, v: number): string {
  if (name.includes('.') || name.includes('::')) return name;
  const known = podNamed(name);
  if (known) return v === 0 ? known.v4 : known.v6;
  const [machine, port = 'eth0'] = name.split(':') as [Machine, ('eth0' | 'eth1')?];
  return machines[machine][port][v as 0 | 1];
}

/** Source address that a sender takes for a destination. */
export function sourceOf(name: string, destination: string, v: number): string {
  const known = podNamed(name);
  if (known) return v === 0 ? known.v4 : known.v6;
  const machine = name.split(':')[0] as Machine;
  // The kernel takes a destination of its own as the source, too.
  const own = machines[machine];
  if ([...own.eth0, ...own.eth1].some((address) => address === destination)) return destination;
  return own[interfaceTowards(destination)][v as 0 | 1];
}
