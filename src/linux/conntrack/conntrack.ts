/** Connection tracking: forgetting the flows of addresses. Wire format: linux/netfilter/nfnetlink_conntrack.h. */
import { isKernelError } from '../libc/index.ts';
import { addressBytes, addressText, familyOf, versionOf } from '../netlink/address-bytes.ts';
import { family, NetlinkSocket } from '../netlink/index.ts';
import { type Message, type MessageWriter, readAttributes } from '../netlink/message.ts';
import type { Namespace } from '../netns/index.ts';

const newFlow = 1 << 8;
const getFlow = (1 << 8) | 1;
const deleteFlow = (1 << 8) | 2;
const attribute = { original: 1, reply: 2, id: 12, zone: 18, filter: 25 } as const;
const tupleIp = 1;
const ip = { source4: 1, destination4: 2, source6: 3, destination6: 4 } as const;
const filterSourceAddress = 1;
const sides = ['original', 'reply'] as const;
const listing = 'list tracked flows';

/** A flow by what identifies it to the kernel. */
interface Flow {
  readonly sources: { readonly original: string; readonly reply: string };
  readonly identity: readonly { readonly type: number; readonly value: Buffer }[];
}

/**
 * Forgets every flow that the address opened or answers (original or reply source), as an endpoint that goes away or
 * moves requires, and returns how many there were. The kernel walks its whole table twice for it: tens of milliseconds,
 * in which the event loop stands still. Upstream: felix/conntrack/conntrack.go.
 */
export function forgetFlows(address: string, namespace?: Namespace): number {
  return withSocket(namespace, (socket) => {
    const flows: Flow[] = [];
    for (const side of sides) {
      socket.dump(listing, getFlow, fillList(address, side), keepIn(flows));
    }
    return flows.filter((flow) => concerns(flow, address) && remove(socket, address, flow)).length;
  });
}

/**
 * The same for several addresses while the event loop goes on. `isWanted` is asked right before the flows of an address
 * are removed: it may have come back meanwhile. One walk through the table serves all of them.
 */
export async function forgetFlowsElsewhere(
  addresses: ReadonlySet<string>,
  isWanted: (address: string) => boolean,
  namespace?: Namespace,
): Promise<number> {
  const socket = openSocket(namespace);
  try {
    const flows: Flow[] = [];
    const [only] = addresses;
    if (addresses.size === 1 && only !== undefined) {
      for (const side of sides)
        await socket.dumpElsewhere(listing, getFlow, fillList(only, side), keepIn(flows));
    } else {
      for (const version of new Set([...addresses].map(versionOf))) {
        const fill = (w: MessageWriter) => void w.u8(familyOf(version)).u8(0).u16(0);
        await socket.dumpElsewhere(listing, getFlow, fill, keepIn(flows, addresses));
      }
    }
    return flows.filter((flow) => {
      const address = sides
        .map((side) => flow.sources[side])
        .find((one) => addresses.has(one) && isWanted(one));
      return address !== undefined && remove(socket, address, flow);
    }).length;
  } finally {
    socket.close();
  }
}

function openSocket(namespace: Namespace | undefined): NetlinkSocket {
  return new NetlinkSocket(family.netfilter, { ...(namespace ? { namespace } : {}), receiveBuffer: 8 << 20 });
}

function withSocket<T>(namespace: Namespace | undefined, act: (socket: NetlinkSocket) => T): T {
  const socket = openSocket(namespace);
  try {
    return act(socket);
  } finally {
    socket.close();
  }
}

/** Kernels before 5.8 ignore the filter and answer with all flows, so each is compared again. */
function concerns(flow: Flow, address: string): boolean {
  return sides.some((side) => flow.sources[side] === address);
}

function fillList(address: string, side: (typeof sides)[number]): (writer: MessageWriter) => void {
  const source = versionOf(address) === 4 ? ip.source4 : ip.source6;
  return (w) => {
    writeHeader(w, address);
    w.nest(attribute[side], () => w.nest(tupleIp, () => w.bytes(source, addressBytes(address))));
    w.nest(attribute.filter, () => {
      w.number(1, side === 'original' ? filterSourceAddress : 0);
      w.number(2, side === 'reply' ? filterSourceAddress : 0);
    });
  };
}

/** Keeps flows, all or those of some addresses. */
function keepIn(flows: Flow[], only?: ReadonlySet<string>): (message: Message) => void {
  return (message) => {
    if (message.type !== newFlow) return;
    const sources = { original: '', reply: '' };
    readAttributes(message.body, 4, (type, value) => {
      if (type === attribute.original) sources.original = readSource(value);
      if (type === attribute.reply) sources.reply = readSource(value);
    });
    if (only && !only.has(sources.original) && !only.has(sources.reply)) return;
    const identity: { type: number; value: Buffer }[] = [];
    readAttributes(message.body, 4, (type, value) => {
      if (type === attribute.original || type === attribute.id || type === attribute.zone) {
        identity.push({ type, value: Buffer.from(value) });
      }
    });
    flows.push({ sources, identity });
  };
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

function readSource(tuple: Buffer): string {
  let source = '';
  readAttributes(tuple, 0, (type, value) => {
    if (type !== tupleIp) return;
    readAttributes(value, 0, (part, bytes) => {
      if (part === ip.source4 || part === ip.source6) source = addressText(bytes);
    });
  });
  return source;
}
