/** Who changed nftables, as the kernel tells: one event per committed transaction. */
import { family, NetlinkSocket } from '../netlink/index.ts';
import { readAttributes, readText } from '../netlink/message.ts';
import type { Namespace } from '../netns/index.ts';

/** A committed transaction. */
export interface NftTransaction {
  /** The ruleset's generation after it: one more than before, whoever commits. */
  readonly generation: number;
  /** Program that committed it (15 characters at most). */
  readonly program: string;
  /** Tables it touched, as `ip calico`. */
  readonly tables: ReadonlySet<string>;
}

const subsystem = 10;
const newGeneration = 15;
const getGeneration = 16;
const multicastGroup = 7;
const attribute = { table: 1, generation: 1, program: 3 } as const;
const families: Readonly<Record<number, string>> = {
  1: 'inet',
  2: 'ip',
  3: 'arp',
  5: 'netdev',
  7: 'bridge',
  10: 'ip6',
};

/** What {@link watchNftables} needs. */
export interface WatchNftablesOptions {
  readonly namespace?: Namespace;
  readonly onTransaction: (transaction: NftTransaction) => void;
  /** The kernel dropped events: read everything again. */
  readonly onOverrun: () => void;
}

/** Subscribes; the returned function ends the subscription. */
export function watchNftables(options: WatchNftablesOptions): () => void {
  const socket = new NetlinkSocket(family.netfilter, {
    ...(options.namespace ? { namespace: options.namespace } : {}),
    groups: [multicastGroup],
    receiveBuffer: 16 << 20,
  });
  let tables = new Set<string>();
  socket.listen((message) => {
    if (message.type >> 8 !== subsystem) return;
    const kind = message.type & 0xff;
    if (kind !== newGeneration) {
      const name = tableName(message.body);
      if (name !== undefined) tables.add(name);
      return;
    }
    let generation = 0;
    let program = '';
    readAttributes(message.body, 4, (type, value) => {
      if (type === attribute.generation) generation = value.readUInt32BE(0);
      if (type === attribute.program) program = readText(value);
    });
    const touched = tables;
    tables = new Set();
    options.onTransaction({ generation, program, tables: touched });
  }, options.onOverrun);
  return () => socket.close();
}

/** The ruleset's generation in the namespace now. */
export function nftGeneration(namespace?: Namespace): number {
  const socket = new NetlinkSocket(family.netfilter, namespace ? { namespace } : {});
  try {
    const message = socket.get('get the nftables generation', (subsystem << 8) | getGeneration, (w) =>
      w.u32(0),
    );
    let generation = 0;
    if (message) {
      readAttributes(message.body, 4, (type, value) => {
        if (type === attribute.generation) generation = value.readUInt32BE(0);
      });
    }
    return generation;
  } finally {
    socket.close();
  }
}

function tableName(body: Buffer): string | undefined {
  let name: string | undefined;
  readAttributes(body, 4, (type, value) => {
    if (type === attribute.table) name ??= readText(value);
  });
  return name === undefined ? undefined : `${families[body[0] ?? 0] ?? body[0]} ${name}`;
}
