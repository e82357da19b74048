/** ICMP echo: from many namespaces to many addresses, all at once. */
import { parseAddress } from '../../ip/index.ts';
import { closeDescriptor, openSocket, receiveFrom, SOCK_NONBLOCK, SOCK_RAW, sendTo } from '../libc/index.ts';
import type { Namespace } from '../netns/index.ts';
import { sockaddr, socketDomain } from './sockaddr.ts';

/** An echo to send. */
export interface PingTarget {
  readonly from: Namespace;
  readonly address: string;
}

const protocolOf = { 4: 1, 6: 58 } as const;
const request = { 4: 8, 6: 128 } as const;
const reply = { 4: 0, 6: 129 } as const;

/** A raw socket sees every reply of its namespace, so no two that live at the same time may share an identifier. */
let nextId = Math.trunc(Math.random() * 0x10000);

/** For each target whether it answered within the time (milliseconds). A lost request is repeated twice. */
export async function probePings(
  targets: readonly PingTarget[],
  timeout: number,
): Promise<readonly boolean[]> {
  const answered = targets.map(() => false);
  // One socket per namespace and version; replies are told apart by identifier (the socket's) and sequence (the target's).
  const sockets = new Map<
    Namespace,
    { readonly version: 4 | 6; readonly fd: number; readonly id: number; readonly indexes: number[] }[]
  >();
  for (const [index, { from, address }] of targets.entries()) {
    const { version } = parseAddress(address);
    const list = sockets.get(from) ?? [];
    sockets.set(from, list);
    let socket = list.find((one) => one.version === version && one.indexes.length < 0xffff);
    if (!socket) {
      const fd = from.run(() =>
        openSocket(socketDomain[version], SOCK_RAW | SOCK_NONBLOCK, protocolOf[version]),
      );
      socket = { version, fd, id: nextId++ & 0xffff, indexes: [] };
      list.push(socket);
    }
    socket.indexes.push(index);
  }
  const all = [...sockets.values()].flat();
  const start = performance.now();
  let sent = 0;
  try {
    for (;;) {
      const elapsed = performance.now() - start;
      if (sent < 3 && elapsed >= (sent * timeout) / 3) {
        sent++;
        for (const socket of all) {
          for (const [sequence, index] of socket.indexes.entries()) {
            if (answered[index]) continue;
            sendTo(
              socket.fd,
              echo(socket.version, socket.id, sequence),
              sockaddr(parseAddress(targets[index]!.address), 0),
            );
          }
        }
      }
      for (const socket of all) collect(socket, answered);
      if (answered.every(Boolean) || elapsed > timeout) return answered;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  } finally {
    for (const { fd } of all) closeDescriptor(fd);
  }
}

function collect(
  socket: {
    readonly version: 4 | 6;
    readonly fd: number;
    readonly id: number;
    readonly indexes: readonly number[];
  },
  answered: boolean[],
): void {
  const buffer = Buffer.alloc(2048);
  const sender = Buffer.alloc(28);
  for (;;) {
    const length = receiveFrom(socket.fd, buffer, sender);
    if (length === undefined) return;
    // IPv4 raw sockets hand over the IP header as well.
    const at = socket.version === 4 ? (buffer[0]! & 15) * 4 : 0;
    if (length < at + 8 || buffer[at] !== reply[socket.version] || buffer.readUInt16BE(at + 4) !== socket.id)
      continue;
    const index = socket.indexes[buffer.readUInt16BE(at + 6)];
    if (index !== undefined) answered[index] = true;
  }
}

function echo(version: 4 | 6, id: number, sequence: number): Uint8Array {
  const packet = Buffer.alloc(16);
  packet[0] = request[version];
  packet.writeUInt16BE(id, 4);
  packet.writeUInt16BE(sequence, 6);
  // The kernel computes the ICMPv6 checksum itself: it covers the source address.
  if (version === 4) packet.writeUInt16BE(checksum(packet), 2);
  return packet;
}

function checksum(packet: Buffer): number {
  let sum = 0;
  for (let i = 0; i < packet.length; i += 2) sum += packet.readUInt16BE(i);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
