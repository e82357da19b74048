/** Names of Go fields, which upstream's messages show, from JSON names. */

/** Beginnings of JSON names that Go writes in capitals or mixed case. */
const beginnings: readonly (readonly [string, string])[] = [
  ['ipv4', 'IPv4'],
  ['ipv6', 'IPv6'],
  ['ipip', 'IPIP'],
  ['ipam', 'IPAM'],
  ['ipVersion', 'IPVersion'],
  ['ipNetworks', 'IPNetworks'],
  ['ipNATs', 'IPNATs'],
  ['ipForwarding', 'IPForwarding'],
  ['vxlan', 'VXLAN'],
  ['cidr', 'CIDR'],
  ['mac', 'MAC'],
  ['bgp', 'BGP'],
  ['bpf', 'BPF'],
  ['aws', 'AWS'],
  ['asNumber', 'ASNumber'],
  ['asPathPrefix', 'ASPathPrefix'],
  ['nat', 'NAT'],
  ['http', 'HTTP'],
  ['icmp', 'ICMP'],
  ['xdp', 'XDP'],
  ['mtu', 'MTU'],
];

/** Go's name of a field whose JSON name this is. */
export function goName(json: string): string {
  if (/^(natch|match|map|max|mac[a-z])/.test(json)) return json[0]!.toUpperCase() + json.slice(1);
  const beginning = beginnings.find(([start]) => json.startsWith(start));
  if (beginning) return beginning[1] + json.slice(beginning[0].length);
  return json[0]!.toUpperCase() + json.slice(1);
}
