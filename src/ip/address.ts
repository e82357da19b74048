/**
 * IP addresses as numbers.
 *
 * An address is one bigint whatever its version, so that arithmetic on blocks is the same for both; hot paths that
 * handle IPv4 alone convert to uint32 once.
 */
import { CalicoError } from '../errors.ts';

/** 4 or 6. */
export type IpVersion = 4 | 6;

/** An address, made by {@link parseAddress} only. */
export interface Address {
  readonly version: IpVersion;
  readonly value: bigint;
}

/** Number of bits of an address. */
export function addressBits(version: IpVersion): number {
  return version === 4 ? 32 : 128;
}

/** Reads an address; `undefined` when the text is none. IPv4 octets with leading zeros are refused, as in Go. */
export function tryParseAddress(text: string): Address | undefined {
  if (text.includes(':')) {
    const value = parseV6(text);
    return value === undefined ? undefined : { version: 6, value };
  }
  const value = parseV4(text);
  return value === undefined ? undefined : { version: 4, value };
}

/** Reads an address. @throws CalicoError INPUT */
export function parseAddress(text: string): Address {
  const address = tryParseAddress(text);
  if (!address) throw new CalicoError('INPUT', `${JSON.stringify(text)} is not an IP address`);
  return address;
}

/** Canonical text (RFC 5952 for IPv6; IPv4-mapped addresses in dotted form, as Go prints them). */
export function formatAddress(address: Address): string {
  return address.version === 4 ? formatV4(address.value) : formatV6(address.value);
}

/** Orders IPv4 before IPv6, then by value. */
export function compareAddresses(a: Address, b: Address): number {
  if (a.version !== b.version) return a.version - b.version;
  return a.value < b.value ? -1 : a.value > b.value ? 1 : 0;
}

/** The address `offset` further on; wraps are the caller's to avoid. */
export function addToAddress(address: Address, offset: bigint | number): Address {
  return { version: address.version, value: address.value + BigInt(offset) };
}

/** Big-endian bytes, 4 or 16 of them. */
export function addressToBytes(address: Address): Uint8Array {
  const bytes = new Uint8Array(addressBits(address.version) / 8);
  let rest = address.value;
  for (let i = bytes.length - 1; i >= 0; i--) {
    bytes[i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return bytes;
}

/** The address in 4 or 16 big-endian bytes. @throws CalicoError INPUT */
export function addressFromBytes(bytes: Uint8Array): Address {
  if (bytes.length !== 4 && bytes.length !== 16) {
    throw new CalicoError('INPUT', `an address has 4 or 16 bytes, not ${bytes.length}`);
  }
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return { version: bytes.length === 4 ? 4 : 6, value };
}

function parseV4(text: string): bigint | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (!match) return undefined;
  let value = 0;
  for (const octet of match.slice(1)) {
    if (octet.length > 1 && octet.startsWith('0')) return undefined;
    const number = Number(octet);
    if (number > 255) return undefined;
    value = value * 256 + number;
  }
  return BigInt(value);
}

function parseV6(text: string): bigint | undefined {
  let source = text;
  const tail: number[] = [];
  const lastColon = source.lastIndexOf(':');
  if (source.includes('.')) {
    const v4 = parseV4(source.slice(lastColon + 1));
    if (v4 === undefined) return undefined;
    tail.push(Number(v4 >> 16n), Number(v4 & 0xffffn));
    source = source.slice(0, lastColon + 1);
    // What remains ends in the colon before the dotted part; "::" there is the elision itself.
    if (!source.endsWith('::')) source = source.slice(0, -1);
  }
  const halves = source.split('::');
  if (halves.length > 2) return undefined;
  const groups = halves.map((half) => (half === '' ? [] : half.split(':')));
  if (groups.flat().some((group) => !/^[0-9a-fA-F]{1,4}$/.test(group))) return undefined;
  const head = groups[0]!.map((group) => Number.parseInt(group, 16));
  const rest = [...(groups[1] ?? []).map((group) => Number.parseInt(group, 16)), ...tail];
  const missing = 8 - head.length - rest.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  return [...head, ...Array<number>(missing).fill(0), ...rest].reduce(
    (value, group) => (value << 16n) | BigInt(group),
    0n,
  );
}

function formatV4(value: bigint): string {
  const number = Number(value);
  return `${number >>> 24}.${(number >>> 16) & 255}.${(number >>> 8) & 255}.${number & 255}`;
}

function formatV6(value: bigint): string {
  if (value >> 32n === 0xffffn) return `::ffff:${formatV4(value & 0xffffffffn)}`;
  const groups = Array.from({ length: 8 }, (_, i) => Number((value >> BigInt(112 - 16 * i)) & 0xffffn));
  let best = { start: -1, length: 1 };
  for (let start = 0; start < 8; start++) {
    let end = start;
    while (end < 8 && groups[end] === 0) end++;
    if (end - start > best.length) best = { start, length: end - start };
  }
  const hex = (part: number[]) => part.map((group) => group.toString(16)).join(':');
  if (best.start < 0) return hex(groups);
  return `${hex(groups.slice(0, best.start))}::${hex(groups.slice(best.start + best.length))}`;
}
