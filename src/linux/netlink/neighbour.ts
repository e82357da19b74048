/** Neighbours (ARP, NDP) and forwarding entries (FDB) as rtnetlink messages. Pure. Wire format: linux/neighbour.h. */
import {
  AF_BRIDGE,
  addressBytes,
  addressText,
  familyOf,
  macBytes,
  macText,
  versionOf,
} from './address-bytes.ts';
import { type Message, type MessageWriter, readAttributes } from './message.ts';

/** Message types of neighbours. */
export const neighbourType = { new: 28, delete: 29, get: 30 } as const;

const attribute = { destination: 1, mac: 2, master: 9, interfaceIndex: 8 } as const;
const permanent = 0x80;
const self = 0x02;
const proxy = 0x08;

/** An address of a neighbour on a link. */
export interface Neighbour {
  readonly index: number;
  readonly address: string;
  /** Empty while the kernel looks for it. */
  readonly mac: string;
  readonly permanent: boolean;
}

/** Where a VXLAN device sends frames for a hardware address. */
export interface ForwardingEntry {
  readonly index: number;
  readonly mac: string;
  /** Address of the host at the other end. */
  readonly destination: string;
}

/** Writes RTM_NEWNEIGH or RTM_DELNEIGH of a permanent neighbour. */
export function writeNeighbour(
  writer: MessageWriter,
  entry: Pick<Neighbour, 'index' | 'address' | 'mac'>,
): void {
  writeHeader(writer, familyOf(versionOf(entry.address)), entry.index, permanent, 0);
  writer.bytes(attribute.destination, addressBytes(entry.address));
  if (entry.mac !== '') writer.bytes(attribute.mac, macBytes(entry.mac));
}

/** Writes RTM_NEWNEIGH or RTM_DELNEIGH of a proxied address. */
export function writeProxyNeighbour(writer: MessageWriter, index: number, address: string): void {
  writeHeader(writer, familyOf(versionOf(address)), index, permanent, proxy);
  writer.bytes(attribute.destination, addressBytes(address));
}

/** Writes RTM_NEWNEIGH or RTM_DELNEIGH of a forwarding entry of the device itself. */
export function writeForwarding(writer: MessageWriter, entry: ForwardingEntry): void {
  writeHeader(writer, AF_BRIDGE, entry.index, permanent, self);
  writer
    .bytes(attribute.mac, macBytes(entry.mac))
    .bytes(attribute.destination, addressBytes(entry.destination));
}

/** Writes RTM_GETNEIGH for a dump of one interface's neighbours. */
export function writeNeighbourDump(writer: MessageWriter, family: number, index: number): void {
  writeHeader(writer, family, family === AF_BRIDGE ? index : 0, 0, 0);
  if (family !== AF_BRIDGE && index !== 0) writer.number(attribute.interfaceIndex, index);
}

/** ndmsg: family, pads, interface, state, flags, type. */
function writeHeader(
  writer: MessageWriter,
  family: number,
  index: number,
  state: number,
  entryFlags: number,
): void {
  writer.u8(family).u8(0).u16(0).u32(index).u16(state).u8(entryFlags).u8(0);
}

/** Reads RTM_NEWNEIGH of an IP family; `undefined` for proxied ones. */
export function readNeighbour(message: Message): Neighbour | undefined {
  const { body } = message;
  if (((body[10] ?? 0) & proxy) !== 0) return undefined;
  let address = '';
  let mac = '';
  readAttributes(body, 12, (type, value) => {
    if (type === attribute.destination) address = addressText(value);
    if (type === attribute.mac) mac = macText(value);
  });
  return { index: body.readInt32LE(4), address, mac, permanent: (body.readUInt16LE(8) & permanent) !== 0 };
}

/** Reads RTM_NEWNEIGH of the bridge family; `undefined` for entries without a destination. */
export function readForwarding(message: Message): ForwardingEntry | undefined {
  const { body } = message;
  if (body[0] !== AF_BRIDGE) return undefined;
  let destination: string | undefined;
  let mac = '';
  readAttributes(body, 12, (type, value) => {
    if (type === attribute.destination) destination = addressText(value);
    if (type === attribute.mac) mac = macText(value);
  });
  return destination === undefined ? undefined : { index: body.readInt32LE(4), mac, destination };
}
