/**
 * Elements of nftables sets and verdict maps by netlink, for tables whose size must not matter: libnftables reads all
 * elements of a table before it changes one.
 *
 * Wire format: include/uapi/linux/netfilter/nf_tables.h. Each call is transactions of the kernel's own: a batch is
 * taken whole or not at all.
 */
import {
  addressToBytes,
  addToAddress,
  cidrSize,
  formatAddress,
  parseAddress,
  parseCidr,
} from '../../ip/index.ts';
import {
  AF_NETLINK,
  bindSocket,
  closeDescriptor,
  KernelError,
  openSocket,
  receiveDatagram,
  SOCK_RAW,
  sendDatagram,
  setSocketOption,
} from '../libc/index.ts';
import { flags, MessageWriter, readAttributes, readMessages, readText } from '../netlink/message.ts';
import type { Namespace } from '../netns/index.ts';

/** What the elements of a set are. `interval` sets hold addresses and blocks that do not overlap. */
export type ElementKind = 'address' | 'interval' | 'address-protocol-port' | 'interface-goto';

/**
 * Changes of one set. Elements are text: `10.0.0.1`, `10.0.0.0/8`, `10.0.0.1,6:80` (protocol by number), and for maps
 * `caliw1>chain`, the interface and the chain that it goes to.
 */
export interface ElementChange {
  readonly family: 'ip' | 'ip6';
  readonly table: string;
  readonly set: string;
  readonly kind: ElementKind;
  readonly removed: readonly string[];
  readonly added: readonly string[];
}

const subsystem = 10;
const message = {
  getGeneration: 16,
  newElements: 12,
  getElements: 13,
  deleteElements: 14,
  batchBegin: 16,
  batchEnd: 17,
} as const;
const list = { table: 1, set: 2, elements: 3 } as const;
const element = { key: 1, data: 2, flags: 3 } as const;
const dataAttribute = { value: 1, verdict: 2 } as const;
const verdict = { code: 1, chain: 2 } as const;
const gotoCode = 0xfffffffc;
const intervalEnd = 1;
const families = { ip: 2, ip6: 10 } as const;

/** Bytes of one batch at most: it is one datagram, and its answers must fit into the receive buffer. */
const batchBytes = 100_000;
const elementsPerMessage = 400;

/** A channel to the kernel's sets in one network namespace. */
export class NftElements {
  readonly #fd: number;
  readonly #writer = new MessageWriter(1 << 17);
  readonly #receive = Buffer.alloc(1 << 17);
  #sequence = 1;

  constructor(options: { readonly namespace?: Namespace } = {}) {
    const open = () => openSocket(AF_NETLINK, SOCK_RAW, 12);
    this.#fd = options.namespace ? options.namespace.run(open) : open();
    // SO_RCVBUFFORCE and SO_SNDBUFFORCE, as whole batches and their answers wait in them.
    setSocketOption(this.#fd, 1, 33, 4 << 20);
    setSocketOption(this.#fd, 1, 32, 4 << 20);
    const address = Buffer.alloc(12);
    address.writeUInt16LE(AF_NETLINK, 0);
    bindSocket(this.#fd, address);
  }

  /**
   * Makes the changes, what leaves a set before what comes. Returns how many transactions it took: one, unless there
   * is more than fits into one. @throws KernelError ENOENT for an element to be removed that is not there
   */
  commit(changes: readonly ElementChange[]): number {
    const parts = changes.flatMap((change) => [
      ...pieces(change, change.removed, message.deleteElements),
      ...pieces(change, change.added, message.newElements),
    ]);
    let batches = 0;
    for (let at = 0; at < parts.length; ) {
      const first = this.#begin();
      let count = 0;
      while (at < parts.length && (count === 0 || this.#writer.length < batchBytes)) {
        this.#write(parts[at]!);
        count++;
        at++;
      }
      this.#end(first, count);
      batches++;
    }
    return batches;
  }

  /** All elements of a set, in the text of {@link ElementChange}. */
  read(family: 'ip' | 'ip6', table: string, set: string, kind: ElementKind): ReadonlySet<string> {
    const sequence = this.#sequence++;
    this.#writer.reset().begin((subsystem << 8) | message.getElements, flags.request | flags.dump, sequence);
    this.#header(families[family]);
    this.#writer.text(list.table, table);
    this.#writer.text(list.set, set);
    this.#writer.end();
    sendDatagram(this.#fd, this.#writer.result());
    const found: RawElement[] = [];
    for (;;) {
      const length = receiveDatagram(this.#fd, this.#receive) ?? 0;
      for (const one of readMessages(this.#receive.subarray(0, length))) {
        if (one.sequence !== sequence) continue;
        if (one.type === 3) return textOf(found, kind);
        if (one.type === 2) {
          const code = -one.body.readInt32LE(0);
          if (code === 0) return textOf(found, kind);
          throw new KernelError(`read set ${set}`, code);
        }
        readAttributes(one.body, 4, (type, value) => {
          if (type === list.elements) readAttributes(value, 0, (_, item) => found.push(readElement(item)));
        });
      }
    }
  }

  /**
   * The ruleset's generation. On this socket, which stays open: closing a netfilter socket waits until the kernel has
   * freed what was deleted, some 15 ms.
   */
  generation(): number {
    const sequence = this.#sequence++;
    this.#writer.reset().begin((subsystem << 8) | message.getGeneration, flags.request, sequence);
    this.#header(0);
    this.#writer.end();
    sendDatagram(this.#fd, this.#writer.result());
    for (;;) {
      const length = receiveDatagram(this.#fd, this.#receive) ?? 0;
      for (const one of readMessages(this.#receive.subarray(0, length))) {
        if (one.sequence !== sequence) continue;
        let generation = 0;
        if (one.type !== 2) {
          readAttributes(one.body, 4, (type, value) => {
            if (type === 1) generation = value.readUInt32BE(0);
          });
        }
        return generation;
      }
    }
  }

  close(): void {
    closeDescriptor(this.#fd);
  }

  #begin(): number {
    this.#writer.reset().begin(message.batchBegin, flags.request, this.#sequence++);
    this.#header(0, subsystem);
    this.#writer.end();
    return this.#sequence;
  }

  #write({ change, part, type }: Piece): void {
    const create = type === message.newElements ? flags.create : 0;
    this.#writer.begin((subsystem << 8) | type, flags.request | flags.ack | create, this.#sequence++);
    this.#header(families[change.family]);
    this.#writer.text(list.table, change.table);
    this.#writer.text(list.set, change.set);
    this.#writer.nest(list.elements, () => {
      for (const one of part) writeElement(this.#writer, one, change.kind, type === message.newElements);
    });
    this.#writer.end();
  }

  #end(first: number, count: number): void {
    this.#writer.begin(message.batchEnd, flags.request, this.#sequence++);
    this.#header(0, subsystem);
    this.#writer.end();
    sendDatagram(this.#fd, this.#writer.result());
    let refusal: KernelError | undefined;
    for (let left = count; left > 0; ) {
      const length = receiveDatagram(this.#fd, this.#receive) ?? 0;
      for (const one of readMessages(this.#receive.subarray(0, length))) {
        const index = one.sequence - first;
        if (one.type !== 2 || index < 0 || index >= count) continue;
        left--;
        const code = -one.body.readInt32LE(0);
        if (code !== 0) refusal ??= new KernelError('change nftables elements', code);
      }
    }
    if (refusal) throw refusal;
  }

  /** nfgenmsg: family, version 0, resource id in network order. */
  #header(family: number, resource = 0): void {
    this.#writer.raw(Uint8Array.of(family, 0, resource >> 8, resource & 255));
  }
}

interface Piece {
  readonly change: ElementChange;
  readonly part: readonly string[];
  readonly type: number;
}

function pieces(change: ElementChange, elements: readonly string[], type: number): readonly Piece[] {
  const parts: Piece[] = [];
  for (let at = 0; at < elements.length; at += elementsPerMessage) {
    parts.push({ change, part: elements.slice(at, at + elementsPerMessage), type });
  }
  return parts;
}

function writeElement(writer: MessageWriter, text: string, kind: ElementKind, add: boolean): void {
  const write = (key: Uint8Array, end = false, chain?: string): void => {
    writer.nest(1, () => {
      if (end) writer.numberBe(element.flags, intervalEnd, 4);
      writer.nest(element.key, () => writer.bytes(dataAttribute.value, key));
      if (chain === undefined) return;
      writer.nest(element.data, () =>
        writer.nest(dataAttribute.verdict, () => {
          writer.numberBe(verdict.code, gotoCode, 4);
          writer.text(verdict.chain, chain);
        }),
      );
    });
  };
  switch (kind) {
    case 'address':
      write(addressToBytes(parseAddress(text)));
      return;
    case 'interval': {
      const cidr = parseCidr(text);
      write(addressToBytes(cidr));
      const after = addToAddress(cidr, cidrSize(cidr));
      // What reaches to the last address has no end.
      if (after.value < 1n << (cidr.version === 4 ? 32n : 128n)) write(addressToBytes(after), true);
      return;
    }
    case 'address-protocol-port': {
      const comma = text.indexOf(',');
      const [protocol, port] = text
        .slice(comma + 1)
        .split(':')
        .map(Number);
      const address = addressToBytes(parseAddress(text.slice(0, comma)));
      const key = new Uint8Array(address.length + 8);
      key.set(address);
      key[address.length] = protocol ?? 0;
      key[address.length + 4] = (port ?? 0) >> 8;
      key[address.length + 5] = (port ?? 0) & 255;
      write(key);
      return;
    }
    case 'interface-goto': {
      const [name = '', chain = ''] = text.split('>');
      const key = new Uint8Array(16);
      key.set(Buffer.from(name, 'latin1').subarray(0, 15));
      write(key, false, add ? chain : undefined);
      return;
    }
  }
}

interface RawElement {
  readonly key: Buffer;
  readonly end: boolean;
  readonly chain: string;
}

function readElement(item: Buffer): RawElement {
  let key: Buffer = Buffer.alloc(0);
  let end = false;
  let chain = '';
  readAttributes(item, 0, (type, value) => {
    if (type === element.flags) end = (value.readUInt32BE(0) & intervalEnd) !== 0;
    if (type === element.key) {
      readAttributes(value, 0, (inner, bytes) => {
        if (inner === dataAttribute.value) key = Buffer.from(bytes);
      });
    }
    if (type === element.data) {
      readAttributes(value, 0, (inner, bytes) => {
        if (inner !== dataAttribute.verdict) return;
        readAttributes(bytes, 0, (part, content) => {
          if (part === verdict.chain) chain = readText(content);
        });
      });
    }
  });
  return { key, end, chain };
}

function textOf(elements: readonly RawElement[], kind: ElementKind): ReadonlySet<string> {
  if (kind === 'interval') return intervalsOf(elements);
  return new Set(
    elements.map(({ key, chain }) => {
      if (kind === 'interface-goto') return `${readText(key)}>${chain}`;
      if (kind === 'address') return addressText(key);
      const size = key.length - 8;
      return `${addressText(key.subarray(0, size))},${key[size]}:${key.readUInt16BE(size + 4)}`;
    }),
  );
}

function addressText(bytes: Buffer): string {
  return formatAddress({ version: bytes.length === 4 ? 4 : 6, value: BigInt(`0x${bytes.toString('hex')}`) });
}

/** Beginnings and ends, as the kernel keeps intervals, into blocks; what is no block is `first-last`. */
function intervalsOf(elements: readonly RawElement[]): ReadonlySet<string> {
  const points = elements.map(({ key, end }) => ({
    value: BigInt(`0x${key.toString('hex')}`),
    end,
    size: key.length,
  }));
  points.sort((a, b) => (a.value === b.value ? Number(b.end) - Number(a.end) : a.value < b.value ? -1 : 1));
  const texts = new Set<string>();
  let start: bigint | undefined;
  const close = (end: bigint, size: number): void => {
    if (start === undefined) return;
    const version = size === 4 ? 4 : 6;
    const length = end - start;
    const bits = length.toString(2).length - 1;
    const address = formatAddress({ version, value: start });
    const whole = 1n << BigInt(bits) === length && start % length === 0n;
    const prefix = size * 8 - bits;
    const last = formatAddress({ version, value: end - 1n });
    texts.add(whole ? (bits === 0 ? address : `${address}/${prefix}`) : `${address}-${last}`);
    start = undefined;
  };
  for (const { value, end, size } of points) {
    close(value, size);
    if (!end) start = value;
  }
  const size = points[0]?.size ?? 4;
  close(1n << BigInt(size * 8), size);
  return texts;
}
