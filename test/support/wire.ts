/** Packets made by hand and seen again: how the kernel tests ask a real kernel for a verdict. */
import { addressToBytes, parseAddress } from '../../src/ip/index.ts';
import {
  bindSocket,
  closeDescriptor,
  library,
  MSG_DONTWAIT,
  openSocket,
  receiveDatagram,
  SOCK_NONBLOCK,
  SOCK_RAW,
  sendDatagram,
} from '../../src/linux/libc/index.ts';
import type { Namespace } from '../../src/linux/netns/index.ts';
import type { Packet } from '../../src/policy/index.ts';

const call = library('libc.so.6', 'libc6', {
  sendto: 'long sendto(int fd, const void *buffer, size_t length, int flags, const void *to, uint32_t size)',
  if_nametoindex: 'unsigned int if_nametoindex(const char *name)',
});

/** A packet with a number that finds its way into what the receiver and the answer show. */
export interface Probe {
  readonly packet: Packet;
  readonly token: number;
}

/** The bytes of a probe from the IP header on. */
export function probeBytes({ packet, token }: Probe): Buffer {
  const payload = transport(packet, token);
  const source = addressToBytes(parseAddress(packet.source));
  const destination = addressToBytes(parseAddress(packet.destination));
  if (packet.version === 4) {
    const header = Buffer.alloc(20);
    header[0] = 0x45;
    header.writeUInt16BE(20 + payload.length, 2);
    header.writeUInt16BE(token & 0xffff, 4);
    header[8] = 60;
    header[9] = packet.protocol;
    header.set(source, 12);
    header.set(destination, 16);
    header.writeUInt16BE(checksum(header), 10);
    fixChecksum(packet, payload, Buffer.concat([source, destination]));
    return Buffer.concat([header, payload]);
  }
  const header = Buffer.alloc(40);
  header[0] = 0x60;
  header.writeUInt16BE(payload.length, 4);
  header[6] = packet.protocol;
  header[7] = 60;
  header.set(source, 8);
  header.set(destination, 24);
  fixChecksum(packet, payload, Buffer.concat([source, destination]));
  return Buffer.concat([header, payload]);
}

function transport(packet: Packet, token: number): Buffer {
  const mark = Buffer.alloc(12);
  mark.writeUInt32BE(tokenMagic, 0);
  mark.writeUInt32BE(token, 4);
  switch (packet.protocol) {
    case 6: {
      const tcp = Buffer.alloc(20);
      tcp.writeUInt16BE(packet.sourcePort ?? 0, 0);
      tcp.writeUInt16BE(packet.destinationPort ?? 0, 2);
      tcp.writeUInt32BE((tokenMagic | token) >>> 0, 4);
      tcp[12] = 0x50;
      tcp[13] = 0x02;
      tcp.writeUInt16BE(64_240, 14);
      return tcp;
    }
    case 17:
    case 136: {
      const udp = Buffer.alloc(8);
      udp.writeUInt16BE(packet.sourcePort ?? 0, 0);
      udp.writeUInt16BE(packet.destinationPort ?? 0, 2);
      udp.writeUInt16BE(8 + mark.length, 4);
      return Buffer.concat([udp, mark]);
    }
    case 132: {
      const sctp = Buffer.alloc(12 + 20);
      sctp.writeUInt16BE(packet.sourcePort ?? 0, 0);
      sctp.writeUInt16BE(packet.destinationPort ?? 0, 2);
      sctp[12] = 1;
      sctp.writeUInt16BE(20, 14);
      sctp.writeUInt32BE((tokenMagic | token) >>> 0, 16);
      sctp.writeUInt32BE(65_535, 20);
      sctp.writeUInt16BE(1, 24);
      sctp.writeUInt16BE(1, 26);
      sctp.writeUInt32BE(crc32c(sctp), 8);
      return sctp;
    }
    case 1:
    case 58: {
      const icmp = Buffer.alloc(8);
      icmp[0] = packet.icmpType ?? 0;
      icmp[1] = packet.icmpCode ?? 0;
      icmp.writeUInt16BE(token & 0xffff, 4);
      icmp.writeUInt16BE(token >>> 16, 6);
      return Buffer.concat([icmp, mark]);
    }
    default:
      return mark;
  }
}

const tokenMagic = 0xca000000;

function fixChecksum(packet: Packet, payload: Buffer, addresses: Buffer): void {
  const at = { 6: 16, 17: 6, 136: 6, 58: 2, 1: 2 }[packet.protocol];
  if (at === undefined) return;
  const pseudo = Buffer.alloc(8);
  pseudo.writeUInt32BE(payload.length, 0);
  pseudo[7] = packet.protocol;
  const parts = packet.protocol === 1 ? [payload] : [addresses, pseudo, payload];
  payload.writeUInt16BE(checksum(Buffer.concat(parts)) || 0xffff, at);
}

function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i]! << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** SCTP's checksum, little-endian as it goes on the wire. */
function crc32c(bytes: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  const out = Buffer.alloc(4);
  out.writeUInt32LE(~crc >>> 0);
  return out.readUInt32BE(0);
}

/** What was seen of a probe. */
export interface Sighting {
  readonly token: number;
  /** The probe itself, a normal answer to it, or an ICMP error about it (`type/code`). */
  readonly kind: 'probe' | 'answer' | 'error';
  readonly error?: string;
  /** Source address of the packet seen. */
  readonly source: string;
}

/** Reads a packet from the IP header on. */
export function readSighting(bytes: Buffer): Sighting | undefined {
  const version = bytes[0]! >>> 4;
  if (version === 4 && bytes.length >= 24) {
    const source = [...bytes.subarray(12, 16)].join('.');
    return readTransport(bytes[9]!, bytes.subarray((bytes[0]! & 15) * 4), source);
  }
  if (version === 6 && bytes.length >= 44) {
    return readTransport(bytes[6]!, bytes.subarray(40), hexAddress(bytes.subarray(8, 24)));
  }
  return undefined;
}

/** Reads a transport header and what follows it. */
export function readTransport(protocol: number, rest: Buffer, source: string): Sighting | undefined {
  if (rest.length < 8) return undefined;
  if (protocol === 6 && rest.length >= 14) {
    const flags = rest[13]!;
    const sequence = rest.readUInt32BE(4);
    if (flags === 0x02) return seen(sequence, 'probe', source);
    return flags & 0x10 ? seen(rest.readUInt32BE(8) - 1, 'answer', source) : undefined;
  }
  if (protocol === 1 || protocol === 58) {
    const type = rest[0]!;
    const error = protocol === 1 ? [3, 11, 12].includes(type) : type < 128;
    const inner = error ? readSighting(rest.subarray(8)) : undefined;
    if (inner) return { ...inner, kind: 'error', error: `${type}/${rest[1]}`, source };
    const isAnswer = protocol === 1 ? [0, 14, 18].includes(type) : type === 129;
    // Identifiers are translated with addresses; what follows them is not.
    const marked = markOf(rest.subarray(8));
    return marked === undefined ? undefined : seen(marked, isAnswer ? 'answer' : 'probe', source);
  }
  if (protocol === 132 && rest.length >= 20) return seen(rest.readUInt32BE(16), 'probe', source);
  const marked = markOf(protocol === 17 || protocol === 136 ? rest.subarray(8) : rest);
  return marked === undefined ? undefined : seen(marked, 'probe', source);
}

function markOf(bytes: Buffer): number | undefined {
  if (bytes.length < 8 || bytes.readUInt32BE(0) !== tokenMagic) return undefined;
  return (tokenMagic | bytes.readUInt32BE(4)) >>> 0;
}

function seen(marked: number, kind: Sighting['kind'], source: string): Sighting | undefined {
  return (marked & 0xff000000) >>> 0 === tokenMagic ? { token: marked & 0xffffff, kind, source } : undefined;
}

function hexAddress(bytes: Buffer): string {
  return Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(i * 2).toString(16)).join(':');
}

/** Sends and sees whole frames on an interface: what a pod or a stranger is. */
export class FramePort {
  readonly #fd: number;
  readonly #header: Readonly<Record<4 | 6, Buffer>>;

  constructor(namespace: Namespace, device: string, ownMac: string, peerMac: string) {
    this.#fd = namespace.run(() => {
      const fd = openSocket(17, SOCK_RAW | SOCK_NONBLOCK, 0x0300);
      const address = Buffer.alloc(20);
      address.writeUInt16LE(17, 0);
      address.writeUInt16BE(3, 2);
      address.writeInt32LE(call('if_nametoindex')(device), 4);
      bindSocket(fd, address);
      return fd;
    });
    const header = (type: number) =>
      Buffer.concat([macBytes(peerMac), macBytes(ownMac), Buffer.from([type >>> 8, type & 255])]);
    this.#header = { 4: header(0x0800), 6: header(0x86dd) };
  }

  send(probe: Probe, peerMac?: string): void {
    const header = Buffer.from(this.#header[probe.packet.version]);
    if (peerMac !== undefined) header.set(macBytes(peerMac), 0);
    sendDatagram(this.#fd, Buffer.concat([header, probeBytes(probe)]));
  }

  /** All that arrived or left since the last call. */
  *sightings(): Generator<Sighting> {
    const buffer = Buffer.alloc(2048);
    for (;;) {
      const length = receiveDatagram(this.#fd, buffer, MSG_DONTWAIT);
      if (length === undefined) return;
      const sighting = readSighting(buffer.subarray(14, length));
      if (sighting) yield sighting;
    }
  }

  close(): void {
    closeDescriptor(this.#fd);
  }
}

/** Sends as the host's own processes do, and sees what is delivered to them: behind all hooks. */
export class HostPort {
  readonly #senders: Readonly<Record<4 | 6, number>>;
  readonly #receivers: { readonly fd: number; readonly version: 4 | 6; readonly protocol: number }[] = [];

  constructor(namespace: Namespace) {
    this.#senders = namespace.run(() => {
      for (const version of [4, 6] as const) {
        for (const protocol of version === 4
          ? [1, 4, 6, 17, 50, 103, 132, 136, 253]
          : [6, 17, 50, 58, 132, 136, 253]) {
          const fd = openSocket(version === 4 ? 2 : 10, SOCK_RAW | SOCK_NONBLOCK, protocol);
          this.#receivers.push({ fd, version, protocol });
        }
      }
      return { 4: openSocket(2, SOCK_RAW, 255), 6: openSocket(10, SOCK_RAW, 255) };
    });
  }

  send(probe: Probe): void {
    const { version, destination } = probe.packet;
    const to = Buffer.alloc(version === 4 ? 16 : 28);
    to.writeUInt16LE(version === 4 ? 2 : 10, 0);
    to.set(addressToBytes(parseAddress(destination)), version === 4 ? 4 : 8);
    const bytes = probeBytes(probe);
    // Refusals (no route, or an error that an earlier probe left) show in that nothing arrives.
    call('sendto')(this.#senders[version], bytes, bytes.length, 0, to, to.length);
  }

  *sightings(): Generator<Sighting> {
    const buffer = Buffer.alloc(2048);
    for (const { fd, version, protocol } of this.#receivers) {
      for (;;) {
        const length = receiveDatagram(fd, buffer, MSG_DONTWAIT);
        if (length === undefined) break;
        const bytes = buffer.subarray(0, length);
        const sighting = version === 4 ? readSighting(bytes) : readTransport(protocol, bytes, '');
        if (sighting) yield sighting;
      }
    }
  }

  close(): void {
    for (const { fd } of this.#receivers) closeDescriptor(fd);
    closeDescriptor(this.#senders[4]);
    closeDescriptor(this.#senders[6]);
  }
}

function macBytes(text: string): Uint8Array {
  return Uint8Array.from(text.split(':').map((byte) => Number.parseInt(byte, 16)));
}
