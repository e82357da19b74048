/** Interface addresses as rtnetlink messages. Pure. Wire format: include/uapi/linux/if_addr.h. */
import { addressBytes, addressText, familyOf, splitCidr, versionOf } from './address-bytes.ts';
import { type Message, type MessageWriter, readAttributes } from './message.ts';

/** Message types of addresses. */
export const addressType = { new: 20, delete: 21, get: 22 } as const;

const attribute = { address: 1, local: 2, label: 3, broadcast: 4, flags: 8 } as const;
const noDuplicateDetection = 0x02;

/** Scopes of addresses and routes. */
export const scope = { global: 0, site: 200, link: 253, host: 254, nowhere: 255 } as const;

/** An address on an interface. */
export interface InterfaceAddress {
  /** Index of the interface. */
  readonly index: number;
  /** With prefix, host bits kept: `10.210.1.12/24`. */
  readonly address: string;
  readonly scope: number;
  /** The far end of a point-to-point link, when it has one. */
  readonly peer?: string;
}

/** Writes RTM_NEWADDR / RTM_DELADDR. IPv6 addresses are usable at once (no duplicate address detection). */
export function writeAddress(
  writer: MessageWriter,
  index: number,
  address: string,
  addressScope: number,
): void {
  const { address: text, prefix } = splitCidr(address);
  const bytes = addressBytes(text);
  const version = versionOf(text);
  writer
    .u8(familyOf(version))
    .u8(prefix)
    .u8(version === 6 ? noDuplicateDetection : 0)
    .u8(addressScope)
    .u32(index);
  writer.bytes(attribute.local, bytes).bytes(attribute.address, bytes);
}

/** Writes RTM_GETADDR for a dump; 0 asks for all interfaces. */
export function writeAddressDump(writer: MessageWriter, family: number, index: number): void {
  writer.u8(family).u8(0).u8(0).u8(0).u32(index);
}

/** Reads RTM_NEWADDR or RTM_DELADDR. */
export function readAddress(message: Message): InterfaceAddress {
  const { body } = message;
  const prefix = body[1] ?? 0;
  let local: string | undefined;
  let address: string | undefined;
  readAttributes(body, 8, (type, value) => {
    if (type === attribute.local) local = addressText(value);
    if (type === attribute.address) address = addressText(value);
  });
  const own = local ?? address ?? '';
  return {
    index: body.readUInt32LE(4),
    address: `${own}/${prefix}`,
    scope: body[3] ?? 0,
    ...(local !== undefined && address !== undefined && address !== local ? { peer: address } : {}),
  };
}
