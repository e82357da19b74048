/** Whether a rule matches a packet: the meaning that both renderers must have. */
import { type Address, CidrTrie, cidrContains, parseAddress, parseCidr } from '../../ip/index.ts';
import { protocolName, protocolNumber } from '../model/protocol.ts';
import type { PortRange, ProgramRule, ProgramSource, RuleSide } from '../program.ts';
import { ruleForFamily } from '../rule-family.ts';
import type { Packet } from './packet.ts';

/** Looks members of IP sets up. Made for one state of the program: it indexes the sets that it is asked for. */
export class SetLookup {
  readonly #program: Pick<ProgramSource, 'entries'>;
  readonly #tries = new Map<string, CidrTrie<true>>();

  constructor(program: Pick<ProgramSource, 'entries'>) {
    this.#program = program;
  }

  /** The address is in the set, as a member or inside one. */
  hasAddress(id: string, address: Address): boolean {
    let trie = this.#tries.get(id);
    if (!trie) {
      trie = new CidrTrie();
      for (const member of this.#program.entries('ip-set').get(id)?.members ?? []) {
        trie.set(parseCidr(member), true);
      }
      this.#tries.set(id, trie);
    }
    return trie.lookup(address) !== undefined;
  }

  /** Address, protocol and port are in the set. */
  hasPort(id: string, address: string, protocol: number, port: number | undefined): boolean {
    if (port === undefined) return false;
    const member = `${address},${protocolName(protocol)}:${port}`;
    return this.#program.entries('ip-set').get(id)?.members.has(member) ?? false;
  }
}

/** Whether every condition of the rule holds. */
export function ruleMatches(rule: ProgramRule, packet: Packet, sets: SetLookup): boolean {
  const mine = ruleForFamily(rule, packet.version);
  if (!mine) return false;
  if (mine.protocol !== undefined && protocolNumber(mine.protocol) !== packet.protocol) return false;
  if (mine.notProtocol !== undefined && protocolNumber(mine.notProtocol) === packet.protocol) return false;
  if (mine.icmp && !icmpMatches(mine.icmp, packet)) return false;
  if (mine.notIcmp && (!isIcmp(packet) || icmpMatches(mine.notIcmp, packet))) return false;
  return (
    sideMatches(mine.source, packet.source, packet.sourcePort, packet, sets) &&
    sideMatches(mine.destination, packet.destination, packet.destinationPort, packet, sets)
  );
}

function isIcmp(packet: Packet): boolean {
  return packet.protocol === (packet.version === 4 ? 1 : 58);
}

function icmpMatches(icmp: { readonly type: number; readonly code?: number }, packet: Packet): boolean {
  if (!isIcmp(packet) || packet.icmpType !== icmp.type) return false;
  return icmp.code === undefined || packet.icmpCode === icmp.code;
}

function sideMatches(
  side: RuleSide,
  text: string,
  port: number | undefined,
  packet: Packet,
  sets: SetLookup,
): boolean {
  const address = parseAddress(text);
  const inNets = (nets: readonly string[]) => nets.some((net) => cidrContains(parseCidr(net), address));
  const inPortSet = (id: string) => sets.hasPort(id, text, packet.protocol, port);
  if (side.nets.length > 0 && !inNets(side.nets)) return false;
  if (inNets(side.notNets)) return false;
  if (!side.sets.every((id) => sets.hasAddress(id, address))) return false;
  if (side.notSets.some((id) => sets.hasAddress(id, address))) return false;
  if (side.ports.length + side.namedPortSets.length > 0) {
    if (!inRanges(side.ports, port) && !side.namedPortSets.some(inPortSet)) return false;
  }
  if (side.notPorts.length > 0 && (port === undefined || inRanges(side.notPorts, port))) return false;
  if (side.notNamedPortSets.some(inPortSet)) return false;
  return side.portSets.every(inPortSet);
}

function inRanges(ranges: readonly PortRange[], port: number | undefined): boolean {
  return port !== undefined && ranges.some(({ first, last }) => port >= first && port <= last);
}
