/** Addresses as netlink carries them, to and from text. IPv4 has a path of its own: route tables are large. */
import {
  addressFromBytes,
  addressToBytes,
  formatAddress,
  type IpVersion,
  parseAddress,
} from '../../ip/index.ts';

/** Address families. */
export const AF_INET = 2;
export const AF_INET6 = 10;
export const AF_BRIDGE = 7;

/** Address family of an IP version. */
export function familyOf(version: IpVersion): number {
  return version === 4 ? AF_INET : AF_INET6;
}

/** IP version of an address or CIDR in text. */
export function versionOf(text: string): IpVersion {
  return text.includes(':') ? 6 : 4;
}

/** Bytes of an address in text. @throws CalicoError INPUT */
export function addressBytes(text: string): Uint8Array {
  return quickV4(text) ?? addressToBytes(parseAddress(text));
}

/** IPv4 in plain form; anything unusual is left to the parser, which also refuses. */
function quickV4(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(4);
  let part = 0;
  let value = -1;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit >= 0 && digit <= 9 && value !== 0) {
      value = value < 0 ? digit : value * 10 + digit;
    } else if (digit === -2 && value >= 0 && value <= 255 && part < 3) {
      bytes[part++] = value;
      value = -1;
    } else {
      return undefined;
    }
  }
  if (part !== 3 || value < 0 || value > 255) return undefined;
  bytes[3] = value;
  return bytes;
}

/** Text of an address in bytes. */
export function addressText(bytes: Buffer): string {
  return bytes.length === 4
    ? `${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}`
    : formatAddress(addressFromBytes(bytes));
}

/** `10.0.0.0/26` → its parts; without a prefix the whole address. */
export function splitCidr(text: string): { readonly address: string; readonly prefix: number } {
  const slash = text.indexOf('/');
  if (slash < 0) return { address: text, prefix: versionOf(text) === 4 ? 32 : 128 };
  return { address: text.slice(0, slash), prefix: Number(text.slice(slash + 1)) };
}

/** Bytes of `02:00:5e:10:00:01`. */
export function macBytes(text: string): Uint8Array {
  return Uint8Array.from(text.split(':'), (part) => Number.parseInt(part, 16));
}

/** Text of a hardware address. */
export function macText(bytes: Buffer): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(':');
}
