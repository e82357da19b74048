/** Connection tracking: forgetting the flows of an address. Wire format: linux/netfilter/nfnetlink_conntrack.h. */

import { isKernelError } from '../libc/index.ts';
import { addressBytes, addressText, familyOf, versionOf } from '../netlink/address-bytes.ts';
import { family, NetlinkSocket } from '../netlink/index.ts';
import { type MessageWriter, readAttributes } from '../netlink/message.ts';
import type { Namespace } from '../netns/index.ts';

const getFlow = (1 << 8) | 1;
const deleteFlow = (1 << 8) | 2;
const attribute = { original: 1, reply: 2, id: 12, zone: 18, filter: 25 } as const;
const tupleIp = 1;
const ip = { source4: 1, destination4: 2, source6: 3, destination6: 4 } as const;
const filterSourceAddress = 1;

/** One direction of a flow: who sends to whom. */
interface Direction {
  readonly source: string;
  readonly destination: string;
}

/** A tracked flow; the raw attributes identify it to the kernel. */
interface Flow {
  readonly original: Direction;
  readonly reply: Direction;
  readonly identity: readonly { readonly type: number; readonly value: Buffer }[];
}

/**
 * Forgets every flow that the address opened or answers (original or reply source), as an endpoint that goes away or
 * moves requires. Returns how many there were. Upstream: felix/conntrack/conntrack.go.
 */
export function forgetFlows(address: string, namespace?: Namespace): number {
  const socket = new NetlinkSocket(family.netfilter, {
    ...(namespace ? { namespace } : {}),
    receiveBuffer: 8 << 20,
  });
  try {
    let forgotten = 0;
    for (const side of ['original', 'reply'] as const) {
      for (const flow of listFlows(socket, address, side)) {
        if (flow[side].source === address && remove(socket, address, flow)) forgotten++;
      }
    }
    return forgotten;
  } finally {
    socket.close();
  }
}

/** Flows whose side has the source address; kernels before 5.8 answer with all flows, so callers compare again. */
function listFlows(socket: NetlinkSocket, address: string, side: 'original' | 'reply'): readonly Flow[] {
  const version = versionOf(address);
  const flows: Flow[] = [];
  const fill = (w: MessageWriter) => {
    writeHeader(w, address);
    w.nest(attribute[side], () =>
      w.nest(tupleIp, () => w.bytes(version === 4 ? ip.source4 : ip.source6, addressBytes(address))),
    );
    w.nest(attribute.filter, () => {
      w.number(1, side === 'original' ? filterSourceAddress : 0);
      w.number(2, side === 'reply' ? filterSourceAddress : 0);
    });
  };
  socket.dump(`list the flows of ${address}`, getFlow, fill, (message) => {
    if (message.type !== 1 << 8) return;
    const identity: { type: number; value: Buffer }[] = [];
    let original: Direction = { source: '', destination: '' };
    let reply = original;
    readAttributes(message.body, 4, (type, value) => {
      if (type === attribute.original) original = readDirection(value);
      if (type === attribute.reply) reply = readDirection(value);
      if (type === attribute.original || type === attribute.id || type === attribute.zone) {
        identity.push({ type, value: Buffer.from(value) });
      }
    });
    flows.push({ original, reply, identity });
  });
  return flows;
}

function remove(socket: NetlinkSocket, address: string, flow: Flow): boolean {
  try {
    socket.request(`forget a flow of ${address}`, deleteFlow, 0, (w) => {
      writeHeader(w, address);
      for (const part of flow.identity) {
        if (part.type === attribute.original) w.nest(part.type, () => w.raw(part.value));
        else w.bytes(part.type, part.value);
      }
    });
    return true;
  } catch (error) {
    if (isKernelError(error, 'ENOENT')) return false;
    throw error;
  }
}

/** nfgenmsg. */
function writeHeader(writer: MessageWriter, address: string): void {
  writer
    .u8(familyOf(versionOf(address)))
    .u8(0)
    .u16(0);
}

function readDirection(tuple: Buffer): Direction {
  let source = '';
  let destination = '';
  readAttributes(tuple, 0, (type, value) => {
    if (type !== tupleIp) return;
    readAttributes(value, 0, (part, bytes) => {
      if (part === ip.source4 || part === ip.source6) source = addressText(bytes);
      if (part === ip.destination4 || part === ip.destination6) destination = addressText(bytes);
    });
  });
  return { source, destination };
}
