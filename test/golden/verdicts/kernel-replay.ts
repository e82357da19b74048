/** Programs the recorded topology's hosts with our dataplanes, sends the recorded packets, and reports what came of them. */
import { execFileSync } from 'node:child_process';
import type { DriftReport, RuleDataplane } from '../../../src/felix/dataplane.ts';
import { createIptablesDataplane } from '../../../src/felix/iptables/index.ts';
import { createNftDataplane } from '../../../src/felix/nft/index.ts';
import { type Packet, PolicyGraph, protocolNumber } from '../../../src/policy/index.ts';
import type { Resource } from '../../../src/resources/resource.ts';
import { put, remove, settingsOf } from '../../support/program.ts';
import type { FramePort, HostPort, Probe, Sighting } from '../../support/wire.ts';
import { buildTopology, type KernelTopology } from './kernel-topology.ts';
import { type RecordedCase, type RecordedPacket, storedResources, type Verdict } from './recording.ts';
import { hostInterfaces, type Machine, machines, pods, stranger } from './topology.ts';
import { addressOf, sourceOf } from './walk.ts';

type Host = 'host1' | 'host2';

/** One agent's worth of program and dataplane, kept from case to case so that changes are incremental. */
interface Agent {
  readonly graph: PolicyGraph;
  readonly plane: RuleDataplane;
}

/** What became of a probe. */
export interface Observed {
  readonly verdict: Verdict;
  readonly arrivedFrom: string | undefined;
}

/** See the file's comment. */
export class KernelReplay {
  readonly topology: KernelTopology = buildTopology();
  readonly #dataplane: 'nft' | 'iptables';
  #agents: Readonly<Record<Host, Agent>> | undefined;
  #environment = '';
  #resources: readonly Resource[] = [];
  #token = 1;
  #port = 20_000;

  readonly #variant: 'legacy' | 'nft';

  constructor(dataplane: 'nft' | 'iptables', variant: 'legacy' | 'nft' = 'legacy') {
    this.#dataplane = dataplane;
    this.#variant = variant;
  }

  /** Brings both hosts to a state; settings other than before make new agents over the rules of the old ones. */
  async program(
    resources: readonly Resource[],
    environment: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    const key = JSON.stringify(environment);
    if (!this.#agents || key !== this.#environment) {
      for (const agent of Object.values(this.#agents ?? {})) agent.plane.close();
      this.#agents = { host1: this.#agent('host1', environment), host2: this.#agent('host2', environment) };
      this.#environment = key;
      this.#resources = [];
    }
    const keyOf = ({ kind, metadata }: Resource) => `${kind}/${metadata.namespace ?? ''}/${metadata.name}`;
    const before = new Map(this.#resources.map((one) => [keyOf(one), one]));
    const after = new Map(resources.map((one) => [keyOf(one), one]));
    const updates = [
      ...[...after].filter(([name, one]) => before.get(name) !== one).map(([, one]) => put(one)),
      ...[...before].filter(([name]) => !after.has(name)).map(([, one]) => remove(one)),
    ];
    const first = this.#resources.length === 0;
    this.#resources = resources;
    for (const host of ['host1', 'host2'] as const) {
      const { graph, plane } = this.#agents[host];
      graph.onUpdates(updates);
      const program = graph.flush();
      await plane.apply({
        updates: program,
        ...(first
          ? { interfaces: hostInterfaces(host), encapsulation: { ipip: false, vxlan: false, vxlanV6: false } }
          : {}),
      });
    }
  }

  /** Sends all packets and waits for what they lead to. Connections of before are forgotten unless they are to be kept. */
  async send(
    packets: readonly RecordedPacket[],
    connections: 'forget' | 'keep' = 'forget',
  ): Promise<readonly Observed[]> {
    if (connections === 'forget') this.#forget();
    const probes = packets.map((packet) => this.#probe(packet));
    packets.forEach((packet, i) => {
      this.#sendFrom(packet, probes[i]!);
    });
    return this.#observe(packets, probes);
  }

  /** Runs the set-up commands of a case. */
  run(commands: readonly (readonly [string, string])[] | undefined): void {
    for (const [namespace, command] of commands ?? []) {
      execFileSync('ip', ['netns', 'exec', this.topology.namespaceName(namespace), 'sh', '-c', command], {
        stdio: 'pipe',
      });
    }
  }

  /** What a command in a namespace prints. */
  output(namespace: string, command: string): string {
    return execFileSync(
      'ip',
      ['netns', 'exec', this.topology.namespaceName(namespace), 'sh', '-c', command],
      {
        encoding: 'utf8',
      },
    );
  }

  /** New agents without memory, over the rules of the old ones: what a restart is. */
  async restart(): Promise<void> {
    const resources = this.#resources;
    const environment = JSON.parse(this.#environment) as Readonly<Record<string, string>>;
    this.#environment = '';
    await this.program(resources, environment);
  }

  /** Compares both hosts with what they should be, repairs them, and says what it was. */
  async resync(): Promise<Readonly<Record<Host, DriftReport>>> {
    const { host1, host2 } = this.#agents!;
    return { host1: await host1.plane.resync(), host2: await host2.plane.resync() };
  }

  close(): void {
    for (const agent of Object.values(this.#agents ?? {})) agent.plane.close();
    this.topology.close();
  }

  #agent(host: Host, environment: Readonly<Record<string, string>>): Agent {
    const graph = new PolicyGraph({ hostname: host });
    graph.onStatus('in-sync');
    const namespace = this.topology.hosts[host];
    const plane =
      this.#dataplane === 'nft'
        ? createNftDataplane({ settings: settingsOf(environment, 'nftables'), namespace })
        : createIptablesDataplane({
            settings: settingsOf(environment, 'iptables'),
            namespace,
            variant: this.#variant,
          });
    return { graph, plane };
  }

  #forget(): void {
    for (const host of ['host1', 'host2']) {
      execFileSync('ip', ['netns', 'exec', this.topology.namespaceName(host), 'conntrack', '-F'], {
        stdio: 'pipe',
      });
    }
  }

  #probe(recorded: RecordedPacket): Probe {
    const v = recorded.v === 4 ? 0 : 1;
    const destination = addressOf(recorded.to, v);
    const packet: Packet = {
      version: recorded.v,
      source:
        recorded.spoof === undefined ? sourceOf(recorded.from, destination, v) : addressOf(recorded.spoof, v),
      destination,
      protocol: protocolNumber(recorded.proto)!,
      ...(recorded.dport === undefined
        ? {}
        : { destinationPort: recorded.dport, sourcePort: recorded.sport ?? this.#port++ }),
      ...(recorded.type === undefined ? {} : { icmpType: recorded.type, icmpCode: recorded.code ?? 0 }),
    };
    if (this.#port > 32_000) this.#port = 20_000;
    return { packet, token: this.#token++ & 0xffffff };
  }

  #sendFrom(recorded: RecordedPacket, probe: Probe): void {
    const from = recorded.from.split(':')[0]!;
    const pod = this.topology.pods.get(from);
    if (pod) pod.send(probe);
    else if (from === 'ext') {
      const { destination } = probe.packet;
      const bridge = destination.startsWith('10.210.2.') || destination.startsWith('fd10:210:2:') ? 1 : 0;
      this.topology.ext[bridge].send(probe, this.topology.mac(hostOf(destination), bridge));
    } else this.topology.hostPorts[from as Host].send(probe);
  }

  async #observe(packets: readonly RecordedPacket[], probes: readonly Probe[]): Promise<readonly Observed[]> {
    const byToken = new Map(probes.map((probe, i) => [probe.token, i]));
    const arrived: (string | undefined)[] = probes.map(() => undefined);
    const answered: boolean[] = probes.map(() => false);
    const errors: (string | undefined)[] = probes.map(() => undefined);
    for (let quiet = 0; quiet < 3; ) {
      await new Promise((resolve) => setTimeout(resolve, 8));
      let news = false;
      for (const [name, port] of this.#ports()) {
        for (const sighting of port.sightings()) {
          const i = byToken.get(sighting.token);
          if (i === undefined) continue;
          news = true;
          const { from, to } = packets[i]!;
          if (sighting.kind === 'probe') {
            // A pod sees nothing but what is for it, if only after somebody's translation.
            const here = to.split(':')[0] === name || this.topology.pods.has(name);
            if (here && from !== name) arrived[i] ??= sighting.source;
          } else if (from.split(':')[0] === name) {
            // An answer of somebody else is none; raw IPv6 sockets do not show who it is.
            const { destination, version } = probes[i]!.packet;
            const stranger = version === 4 && sighting.source !== destination;
            if (sighting.kind === 'answer') answered[i] ||= !stranger;
            else errors[i] ??= sighting.error;
          }
        }
      }
      quiet = news ? 0 : quiet + 1;
    }
    return packets.map((packet, i) => ({
      verdict: verdictOf(packet, arrived[i] !== undefined, answered[i]!, errors[i]),
      arrivedFrom: arrived[i] === '' ? undefined : arrived[i],
    }));
  }

  *#ports(): Generator<readonly [string, { sightings(): Generator<Sighting> }]> {
    yield* this.topology.pods as ReadonlyMap<string, FramePort>;
    yield ['ext', this.topology.ext[0]];
    yield ['ext', this.topology.ext[1]];
    yield* Object.entries(this.topology.hostPorts) as [string, HostPort][];
  }
}

/** Nobody serves anything: a refusal by the receiver itself is an answer. */
function verdictOf(
  { proto, type, spoof, oneWay, to, v }: RecordedPacket,
  arrived: boolean,
  answered: boolean,
  error: string | undefined,
): Verdict {
  const protocol = protocolNumber(proto)!;
  if (!arrived) {
    if (error === undefined || (v === 6 && protocol === 6)) return 'drop';
    if (error.startsWith('11/') || error === '3/1' || error === '3/0' || error === '1/0' || error === '1/3') {
      return 'unreachable';
    }
    return 'reject';
  }
  const oneOfMany = type !== undefined && type !== 8 && type !== 128;
  if (spoof !== undefined || oneWay === true || oneOfMany) return 'allow';
  // A raw socket of the host takes what is not TCP or UDP, and PIM is taken by the kernel: nobody refuses it.
  if ((![1, 6, 17, 58].includes(protocol) && to.startsWith('host')) || protocol === 103) return 'allow';
  return answered || error !== undefined ? 'allow' : 'drop';
}

function hostOf(address: string): Host {
  const pod = [...pods, stranger].find(({ v4, v6 }) => v4 === address || v6 === address);
  if (pod) return pod.host;
  const isHost2 = (['eth0', 'eth1'] as const).some((name) =>
    (machines['host2' as Machine][name] as readonly string[]).includes(address),
  );
  return isHost2 ? 'host2' : 'host1';
}

/** The state of a case. */
export async function replayCase(replay: KernelReplay, recorded: RecordedCase): Promise<readonly Observed[]> {
  await replay.program(storedResources(recorded.resources, recorded.afterApply), recorded.felixEnv);
  replay.run(recorded.setup);
  try {
    return await replay.send(recorded.packets ?? []);
  } finally {
    replay.run(recorded.teardown);
  }
}

/** What cannot be asked of this replay: connections of before, routes that an agent would take away, a pod and itself. */
export function isReplayable(packet: RecordedPacket, id: string): boolean {
  const { conn, from, to, result } = packet;
  if (conn !== 'new' || from === to || packet.vxlanInner) return false;
  if (result.nft === 'unreachable' || result.iptables === 'unreachable') return false;
  // Nobody serves UDP here, and the refusal is an ICMP error, which is let through as related.
  return !(id.startsWith('dnt-') && packet.proto === 'udp' && to.startsWith('host'));
}
