/** IP protocols by name and number. */

/** Numbers of the names that rules may use, in lower case. */
export const protocolNumbers: Readonly<Record<string, number>> = {
  icmp: 1,
  tcp: 6,
  udp: 17,
  icmpv6: 58,
  sctp: 132,
  udplite: 136,
};

/** A protocol as stored (`TCP`, `6`, `"6"`) as a number; `undefined` when it is none. */
export function protocolNumber(protocol: number | string): number | undefined {
  if (typeof protocol === 'number') return protocol;
  if (/^\d{1,3}$/.test(protocol)) return Number(protocol);
  return protocolNumbers[protocol.toLowerCase()];
}

/** Name of a protocol where it has one, else its number as text; as members of port sets carry it. */
export function protocolName(protocol: number | string): string {
  const number = protocolNumber(protocol);
  for (const [name, value] of Object.entries(protocolNumbers)) if (value === number) return name;
  return String(number ?? protocol);
}
