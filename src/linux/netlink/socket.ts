/** A netlink socket: requests with answers, dumps, multicast groups. */
import {
  AF_NETLINK,
  bindSocket,
  closeDescriptor,
  isKernelError,
  KernelError,
  MSG_DONTWAIT,
  openSocket,
  receiveDatagram,
  receiveDatagramElsewhere,
  SOCK_RAW,
  sendDatagram,
  sendDatagramAsync,
  setSocketOption,
  whenReadable,
} from '../libc/index.ts';
import type { Namespace } from '../netns/index.ts';
import {
  controlType,
  flags,
  type Message,
  MessageWriter,
  readAttributes,
  readMessages,
  readText,
} from './message.ts';

/** Netlink families that the room uses. */
export const family = { route: 0, netfilter: 12 } as const;

const solSocket = 1;
const soReceiveBuffer = 8;
const soReceiveBufferForce = 33;
const solNetlink = 270;
const netlinkOption = { addMembership: 1, capAck: 10, extendedAck: 11, strictCheck: 12 } as const;

/** Requests in one datagram at most: their answers must fit into the receive buffer together. */
const batchLimit = 128;

/** Outcome of one request of a batch: absent where it succeeded. */
export type BatchErrors = ReadonlyMap<number, KernelError>;

/** Where a socket lives and what it hears. */
export interface NetlinkSocketOptions {
  /** The namespace in which the socket is opened and stays; default the calling thread's. */
  readonly namespace?: Namespace;
  /** Multicast group numbers. */
  readonly groups?: readonly number[];
  /** Receive buffer in bytes. */
  readonly receiveBuffer?: number;
}

/**
 * A socket of one family. Requests are synchronous: the kernel answers within the call, so that no answer can be mixed
 * up with another. Use one socket for requests and another one for events.
 */
export class NetlinkSocket {
  readonly #fd: number;
  readonly #writer = new MessageWriter(16384);
  readonly #receive = Buffer.alloc(1 << 17);
  #sequence = 0;
  #open = true;
  #unwatch: (() => void) | undefined;

  constructor(netlinkFamily: number, options: NetlinkSocketOptions = {}) {
    const open = () => openSocket(AF_NETLINK, SOCK_RAW, netlinkFamily);
    this.#fd = options.namespace ? options.namespace.run(open) : open();
    const size = options.receiveBuffer ?? 1 << 20;
    if (!setSocketOption(this.#fd, solSocket, soReceiveBufferForce, size)) {
      setSocketOption(this.#fd, solSocket, soReceiveBuffer, size);
    }
    setSocketOption(this.#fd, solNetlink, netlinkOption.capAck, 1);
    setSocketOption(this.#fd, solNetlink, netlinkOption.extendedAck, 1);
    if (netlinkFamily === family.route) setSocketOption(this.#fd, solNetlink, netlinkOption.strictCheck, 1);
    const address = Buffer.alloc(12);
    address.writeUInt16LE(AF_NETLINK, 0);
    bindSocket(this.#fd, address);
    for (const group of options.groups ?? []) {
      setSocketOption(this.#fd, solNetlink, netlinkOption.addMembership, group);
    }
  }

  /** Sends one request and waits for the kernel's acknowledgement. @throws KernelError naming `what` */
  request(what: string, type: number, extraFlags: number, fill: (writer: MessageWriter) => void): void {
    const error = this.batch([{ what, type, flags: extraFlags, fill }]).get(0);
    if (error) throw error;
  }

  /** Sends requests in order and collects the refusals by index; one refusal does not stop the others. */
  batch(
    requests: readonly {
      readonly what: string;
      readonly type: number;
      readonly flags: number;
      readonly fill: (writer: MessageWriter) => void;
    }[],
  ): BatchErrors {
    const errors = new Map<number, KernelError>();
    for (let start = 0; start < requests.length; start += batchLimit) {
      const part = requests.slice(start, start + batchLimit);
      const first = this.#sequence + 1;
      this.#writer.reset();
      for (const request of part) {
        this.#sequence++;
        this.#writer.begin(request.type, flags.request | flags.ack | request.flags, this.#sequence);
        request.fill(this.#writer);
        this.#writer.end();
      }
      sendDatagram(this.#fd, this.#writer.result());
      for (let left = part.length; left > 0; ) {
        for (const message of this.#next()) {
          const index = message.sequence - first;
          const request = part[index];
          if (!request || message.type !== controlType.error) continue;
          left--;
          const error = readError(request.what, message);
          if (error) errors.set(start + index, error);
        }
      }
    }
    return errors;
  }

  /**
   * As {@link request}, with the kernel at work on another thread. The socket must be used for nothing else meanwhile.
   */
  async requestAsync(
    what: string,
    type: number,
    extraFlags: number,
    fill: (writer: MessageWriter) => void,
  ): Promise<void> {
    const sequence = ++this.#sequence;
    this.#writer.reset().begin(type, flags.request | flags.ack | extraFlags, sequence);
    fill(this.#writer);
    this.#writer.end();
    await sendDatagramAsync(this.#fd, Buffer.from(this.#writer.result()));
    // The kernel answers before the call returns: the acknowledgement is there.
    for (;;) {
      for (const message of this.#next()) {
        if (message.sequence !== sequence || message.type !== controlType.error) continue;
        const error = readError(what, message);
        if (error) throw error;
        return;
      }
    }
  }

  /** Asks for a list and hands each message over. False: the list changed meanwhile and may be inconsistent. */
  dump(
    what: string,
    type: number,
    fill: (writer: MessageWriter) => void,
    onMessage: (message: Message) => void,
  ): boolean {
    const sequence = ++this.#sequence;
    this.#writer.reset().begin(type, flags.request | flags.dump, sequence);
    fill(this.#writer);
    this.#writer.end();
    sendDatagram(this.#fd, this.#writer.result());
    let consistent = true;
    for (;;) {
      const state = this.#readDump(what, sequence, this.#next(), onMessage);
      if (state === 'inconsistent') consistent = false;
      if (state === 'done') return consistent;
    }
  }

  /**
   * The same while the event loop goes on: lists for which the kernel walks a large table (connection tracking). The
   * socket must be used for nothing else meanwhile.
   */
  async dumpElsewhere(
    what: string,
    type: number,
    fill: (writer: MessageWriter) => void,
    onMessage: (message: Message) => void,
  ): Promise<void> {
    const sequence = ++this.#sequence;
    this.#writer.reset().begin(type, flags.request | flags.dump, sequence);
    fill(this.#writer);
    this.#writer.end();
    sendDatagram(this.#fd, this.#writer.result());
    for (;;) {
      const length = await receiveDatagramElsewhere(this.#fd, this.#receive);
      const messages = readMessages(this.#receive.subarray(0, length));
      if (this.#readDump(what, sequence, messages, onMessage) === 'done') return;
    }
  }

  #readDump(
    what: string,
    sequence: number,
    messages: Iterable<Message>,
    onMessage: (message: Message) => void,
  ): 'more' | 'inconsistent' | 'done' {
    let state: 'more' | 'inconsistent' = 'more';
    for (const message of messages) {
      if (message.sequence !== sequence) continue;
      if ((message.flags & flags.interrupted) !== 0) state = 'inconsistent';
      if (message.type === controlType.done || message.type === controlType.error) {
        const error = readError(what, message);
        if (error) throw error;
        return 'done';
      }
      onMessage(message);
    }
    return state;
  }

  /** Sends one request whose answer is one message. @throws KernelError */
  get(what: string, type: number, fill: (writer: MessageWriter) => void): Message | undefined {
    const sequence = ++this.#sequence;
    this.#writer.reset().begin(type, flags.request, sequence);
    fill(this.#writer);
    this.#writer.end();
    sendDatagram(this.#fd, this.#writer.result());
    for (;;) {
      for (const message of this.#next()) {
        if (message.sequence !== sequence) continue;
        if (message.type !== controlType.error) return { ...message, body: Buffer.from(message.body) };
        const error = readError(what, message);
        if (error) throw error;
      }
    }
  }

  /** Hands over what the multicast groups say, as it comes. `onOverrun`: the kernel dropped some; read everything. */
  listen(onMessage: (message: Message) => void, onOverrun: () => void): void {
    this.#unwatch = whenReadable(this.#fd, () => {
      for (;;) {
        let length: number | undefined;
        try {
          length = receiveDatagram(this.#fd, this.#receive, MSG_DONTWAIT);
        } catch (error) {
          if (!isKernelError(error, 'ENOBUFS')) throw error;
          onOverrun();
          continue;
        }
        if (length === undefined) return;
        for (const message of readMessages(this.#receive.subarray(0, length))) onMessage(message);
        if (!this.#open) return;
      }
    });
  }

  /** Closes the socket and ends its subscription. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#unwatch?.();
    closeDescriptor(this.#fd);
  }

  #next(): Generator<Message> {
    const length = receiveDatagram(this.#fd, this.#receive) ?? 0;
    return readMessages(this.#receive.subarray(0, length));
  }
}

/** The refusal in an acknowledgement, with the kernel's own explanation where it gives one. */
function readError(what: string, message: Message): KernelError | undefined {
  const code = message.body.length < 4 ? 0 : -message.body.readInt32LE(0);
  if (code === 0) return undefined;
  let explanation: string | undefined;
  if ((message.flags & 0x200) !== 0) {
    // NLM_F_ACK_TLVS: attributes follow the error code and the header of the request.
    const echoed =
      message.type === controlType.done
        ? 0
        : (message.flags & 0x100) !== 0
          ? 16
          : message.body.readUInt32LE(4);
    readAttributes(message.body, 4 + ((echoed + 3) & ~3), (type, value) => {
      if (type === 1) explanation = readText(value);
    });
  }
  return new KernelError(what, code, explanation);
}
