/** Packets and ends that tell rules apart: every port and net that a rule names, and one of each that none does. Pure. */
import { addToAddress, formatAddress, tryParseCidr } from '../../ip/index.ts';
import { type Packet, protocolNumber } from '../../policy/index.ts';
import type { V2Network } from './v2-network.ts';
import { netsOf, sidesOf } from './v2-rule.ts';

/** What a packet is but for its addresses. */
export type Probe = Pick<Packet, 'protocol' | 'destinationPort' | 'icmpType' | 'icmpCode'>;

/** Probes for all rules of a network. */
export function probesOf(network: V2Network): readonly Probe[] {
  const probes = new Map<string, Probe>();
  const add = (probe: Probe) => probes.set(JSON.stringify(probe), probe);
  add({ protocol: 6, destinationPort: 65_001 });
  add({ protocol: 17, destinationPort: 65_001 });
  add({ protocol: 1, icmpType: 8, icmpCode: 0 });
  for (const rule of network.rules()) {
    const named = protocolNumber(rule.protocol ?? '');
    const excluded = protocolNumber(rule['!protocol'] ?? '');
    for (const one of [named, excluded])
      if (one !== undefined && one !== 1 && one !== 58) add({ protocol: one, destinationPort: 65_001 });
    for (const type of [rule.icmp_type, rule['!icmp_type']])
      if (type != null)
        add({ protocol: 1, icmpType: type, icmpCode: rule.icmp_code ?? rule['!icmp_code'] ?? 0 });
    const ports = sidesOf(rule).flatMap(({ end, side }) => (end === 'dst' ? (side.ports ?? []) : []));
    for (const port of ports) {
      const numbers = /^(\d+)(?::(\d+))?$/.exec(String(port));
      if (!numbers) continue;
      for (const number of [Number(numbers[1]), Number(numbers[2] ?? numbers[1])])
        for (const protocol of named === undefined ? [6, 17] : [named])
          add({ protocol, destinationPort: number });
    }
  }
  for (const { ports } of network.endpoints)
    for (const { protocol, port } of ports) {
      const number = protocolNumber(protocol ?? '');
      if (number !== undefined && port !== undefined) add({ protocol: number, destinationPort: port });
    }
  return [...probes.values()];
}

/** Addresses of no endpoint: one in every net that a rule names, and one in none. */
export function outsideOf(network: V2Network): readonly string[] {
  const found = new Set(['198.51.100.1', '2001:db8:ffff::1']);
  for (const rule of network.rules()) {
    for (const net of sidesOf(rule).flatMap(({ side }) => netsOf(side))) {
      const cidr = tryParseCidr(net);
      if (!cidr) continue;
      const bits = cidr.version === 4 ? 32 : 128;
      const first = formatAddress(cidr.prefix < bits ? addToAddress(cidr, 1) : cidr);
      if (network.at(first).length === 0) found.add(first);
    }
  }
  return [...found];
}

/** The packet of a probe between two addresses. */
export function packetOf(probe: Probe, source: string, destination: string): Packet {
  const version = source.includes(':') ? 6 : 4;
  const icmp6 = version === 6 && probe.protocol === 1;
  return {
    ...probe,
    version,
    source,
    destination,
    ...(icmp6 ? { protocol: 58, icmpType: probe.icmpType === 8 ? 128 : (probe.icmpType ?? 128) } : {}),
    ...(probe.destinationPort === undefined ? {} : { sourcePort: 49_152 }),
  };
}
