/** Addresses as Go's net package reads them: an IPv4-mapped IPv6 address is the IPv4 address. */
import { type Address, type Cidr, tryParseAddress, tryParseCidr } from '../ip/index.ts';

const isMapped = (value: bigint) => value >> 32n === 0xffffn;

/** net.ParseIP. */
export function goAddress(source: string): Address | undefined {
  const address = tryParseAddress(source);
  return address?.version === 6 && isMapped(address.value)
    ? { version: 4, value: address.value & 0xffffffffn }
    : address;
}

/** net.ParseCIDR, masked; the mask of a mapped address counts from bit 96. */
export function goCidr(source: string): Cidr | undefined {
  const cidr = tryParseCidr(source);
  return cidr?.version === 6 && cidr.prefix >= 96 && isMapped(cidr.value)
    ? { version: 4, value: cidr.value & 0xffffffffn, prefix: cidr.prefix - 96 }
    : cidr;
}
