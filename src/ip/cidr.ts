/** CIDR blocks: canonical (host bits zero) unless {@link parseInterfaceAddress} says otherwise. */
import { CalicoError } from '../errors.ts';
import { type Address, addressBits, formatAddress, type IpVersion, tryParseAddress } from './address.ts';

/** A block of addresses whose host bits are zero. */
export interface Cidr {
  readonly version: IpVersion;
  readonly value: bigint;
  readonly prefix: number;
}

/** The first address of the block of `prefix` bits that holds `address`. */
export function maskAddress(address: Address, prefix: number): Address {
  const shift = BigInt(addressBits(address.version) - prefix);
  return { version: address.version, value: (address.value >> shift) << shift };
}

/** Reads `ADDRESS/PREFIX` and clears the host bits; a bare address is a /32 or /128. `undefined` when it is neither. */
export function tryParseCidr(text: string): Cidr | undefined {
  const parsed = tryParseInterfaceAddress(text);
  if (!parsed) return undefined;
  return { ...maskAddress(parsed.address, parsed.prefix), prefix: parsed.prefix };
}

/** As {@link tryParseCidr}. @throws CalicoError INPUT */
export function parseCidr(text: string): Cidr {
  const cidr = tryParseCidr(text);
  if (!cidr) throw new CalicoError('INPUT', `${JSON.stringify(text)} is not a CIDR`);
  return cidr;
}

/** Reads `ADDRESS/PREFIX` and keeps the host bits (an address with its subnet). */
export function tryParseInterfaceAddress(text: string): { address: Address; prefix: number } | undefined {
  const slash = text.indexOf('/');
  const address = tryParseAddress(slash < 0 ? text : text.slice(0, slash));
  if (!address) return undefined;
  const bits = addressBits(address.version);
  if (slash < 0) return { address, prefix: bits };
  const tail = text.slice(slash + 1);
  if (!/^\d{1,3}$/.test(tail)) return undefined;
  const prefix = Number(tail);
  return prefix > bits ? undefined : { address, prefix };
}

/** Canonical text `ADDRESS/PREFIX`. */
export function formatCidr(cidr: Cidr): string {
  return `${formatAddress(cidr)}/${cidr.prefix}`;
}

/** The /32 or /128 of an address. */
export function addressToCidr(address: Address): Cidr {
  return { version: address.version, value: address.value, prefix: addressBits(address.version) };
}

/** Number of addresses in the block. */
export function cidrSize(cidr: Cidr): bigint {
  return 1n << BigInt(addressBits(cidr.version) - cidr.prefix);
}

/** The last address of the block. */
export function lastAddress(cidr: Cidr): Address {
  return { version: cidr.version, value: cidr.value + cidrSize(cidr) - 1n };
}

/** Whether the address lies in the block. */
export function cidrContains(cidr: Cidr, address: Address): boolean {
  if (cidr.version !== address.version) return false;
  const shift = BigInt(addressBits(cidr.version) - cidr.prefix);
  return cidr.value >> shift === address.value >> shift;
}

/** Whether `inner` lies wholly in `outer`. */
export function cidrCovers(outer: Cidr, inner: Cidr): boolean {
  return inner.prefix >= outer.prefix && cidrContains(outer, inner);
}

/** Whether the two blocks share an address. */
export function cidrsOverlap(a: Cidr, b: Cidr): boolean {
  return cidrCovers(a, b) || cidrCovers(b, a);
}

/** Orders by version, first address, then the wider block first. */
export function compareCidrs(a: Cidr, b: Cidr): number {
  if (a.version !== b.version) return a.version - b.version;
  if (a.value !== b.value) return a.value < b.value ? -1 : 1;
  return a.prefix - b.prefix;
}
