/**
 * What a host does to a packet, hook by hook, and which endpoint, policy and rule decided.
 *
 * Written from the semantics and not from the rules that are rendered, so that one can be held against the other. It
 * mirrors what netfilter makes observable: an accept ends a hook, the accept mark is kept from hook to hook.
 */
import { cidrContains, parseAddress, parseCidr } from '../../ip/index.ts';
import type {
  ConnectionState,
  HostEndpointProgram,
  Packet,
  PolicyList,
  PolicyStep,
} from '../../policy/index.ts';
import { policyVerdict } from '../../policy/index.ts';
import type { HostModel } from './host-model.ts';

/** How a packet crosses the host. */
export interface Crossing {
  /** As it arrived, or left the process. */
  readonly packet: Packet;
  /** After destination NAT by others; the packet itself when there was none. */
  readonly translated?: Packet;
  /** Absent for what the host itself sends. */
  readonly inInterface?: string;
  /** Absent for what is for the host itself. */
  readonly outInterface?: string;
  readonly state: ConnectionState;
}

/** One decision on the way. */
export interface HookStep {
  readonly hook: 'raw' | 'mangle' | 'input' | 'forward' | 'output' | 'postrouting';
  /** `workload caliw1`, `host endpoint eth0`, or what of the agent's own decided. */
  readonly by: string;
  readonly verdict: 'accept' | 'allow' | 'drop' | 'reject' | 'none';
  readonly direction?: 'ingress' | 'egress';
  readonly steps: readonly PolicyStep[];
}

/** The outcome for one host. */
export interface HostVerdict {
  readonly verdict: 'accept' | 'drop' | 'reject';
  /** An untracked policy allowed it, so that no connection exists. */
  readonly untracked: boolean;
  readonly trace: readonly HookStep[];
}

/** Evaluates a crossing. */
export function hostVerdict(host: HostModel, crossing: Crossing): HostVerdict {
  if (!host.polices(crossing.packet.version)) return { verdict: 'accept', untracked: false, trace: [] };
  return new Evaluation(host, crossing).run();
}

/** Thrown inside an evaluation when the packet ends. */
class Ended {
  readonly verdict: 'drop' | 'reject';
  constructor(verdict: 'drop' | 'reject') {
    this.verdict = verdict;
  }
}

/** What a chain did: ended the hook, marked the packet accepted, or neither. */
type ChainResult = 'ended' | 'allowed' | 'none';

class Evaluation {
  readonly #host: HostModel;
  readonly #crossing: Crossing;
  readonly #packet: Packet;
  readonly #trace: HookStep[] = [];
  #accepted = false;
  #untracked = false;

  constructor(host: HostModel, crossing: Crossing) {
    this.#host = host;
    this.#crossing = crossing;
    this.#packet = crossing.translated ?? crossing.packet;
  }

  run(): HostVerdict {
    const { inInterface, outInterface } = this.#crossing;
    try {
      if (inInterface !== undefined) {
        this.#rawPrerouting(inInterface);
        this.#manglePrerouting(inInterface);
        if (outInterface === undefined) this.#input(inInterface);
        else this.#forward(inInterface, outInterface);
      } else if (outInterface !== undefined) {
        this.#rawOutput(outInterface);
        this.#output(outInterface);
        this.#postrouting(outInterface);
      }
      return { verdict: 'accept', untracked: this.#untracked, trace: this.#trace };
    } catch (ended) {
      if (!(ended instanceof Ended)) throw ended;
      return { verdict: ended.verdict, untracked: this.#untracked, trace: this.#trace };
    }
  }

  get #state(): ConnectionState {
    return this.#untracked ? 'untracked' : this.#crossing.state;
  }

  #rawPrerouting(inInterface: string): void {
    if (this.#host.isWorkloadInterface(inInterface)) {
      if (!this.#sourceIsValid(inInterface))
        this.#end('raw', 'source address is not of the endpoint', 'drop');
      return;
    }
    this.#untrackedPolicy(inInterface, 'ingress');
  }

  #rawOutput(outInterface: string): void {
    this.#untrackedPolicy(outInterface, 'egress');
  }

  #untrackedPolicy(name: string, direction: 'ingress' | 'egress'): void {
    const endpoint = this.#host.hostEndpoints.byInterface.get(name);
    if (!endpoint) return;
    const list = this.#list(endpoint, 'untracked', direction);
    if (this.#chain('raw', `host endpoint ${endpoint.id}`, list, this.#crossing.packet) === 'allowed') {
      this.#accepted = true;
      this.#untracked = true;
    }
  }

  #manglePrerouting(inInterface: string): void {
    if (this.#established || this.#accepted) return;
    // No exception for workload interfaces: a `*` endpoint's preDNAT policy sees what pods send, too.
    const { byInterface, any } = this.#host.hostEndpoints;
    const endpoint = byInterface.get(inInterface) ?? (any?.preDnatTiers.length ? any : undefined);
    if (!endpoint) return;
    const list = this.#list(endpoint, 'pre-dnat', 'ingress');
    if (this.#chain('mangle', `host endpoint ${endpoint.id}`, list, this.#crossing.packet) === 'allowed') {
      this.#accepted = true;
    }
  }

  #input(inInterface: string): void {
    if (this.#tunnelInput()) return;
    if (this.#host.isWorkloadInterface(inInterface)) {
      this.#workloadToHost(inInterface);
      return;
    }
    if (this.#accepted) return;
    const endpoint = this.#endpointOf(inInterface);
    if (!endpoint) return;
    const list = this.#list(endpoint, 'normal', 'ingress');
    this.#chain('input', `host endpoint ${endpoint.id}`, list, this.#packet);
  }

  #workloadToHost(inInterface: string): void {
    const { version, protocol, icmpType } = this.#packet;
    const discovery = [130, 131, 132, 133, 135, 136];
    if (version === 6 && protocol === 58 && discovery.includes(icmpType ?? -1)) return;
    const result = this.#workloadChain('input', inInterface, 'egress');
    if (result === 'ended') return;
    const action = this.#host.settings.endpointToHost;
    if (action === 'drop') this.#end('input', 'DefaultEndpointToHostAction DROP', 'drop');
    this.#note('input', `DefaultEndpointToHostAction ${action.toUpperCase()}`, 'accept');
  }

  #forward(inInterface: string, outInterface: string): void {
    const forwarding = (name: string, direction: 'ingress' | 'egress'): boolean => {
      const endpoint = this.#endpointOf(name);
      if (!endpoint) return false;
      const list = this.#list(endpoint, 'forward', direction);
      const result = this.#chain('forward', `host endpoint ${endpoint.id}`, list, this.#packet);
      if (result === 'allowed') this.#accepted = true;
      return result === 'ended';
    };
    if (!this.#accepted && forwarding(inInterface, 'ingress')) return;
    if (this.#host.isWorkloadInterface(inInterface)) {
      if (this.#workloadChain('forward', inInterface, 'egress') === 'ended') return;
    }
    if (this.#host.isWorkloadInterface(outInterface)) {
      if (this.#workloadChain('forward', outInterface, 'ingress') === 'ended') return;
    } else if (forwarding(outInterface, 'egress')) return;
    this.#serviceLoop();
  }

  #output(outInterface: string): void {
    if (this.#accepted || this.#host.isWorkloadInterface(outInterface) || this.#tunnelOutput()) return;
    if (this.#crossing.translated) return;
    this.#hostEgress('output', outInterface);
  }

  /** What was translated locally has its final interface only here. */
  #postrouting(outInterface: string): void {
    if (this.#accepted || !this.#crossing.translated || this.#host.isWorkloadInterface(outInterface)) return;
    this.#hostEgress('postrouting', outInterface);
  }

  #hostEgress(hook: 'output' | 'postrouting', outInterface: string): void {
    const endpoint = this.#endpointOf(outInterface);
    if (!endpoint) return;
    const list = this.#list(endpoint, 'normal', 'egress');
    if (this.#chain(hook, `host endpoint ${endpoint.id}`, list, this.#packet) === 'allowed') {
      this.#accepted = true;
    }
  }

  #workloadChain(hook: 'input' | 'forward', name: string, direction: 'ingress' | 'egress'): ChainResult {
    const { settings } = this.#host;
    const workload = this.#host.workloadOn(name);
    if (!workload) return this.#end(hook, `unknown interface ${name}`, settings.filterDeny);
    const by = `workload ${name}`;
    if (workload.state !== 'active') return this.#end(hook, `${by} is down`, settings.filterDeny);
    const list: PolicyList = {
      type: 'normal',
      direction,
      tiers: workload.tiers,
      profiles: workload.profiles,
    };
    return this.#chain(hook, by, list, this.#packet, false);
  }

  #list(
    endpoint: HostEndpointProgram,
    type: PolicyList['type'],
    direction: 'ingress' | 'egress',
  ): PolicyList {
    const tiers = {
      normal: endpoint.tiers,
      untracked: endpoint.untrackedTiers,
      'pre-dnat': endpoint.preDnatTiers,
      forward: endpoint.forwardTiers,
    }[type];
    return { type, direction, tiers, profiles: endpoint.profiles };
  }

  /** Connection tracking, failsafes, policy and profiles of one endpoint at one hook. */
  #chain(hook: HookStep['hook'], by: string, list: PolicyList, packet: Packet, isHost = true): ChainResult {
    const { settings } = this.#host;
    const deny = hook === 'input' || hook === 'forward' || hook === 'output' ? settings.filterDeny : 'drop';
    if (list.type !== 'untracked') {
      if (this.#established) {
        this.#note(hook, 'established connection', 'accept');
        const allow =
          hook === 'mangle' || hook === 'postrouting' ? settings.mangleAllow : settings.filterAllow;
        return allow === 'accept' ? 'ended' : 'allowed';
      }
      if (this.#state === 'invalid' && settings.dropInvalid) {
        return this.#end(hook, 'packet of no connection', deny);
      }
    }
    if (isHost && list.type !== 'forward' && this.#failsafe(list.direction, packet, hook === 'raw')) {
      this.#note(hook, 'failsafe port', 'accept');
      return 'ended';
    }
    if (!isHost && list.direction === 'egress') {
      const vxlan = packet.protocol === 17 && packet.destinationPort === settings.vxlanPort;
      if (vxlan && !settings.allowVxlanFromWorkloads) return this.#end(hook, 'VXLAN from a workload', deny);
      if (packet.protocol === 4 && !settings.allowIpipFromWorkloads) {
        return this.#end(hook, 'IPIP from a workload', deny);
      }
    }
    const { verdict, steps } = policyVerdict(this.#host.program, this.#host.sets, list, packet);
    const shown = verdict === 'deny' ? deny : verdict;
    this.#trace.push({ hook, by, verdict: shown, direction: list.direction, steps });
    if (verdict === 'deny') throw new Ended(deny);
    return verdict === 'allow' ? 'allowed' : 'none';
  }

  get #established(): boolean {
    return this.#state === 'established' || this.#state === 'related';
  }

  #failsafe(direction: 'ingress' | 'egress', packet: Packet, raw: boolean): boolean {
    const { failsafeIn, failsafeOut } = this.#host.settings;
    const matches = (port: number | undefined, peer: string) => (one: (typeof failsafeIn)[number]) =>
      packet.protocol === (one.protocol === 'tcp' ? 6 : 17) &&
      port === one.port &&
      (one.net === undefined || cidrContains(parseCidr(one.net), parseAddress(peer)));
    const inward = direction === 'ingress';
    const peer = inward ? packet.source : packet.destination;
    const own = inward ? failsafeIn : failsafeOut;
    const other = inward ? failsafeOut : failsafeIn;
    return (
      own.some(matches(packet.destinationPort, peer)) || (raw && other.some(matches(packet.sourcePort, peer)))
    );
  }

  /** Strict reverse path: the way back to the source leads through the interface. */
  #sourceIsValid(inInterface: string): boolean {
    const { source } = this.#crossing.packet;
    const workload = this.#host.workloadOn(inInterface);
    const spoofed = workload?.allowSpoofedSourcePrefixes ?? [];
    if (spoofed.some((net) => cidrContains(parseCidr(net), parseAddress(source)))) return true;
    if (source.toLowerCase().startsWith('fe80:')) return true;
    const owner = this.#host.workloadWith(source);
    return owner !== undefined && owner === workload;
  }

  #tunnelInput(): boolean {
    const { settings, encapsulation, program } = this.#host;
    const { protocol, destinationPort, source, version } = this.#packet;
    if (protocol === 4 && version === 4 && encapsulation.ipip) {
      const known = [...program.entries('host').values()].some((host) => host.ipv4 === source);
      if (!known && !this.#isExternal(source))
        this.#end('input', 'IPIP from an unknown host', settings.filterDeny);
      this.#note('input', 'IPIP from a known host', 'accept');
      return true;
    }
    const vxlan = version === 4 ? encapsulation.vxlan : encapsulation.vxlanV6;
    if (protocol === 17 && destinationPort === settings.vxlanPort && vxlan) {
      if (!this.#isVtep(source)) this.#end('input', 'VXLAN from an unknown host', settings.filterDeny);
      this.#note('input', 'VXLAN from a known host', 'accept');
      return true;
    }
    return false;
  }

  #tunnelOutput(): boolean {
    const { settings, encapsulation, program } = this.#host;
    const { protocol, destinationPort, destination, version } = this.#packet;
    const ipip =
      protocol === 4 &&
      encapsulation.ipip &&
      [...program.entries('host').values()].some((host) => host.ipv4 === destination);
    const vxlanOn = version === 4 ? encapsulation.vxlan : encapsulation.vxlanV6;
    const vxlan =
      protocol === 17 && destinationPort === settings.vxlanPort && vxlanOn && this.#isVtep(destination);
    return ipip || vxlan;
  }

  #isVtep(address: string): boolean {
    const { program, interfaces } = this.#host;
    if (interfaces.some((one) => one.ipv4.includes(address) || one.ipv6.includes(address))) return false;
    return (
      this.#isExternal(address) ||
      [...program.entries('vtep').values()].some(
        (vtep) => vtep.ipv4?.parentAddress === address || vtep.ipv6?.parentAddress === address,
      )
    );
  }

  #isExternal(address: string): boolean {
    return this.#host.settings.externalNodes.some((net) =>
      cidrContains(parseCidr(net), parseAddress(address)),
    );
  }

  #serviceLoop(): void {
    const { settings, program } = this.#host;
    if (settings.serviceLoop === 'disabled') return;
    const destination = parseAddress(this.#packet.destination);
    const cidrs = program.entries('service-cidrs').get('default') ?? [];
    if (cidrs.some((cidr) => cidrContains(parseCidr(cidr), destination))) {
      this.#end('forward', 'service loop prevention', settings.serviceLoop);
    }
  }

  #endpointOf(name: string): HostEndpointProgram | undefined {
    const own = this.#host.hostEndpoints.byInterface.get(name);
    return own ?? this.#host.hostEndpoints.any;
  }

  #note(hook: HookStep['hook'], by: string, verdict: HookStep['verdict']): void {
    this.#trace.push({ hook, by, verdict, steps: [] });
  }

  #end(hook: HookStep['hook'], by: string, verdict: 'drop' | 'reject'): never {
    this.#note(hook, by, verdict);
    throw new Ended(verdict);
  }
}
