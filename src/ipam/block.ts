/**
 * The algebra of a block: every operation a pure function from block to block (upstream: lib/ipam/ipam_block.go).
 * A {@link Block} is the stored document; members of later releases travel along in `other`.
 */

import type { Json } from '../datastore/index.ts';
import { CalicoError } from '../errors.ts';
import {
  type Address,
  type Cidr,
  cidrContains,
  cidrSize,
  formatAddress,
  parseAddress,
  parseCidr,
} from '../ip/index.ts';
import type { Attributes } from './types.ts';

/** Who an allocation belongs to. Equal entries are stored once and shared. */
export interface BlockAttribute {
  readonly handle: string | undefined;
  readonly secondary: Attributes;
  readonly other: Readonly<Record<string, Json>>;
}

/** A block of addresses. */
export interface Block {
  readonly cidr: Cidr;
  /** Canonical text of `cidr`. */
  readonly text: string;
  /** `host:<node>`, `virtual:<owner>`, or `undefined`. */
  readonly affinity: string | undefined;
  readonly claimTime: string | undefined;
  /** Ordinal → index in `attributes`, `null` when free. */
  readonly allocations: readonly (number | null)[];
  /** Free ordinals, the next one to give first; released ones go to the end. */
  readonly unallocated: readonly number[];
  /** `null` until the first allocation. */
  readonly attributes: readonly BlockAttribute[] | null;
  /** +1 with every write; 0 in blocks of releases that have none. */
  readonly sequence: bigint;
  /** Ordinal → sequence at its allocation. */
  readonly allocationSequence: ReadonlyMap<number, bigint>;
  readonly other: Readonly<Record<string, Json>>;
}

/** The handle that marks addresses Windows reserves. */
const windowsHandle = 'windows-reserved-ipam-handle';

/** Members with a meaning of their own; all others are kept as they are. */
const known = new Set([
  'cidr',
  'affinity',
  'affinity_claim_time',
  'allocations',
  'unallocated',
  'attributes',
  'sequenceNumber',
  'sequenceNumberForAllocation',
  'deleted',
]);

/** A new block without allocations. `sequence` is the Unix time in nanoseconds. */
export function newBlock(
  cidr: Cidr,
  text: string,
  owner: { readonly affinity: string; readonly claimTime: string; readonly sequence: bigint },
): Block {
  const size = Number(cidrSize(cidr));
  return {
    cidr,
    text,
    affinity: owner.affinity,
    claimTime: owner.claimTime,
    allocations: Array<null>(size).fill(null),
    unallocated: Array.from({ length: size }, (_, ordinal) => ordinal),
    attributes: null,
    sequence: owner.sequence,
    allocationSequence: new Map(),
    other: {},
  };
}

/** Reads a stored block. @throws CalicoError INPUT when it is no block */
export function parseBlock(json: Json): Block {
  if (!isObject(json)) throw new CalicoError('INPUT', 'the block is not a JSON object');
  const text = json['cidr'];
  if (typeof text !== 'string') throw new CalicoError('INPUT', 'the block has no cidr');
  const cidr = parseCidr(text);
  const size = Number(cidrSize(cidr));
  const allocations = arrayOf(json['allocations']).map((entry) => (typeof entry === 'number' ? entry : null));
  while (allocations.length < size) allocations.push(null);
  const sequences = isObject(json['sequenceNumberForAllocation']) ? json['sequenceNumberForAllocation'] : {};
  return {
    cidr,
    text,
    affinity: typeof json['affinity'] === 'string' && json['affinity'] !== '' ? json['affinity'] : undefined,
    claimTime: typeof json['affinity_claim_time'] === 'string' ? json['affinity_claim_time'] : undefined,
    allocations,
    unallocated: arrayOf(json['unallocated']).filter((entry) => typeof entry === 'number'),
    attributes: Array.isArray(json['attributes']) ? json['attributes'].map(parseAttribute) : null,
    sequence: toBigInt(json['sequenceNumber']),
    allocationSequence: new Map(
      Object.entries(sequences).map(([ordinal, sequence]) => [Number(ordinal), toBigInt(sequence)]),
    ),
    other: rest(json, known),
  };
}

/** The document to store, members in upstream's order. */
export function formatBlock(block: Block): Json {
  return {
    cidr: block.text,
    affinity: block.affinity ?? null,
    ...(block.claimTime === undefined ? {} : { affinity_claim_time: block.claimTime }),
    allocations: block.allocations,
    unallocated: block.unallocated,
    attributes: block.attributes === null ? null : block.attributes.map(formatAttribute),
    sequenceNumber: block.sequence,
    sequenceNumberForAllocation: Object.fromEntries(block.allocationSequence),
    deleted: false,
    ...block.other,
  };
}

/** The address at an ordinal. */
export function addressAt(block: Block, ordinal: number): string {
  return formatAddress({ version: block.cidr.version, value: block.cidr.value + BigInt(ordinal) });
}

/** The ordinal of an address, `undefined` outside the block. */
export function ordinalOf(block: Block, address: Address): number | undefined {
  return cidrContains(block.cidr, address) ? Number(address.value - block.cidr.value) : undefined;
}

/** The attribute entry of an ordinal; `undefined` when it is free. */
export function attributeAt(block: Block, ordinal: number): BlockAttribute | undefined {
  const index = block.allocations[ordinal];
  if (index === null || index === undefined) return undefined;
  return block.attributes?.[index] ?? { handle: undefined, secondary: {}, other: {} };
}

/** Free ordinals that may be given out now, in order, at most `count`. */
export function freeOrdinals(
  block: Block,
  count: number,
  isReserved: (address: Address) => boolean = () => false,
): readonly number[] {
  const free: number[] = [];
  for (const ordinal of block.unallocated) {
    if (free.length >= count) break;
    const address = { version: block.cidr.version, value: block.cidr.value + BigInt(ordinal) };
    if (!isReserved(address)) free.push(ordinal);
  }
  return free;
}

/** Gives the ordinals to the holder. The caller has made sure that they are free. */
export function allocate(
  block: Block,
  ordinals: readonly number[],
  holder: { readonly handle: string | undefined; readonly secondary: Attributes },
): Block {
  // An attribute that nothing refers to must not stay behind.
  if (ordinals.length === 0) return block;
  const attributes = [...(block.attributes ?? [])];
  const wanted = attributeKey({ ...holder, other: {} });
  // The handle decides nearly always; a block can have thousands of entries.
  let index = attributes.findIndex(
    (entry) => entry.handle === holder.handle && attributeKey(entry) === wanted,
  );
  if (index < 0) index = attributes.push({ ...holder, other: {} }) - 1;
  const allocations = [...block.allocations];
  const allocationSequence = new Map(block.allocationSequence);
  for (const ordinal of ordinals) {
    allocations[ordinal] = index;
    allocationSequence.set(ordinal, block.sequence);
  }
  const taken = new Set(ordinals);
  return {
    ...block,
    allocations,
    unallocated: block.unallocated.filter((ordinal) => !taken.has(ordinal)),
    attributes,
    allocationSequence,
  };
}

/**
 * Frees the ordinals: to the end of the queue in ordinal order; attributes no longer used are dropped. `forget` drops
 * their sequence numbers as well, as upstream does in a release by address (but not in one by handle).
 */
export function release(block: Block, ordinals: readonly number[], forget = false): Block {
  const freed = ordinals.filter((ordinal) => block.allocations[ordinal] != null).sort((a, b) => a - b);
  if (freed.length === 0) return block;
  const allocations = [...block.allocations];
  for (const ordinal of freed) allocations[ordinal] = null;
  const allocationSequence = new Map(block.allocationSequence);
  if (forget) for (const ordinal of freed) allocationSequence.delete(ordinal);
  const renumbered = new Map<number, number>();
  const used = new Set(allocations);
  const attributes = (block.attributes ?? []).filter((_, index) => {
    if (!used.has(index)) return false;
    renumbered.set(index, renumbered.size);
    return true;
  });
  return {
    ...block,
    allocations: allocations.map((index) => (index === null ? null : (renumbered.get(index) ?? null))),
    unallocated: [...block.unallocated, ...freed],
    attributes,
    allocationSequence,
  };
}

/** The block as the next write stores it. */
export function nextWrite(block: Block): Block {
  return { ...block, sequence: block.sequence + 1n };
}

/** The block without an owner. */
export function withoutAffinity(block: Block): Block {
  return { ...block, affinity: undefined, claimTime: undefined };
}

/** Whether nothing is allocated but what Windows reserves. */
export function isEmpty(block: Block): boolean {
  return block.allocations.every(
    (index, ordinal) =>
      index === null || attributeAt(block, ordinal)?.handle?.toLowerCase() === windowsHandle,
  );
}

/** Ordinals held under a handle. */
export function ordinalsOfHandle(block: Block, handle: string): readonly number[] {
  const indexes = new Set<number>();
  block.attributes?.forEach((entry, index) => {
    if (entry.handle === handle) indexes.add(index);
  });
  if (indexes.size === 0) return [];
  return block.allocations.flatMap((index, ordinal) =>
    index !== null && indexes.has(index) ? [ordinal] : [],
  );
}

/** Addresses per handle in the block. */
export function handleCounts(block: Block): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const index of block.allocations) {
    const handle = index === null ? undefined : block.attributes?.[index]?.handle;
    if (handle !== undefined) counts.set(handle, (counts.get(handle) ?? 0) + 1);
  }
  return counts;
}

/** The node of a block's affinity `host:<node>`; `undefined` for none and for virtual owners. */
export function ownerHost(block: Pick<Block, 'affinity'>): string | undefined {
  return block.affinity?.startsWith('host:') ? block.affinity.slice('host:'.length) : undefined;
}

/** Whether the address lies in the block and is allocated. */
export function isAllocated(block: Block, address: string): boolean {
  const ordinal = ordinalOf(block, parseAddress(address));
  return ordinal !== undefined && block.allocations[ordinal] != null;
}

function parseAttribute(json: Json): BlockAttribute {
  const entry = isObject(json) ? json : {};
  const handle = entry['handle_id'];
  const secondary = isObject(entry['secondary']) ? entry['secondary'] : {};
  return {
    // An old migration wrote handles with a tail after \r; upstream cuts it on reading.
    handle: typeof handle === 'string' ? handle.split('\r', 1)[0]! : undefined,
    secondary: Object.fromEntries(Object.entries(secondary).map(([name, value]) => [name, String(value)])),
    other: rest(entry, new Set(['handle_id', 'secondary'])),
  };
}

function formatAttribute(entry: BlockAttribute): Json {
  const secondary = Object.entries(entry.secondary).sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    ...(entry.handle === undefined ? {} : { handle_id: entry.handle }),
    ...(secondary.length === 0 ? {} : { secondary: Object.fromEntries(secondary) }),
    ...entry.other,
  };
}

/** Text that is equal for entries equal in all members. */
function attributeKey(entry: BlockAttribute): string {
  const secondary = Object.entries(entry.secondary).sort(([a], [b]) => (a < b ? -1 : 1));
  const other = Object.entries(entry.other).filter(([, value]) => value !== null && value !== undefined);
  return JSON.stringify([entry.handle ?? null, secondary, other], (_name, value: unknown) =>
    typeof value === 'bigint' ? value.toString() : value,
  );
}

function rest(
  json: Readonly<Record<string, Json | undefined>>,
  without: ReadonlySet<string>,
): Record<string, Json> {
  const others: Record<string, Json> = {};
  for (const [name, value] of Object.entries(json)) {
    if (!without.has(name) && value !== undefined) others[name] = value;
  }
  return others;
}

function toBigInt(json: Json | undefined): bigint {
  if (typeof json === 'bigint') return json;
  return typeof json === 'number' && Number.isInteger(json) ? BigInt(json) : 0n;
}

function arrayOf(json: Json | undefined): readonly Json[] {
  return Array.isArray(json) ? json : [];
}

function isObject(json: Json | undefined): json is { readonly [name: string]: Json | undefined } {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}
