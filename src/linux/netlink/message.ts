/**
 * Netlink messages as bytes: header, fixed part, attributes. Pure. Numbers are little-endian, as on every machine that
 * the project supports; values in network order are written by the `…Be` methods.
 *
 * Wire format: include/uapi/linux/netlink.h of Linux.
 */

/** Length of nlmsghdr. */
const headerLength = 16;

/** Message flags. */
export const flags = {
  request: 0x1,
  multi: 0x2,
  ack: 0x4,
  interrupted: 0x10,
  root: 0x100,
  match: 0x200,
  dump: 0x300,
  replace: 0x100,
  exclusive: 0x200,
  create: 0x400,
  append: 0x800,
} as const;

/** Message types below 16 belong to netlink itself. */
export const controlType = { error: 2, done: 3, overrun: 4 } as const;

/** Marks an attribute that holds attributes. */
const nestedBit = 0x8000;

/** Writes one or more messages into a buffer that grows. */
export class MessageWriter {
  #bytes: Buffer;
  #length = 0;
  #message = 0;

  constructor(size = 4096) {
    this.#bytes = Buffer.alloc(size);
  }

  /** Starts over; the bytes handed out before are overwritten. */
  reset(): this {
    this.#length = 0;
    return this;
  }

  get length(): number {
    return this.#length;
  }

  /** Begins a message. */
  begin(type: number, messageFlags: number, sequence: number): this {
    this.#message = this.#length;
    this.#reserve(headerLength);
    this.#bytes.writeUInt16LE(type, this.#message + 4);
    this.#bytes.writeUInt16LE(messageFlags, this.#message + 6);
    this.#bytes.writeUInt32LE(sequence, this.#message + 8);
    return this;
  }

  /** Ends the message begun last. */
  end(): this {
    this.#bytes.writeUInt32LE(this.#length - this.#message, this.#message);
    return this;
  }

  u8(value: number): this {
    this.#bytes.writeUInt8(value, this.#reserve(1));
    return this;
  }

  u16(value: number): this {
    this.#bytes.writeUInt16LE(value, this.#reserve(2));
    return this;
  }

  u32(value: number): this {
    this.#bytes.writeUInt32LE(value >>> 0, this.#reserve(4));
    return this;
  }

  raw(value: Uint8Array): this {
    const at = this.#reserve(value.length);
    this.#bytes.set(value, at);
    this.#pad();
    return this;
  }

  /** Attribute of bytes. */
  bytes(type: number, value: Uint8Array): this {
    this.#head(type, value.length);
    return this.raw(value);
  }

  /** Attribute of a number of 1, 2 or 4 bytes. */
  number(type: number, value: number, size: 1 | 2 | 4 = 4): this {
    this.#head(type, size);
    this.#bytes.writeUIntLE(value >>> 0, this.#reserve(size), size);
    this.#pad();
    return this;
  }

  /** Attribute of a 16 or 32 bit number in network order. */
  numberBe(type: number, value: number, size: 2 | 4): this {
    this.#head(type, size);
    this.#bytes.writeUIntBE(value >>> 0, this.#reserve(size), size);
    this.#pad();
    return this;
  }

  /** Attribute of a zero-ended string. */
  text(type: number, value: string): this {
    return this.bytes(type, Buffer.from(`${value}\0`));
  }

  /** Attribute that holds what `fill` writes. */
  nest(type: number, fill: () => void, mark = true): this {
    const at = this.#length;
    this.#head(mark ? type | nestedBit : type, 0);
    fill();
    this.#bytes.writeUInt16LE(this.#length - at, at);
    return this;
  }

  /** A structure that begins with its own length in 16 bits, such as rtnexthop. */
  sized(fill: () => void): this {
    const at = this.#reserve(2);
    fill();
    this.#bytes.writeUInt16LE(this.#length - at, at);
    return this;
  }

  /** What was written; valid until the next write. */
  result(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  #head(type: number, length: number): void {
    const at = this.#reserve(4);
    this.#bytes.writeUInt16LE(length + 4, at);
    this.#bytes.writeUInt16LE(type, at + 2);
  }

  #reserve(size: number): number {
    const at = this.#length;
    if (at + size + 4 > this.#bytes.length) {
      const grown = Buffer.alloc(Math.max(this.#bytes.length * 2, at + size + 4));
      this.#bytes.copy(grown, 0, 0, at);
      this.#bytes = grown;
    }
    this.#bytes.fill(0, at, at + size);
    this.#length = at + size;
    return at;
  }

  #pad(): void {
    while (this.#length % 4 !== 0) this.u8(0);
  }
}

/** One received message. */
export interface Message {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** What follows the header; a view on the receive buffer, valid until the next receive. */
  readonly body: Buffer;
}

/** The messages of a datagram. */
export function* readMessages(datagram: Buffer): Generator<Message> {
  for (let at = 0; at + headerLength <= datagram.length; ) {
    const length = datagram.readUInt32LE(at);
    if (length < headerLength || at + length > datagram.length) return;
    yield {
      type: datagram.readUInt16LE(at + 4),
      flags: datagram.readUInt16LE(at + 6),
      sequence: datagram.readUInt32LE(at + 8),
      body: datagram.subarray(at + headerLength, at + length),
    };
    at += (length + 3) & ~3;
  }
}

/** The attributes in bytes: calls back with type (without the nested mark) and value. */
export function readAttributes(
  bytes: Buffer,
  from: number,
  onAttribute: (type: number, value: Buffer) => void,
): void {
  for (let at = from; at + 4 <= bytes.length; ) {
    const length = bytes.readUInt16LE(at);
    if (length < 4 || at + length > bytes.length) return;
    onAttribute(bytes.readUInt16LE(at + 2) & 0x3fff, bytes.subarray(at + 4, at + length));
    at += (length + 3) & ~3;
  }
}

/** Text of a zero-ended string attribute. */
export function readText(value: Buffer): string {
  const end = value.indexOf(0);
  return value.toString('utf8', 0, end < 0 ? value.length : end);
}
