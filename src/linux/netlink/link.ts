/** Links as rtnetlink messages. Pure. Wire format: include/uapi/linux/if_link.h, rtnetlink(7). */
import { addressBytes, addressText, macBytes, macText } from './address-bytes.ts';
import { type Message, type MessageWriter, readAttributes, readText } from './message.ts';

/** Message types of links. */
export const linkType = { new: 16, delete: 17, get: 18 } as const;

const attribute = {
  address: 1,
  name: 3,
  mtu: 4,
  link: 5,
  master: 10,
  txQueue: 13,
  operState: 16,
  linkInfo: 18,
  group: 27,
  namespaceFd: 28,
  txQueues: 31,
  rxQueues: 32,
  linkNamespace: 37,
  alternateName: 53,
} as const;

const info = { kind: 1, data: 2 } as const;
const vxlan = {
  id: 1,
  link: 3,
  local: 4,
  learning: 7,
  port: 15,
  local6: 17,
  udpChecksum: 18,
  udpZeroCsum6Rx: 20,
} as const;
const tunnel = { link: 1, local: 2, remote: 3, ttl: 4, pathMtuDiscovery: 10 } as const;
const bridge = { forwardDelay: 1, stp: 5 } as const;
const vlan = { id: 1 } as const;

const flag = { up: 1, running: 0x40 } as const;

/** What distinguishes a VXLAN device. */
export interface VxlanParameters {
  readonly vni: number;
  readonly port: number;
  /** Local address of the tunnel packets. */
  readonly local?: string;
  /** Index of the interface that carries them. */
  readonly parent?: number;
  readonly learning: boolean;
}

/** A link to make. */
export type LinkKind =
  | {
      readonly kind: 'veth';
      readonly peer: {
        readonly name: string;
        readonly namespaceFd?: number;
        readonly mac?: string;
        readonly mtu?: number;
        readonly queues?: number;
      };
    }
  | { readonly kind: 'bridge' }
  | { readonly kind: 'dummy' }
  | { readonly kind: 'ipip'; readonly local?: string; readonly remote?: string }
  | { readonly kind: 'vlan'; readonly parent: number; readonly id: number }
  | ({ readonly kind: 'vxlan' } & VxlanParameters);

/** Properties of a link that can be given when it is made and changed afterwards; absent ones stay. */
export interface LinkSettings {
  readonly mtu?: number;
  readonly mac?: string;
  readonly up?: boolean;
  /** Index of the bridge to join; 0 leaves it. */
  readonly master?: number;
  readonly txQueueLength?: number;
  /** Transmit and receive queues; only when the link is made. */
  readonly queues?: number;
  readonly name?: string;
  /** Number of the link group to join; see {@link writeLinkGroup}. */
  readonly group?: number;
  /** Moves the link into the namespace of this open descriptor. */
  readonly namespaceFd?: number;
}

/** A link as it is. */
export interface Link {
  readonly index: number;
  readonly name: string;
  /** Administratively up. */
  readonly up: boolean;
  /** The kernel's operational state: `up` also where a device reports none (`unknown`) but runs. */
  readonly operUp: boolean;
  readonly mtu: number;
  readonly mac: string;
  /** Kind of a virtual link: `veth`, `bridge`, `vxlan`, `ipip`, …; empty for hardware and loopback. */
  readonly kind: string;
  readonly master: number;
  /** Index of the link below or of the peer; 0 when none. */
  readonly link: number;
  readonly vxlan?: VxlanParameters;
}

/** Writes RTM_NEWLINK for a link to make. */
export function writeNewLink(
  writer: MessageWriter,
  name: string,
  kind: LinkKind,
  settings: LinkSettings,
): void {
  writeHeader(writer, 0, settings.up);
  writer.text(attribute.name, name);
  writeSettings(writer, settings);
  writeQueues(writer, settings.queues);
  if (kind.kind === 'vlan') writer.number(attribute.link, kind.parent);
  writer.nest(
    attribute.linkInfo,
    () => {
      writer.bytes(info.kind, Buffer.from(kind.kind));
      writer.nest(info.data, () => writeKindData(writer, kind), false);
    },
    false,
  );
}

function writeKindData(writer: MessageWriter, kind: LinkKind): void {
  switch (kind.kind) {
    case 'veth':
      writer.nest(
        1,
        () => {
          writeHeader(writer, 0, undefined);
          writer.text(attribute.name, kind.peer.name);
          if (kind.peer.mac !== undefined) writer.bytes(attribute.address, macBytes(kind.peer.mac));
          if (kind.peer.mtu !== undefined) writer.number(attribute.mtu, kind.peer.mtu);
          writeQueues(writer, kind.peer.queues);
          if (kind.peer.namespaceFd !== undefined)
            writer.number(attribute.namespaceFd, kind.peer.namespaceFd);
        },
        false,
      );
      return;
    case 'bridge':
      writer.number(bridge.stp, 0).number(bridge.forwardDelay, 0);
      return;
    case 'dummy':
      return;
    case 'ipip':
      if (kind.local !== undefined) writer.bytes(tunnel.local, addressBytes(kind.local));
      if (kind.remote !== undefined) writer.bytes(tunnel.remote, addressBytes(kind.remote));
      writer.number(tunnel.pathMtuDiscovery, 1, 1);
      return;
    case 'vlan':
      writer.number(vlan.id, kind.id, 2);
      return;
    case 'vxlan':
      writer.number(vxlan.id, kind.vni);
      if (kind.parent !== undefined) writer.number(vxlan.link, kind.parent);
      if (kind.local !== undefined) {
        const local = addressBytes(kind.local);
        writer.bytes(local.length === 4 ? vxlan.local : vxlan.local6, local);
      }
      writer.number(vxlan.learning, kind.learning ? 1 : 0, 1).numberBe(vxlan.port, kind.port, 2);
      writer.number(vxlan.udpChecksum, 1, 1).number(vxlan.udpZeroCsum6Rx, 1, 1);
  }
}

/** Writes RTM_SETLINK / RTM_NEWLINK that changes an existing link. */
export function writeSetLink(writer: MessageWriter, index: number, settings: LinkSettings): void {
  writeHeader(writer, index, settings.up);
  if (settings.name !== undefined) writer.text(attribute.name, settings.name);
  writeSettings(writer, settings);
}

function writeSettings(writer: MessageWriter, settings: LinkSettings): void {
  if (settings.mac !== undefined) writer.bytes(attribute.address, macBytes(settings.mac));
  if (settings.mtu !== undefined) writer.number(attribute.mtu, settings.mtu);
  if (settings.master !== undefined) writer.number(attribute.master, settings.master);
  if (settings.txQueueLength !== undefined) writer.number(attribute.txQueue, settings.txQueueLength);
  if (settings.group !== undefined) writer.number(attribute.group, settings.group);
  if (settings.namespaceFd !== undefined) writer.number(attribute.namespaceFd, settings.namespaceFd);
}

function writeQueues(writer: MessageWriter, queues: number | undefined): void {
  if (queues === undefined) return;
  writer.number(attribute.txQueues, queues).number(attribute.rxQueues, queues);
}

/** Writes RTM_DELLINK / RTM_GETLINK of one link, by index or by name. */
export function writeLinkReference(
  writer: MessageWriter,
  link: { readonly index?: number; readonly name?: string },
): void {
  writeHeader(writer, link.index ?? 0, undefined);
  if (link.name !== undefined) writer.text(attribute.name, link.name);
}

/** Writes RTM_DELLINK of all links of a group. */
export function writeLinkGroup(writer: MessageWriter, group: number): void {
  writeHeader(writer, 0, undefined);
  writer.number(attribute.group, group);
}

/** ifinfomsg: family, pad, type, index, flags, mask of flags to change. */
function writeHeader(writer: MessageWriter, index: number, up: boolean | undefined): void {
  writer.u8(0).u8(0).u16(0).u32(index);
  writer.u32(up === true ? flag.up : 0).u32(up === undefined ? 0 : flag.up);
}

/** Reads RTM_NEWLINK or RTM_DELLINK. */
export function readLink(message: Message): Link {
  const { body } = message;
  const linkFlags = body.readUInt32LE(8);
  const link = {
    index: body.readInt32LE(4),
    name: '',
    up: (linkFlags & flag.up) !== 0,
    operUp: (linkFlags & flag.running) !== 0,
    mtu: 0,
    mac: '',
    kind: '',
    master: 0,
    link: 0,
  };
  let parameters: VxlanParameters | undefined;
  readAttributes(body, 16, (type, value) => {
    switch (type) {
      case attribute.name:
        link.name = readText(value);
        break;
      case attribute.mtu:
        link.mtu = value.readUInt32LE(0);
        break;
      case attribute.address:
        link.mac = macText(value);
        break;
      case attribute.master:
        link.master = value.readUInt32LE(0);
        break;
      case attribute.link:
        link.link = value.readUInt32LE(0);
        break;
      case attribute.linkInfo:
        readAttributes(value, 0, (infoType, infoValue) => {
          if (infoType === info.kind) link.kind = readText(infoValue);
          if (infoType === info.data && link.kind === 'vxlan') parameters = readVxlan(infoValue);
        });
    }
  });
  return parameters ? { ...link, vxlan: parameters } : link;
}

function readVxlan(data: Buffer): VxlanParameters {
  const found: { vni: number; port: number; learning: boolean; local?: string; parent?: number } = {
    vni: 0,
    port: 0,
    learning: false,
  };
  readAttributes(data, 0, (type, value) => {
    if (type === vxlan.id) found.vni = value.readUInt32LE(0);
    if (type === vxlan.port) found.port = value.readUInt16BE(0);
    if (type === vxlan.learning) found.learning = value[0] === 1;
    if (type === vxlan.local || type === vxlan.local6) found.local = addressText(value);
    if (type === vxlan.link) found.parent = value.readUInt32LE(0);
  });
  return found;
}
