/** The messages of etcd's v3 API that we use, to and from protobuf (field numbers of etcd's rpc.proto and kv.proto). */
import { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';
import type {
  KvCompare,
  KvOp,
  KvOpResult,
  KvPair,
  KvRange,
  KvRangeResult,
  KvTxn,
  KvTxnResult,
} from '../kv.ts';

/** Keys cross the wire as bytes of UTF-8. */
const utf8 = new TextDecoder();

type FieldReader<T> = (field: number, reader: BinaryReader, into: T) => boolean;

/** Reads one message: `read` handles the fields it knows and says so, others are skipped. */
function readMessage<T>(reader: BinaryReader, length: number, into: T, read: FieldReader<T>): T {
  const end = reader.pos + length;
  while (reader.pos < end) {
    const [field, wireType] = reader.tag();
    if (!read(field, reader, into)) reader.skip(wireType);
  }
  return into;
}

function decode<T>(bytes: Uint8Array, into: T, read: FieldReader<T>): T {
  return readMessage(new BinaryReader(bytes), bytes.length, into, read);
}

function nested<T>(reader: BinaryReader, into: T, read: FieldReader<T>): T {
  return readMessage(reader, reader.uint32(), into, read);
}

interface Header {
  revision: string;
}

const readHeader: FieldReader<Header> = (field, reader, into) => {
  if (field !== 3) return false;
  into.revision = String(reader.int64());
  return true;
};

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

function newPair(): Mutable<KvPair> {
  return {
    key: '',
    value: new Uint8Array(),
    createRevision: '0',
    modRevision: '0',
    version: '0',
    lease: '0',
  };
}

const readPair: FieldReader<Mutable<KvPair>> = (field, reader, into) => {
  switch (field) {
    case 1:
      into.key = utf8.decode(reader.bytes());
      return true;
    case 2:
      into.createRevision = String(reader.int64());
      return true;
    case 3:
      into.modRevision = String(reader.int64());
      return true;
    case 4:
      into.version = String(reader.int64());
      return true;
    case 5:
      into.value = reader.bytes();
      return true;
    case 6:
      into.lease = String(reader.int64());
      return true;
    default:
      return false;
  }
};

// ── KV ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

function writeRange(range: KvRange, serializable = false): BinaryWriter {
  const writer = new BinaryWriter();
  writer.tag(1, 2).string(range.key);
  if (range.end !== undefined) writer.tag(2, 2).string(range.end);
  if (range.limit !== undefined) writer.tag(3, 0).int64(range.limit);
  if (range.revision !== undefined) writer.tag(4, 0).int64(range.revision);
  if (serializable) writer.tag(7, 0).bool(true);
  if (range.keysOnly) writer.tag(8, 0).bool(true);
  if (range.countOnly) writer.tag(9, 0).bool(true);
  return writer;
}

/** RangeRequest. */
export function encodeRange(range: KvRange): Uint8Array {
  return writeRange(range).finish();
}

interface RangeInto {
  revision: string;
  pairs: KvPair[];
  more: boolean;
  count: number;
}

const readRange: FieldReader<RangeInto> = (field, reader, into) => {
  switch (field) {
    case 1:
      nested(reader, into, readHeader);
      return true;
    case 2:
      into.pairs.push(nested(reader, newPair(), readPair));
      return true;
    case 3:
      into.more = reader.bool();
      return true;
    case 4:
      into.count = Number(reader.int64());
      return true;
    default:
      return false;
  }
};

function newRange(): RangeInto {
  return { revision: '0', pairs: [], more: false, count: 0 };
}

/** RangeResponse. */
export function decodeRange(bytes: Uint8Array): KvRangeResult {
  return decode(bytes, newRange(), readRange);
}

function writePut(key: string, value: Uint8Array, lease?: string): BinaryWriter {
  const writer = new BinaryWriter();
  writer.tag(1, 2).string(key).tag(2, 2).bytes(value);
  if (lease !== undefined) writer.tag(3, 0).int64(lease);
  return writer;
}

/** PutRequest. */
export function encodePut(key: string, value: Uint8Array, lease?: string): Uint8Array {
  return writePut(key, value, lease).finish();
}

function writeDeleteRange(key: string, end?: string): BinaryWriter {
  const writer = new BinaryWriter();
  writer.tag(1, 2).string(key);
  if (end !== undefined) writer.tag(2, 2).string(end);
  writer.tag(3, 0).bool(true);
  return writer;
}

/** DeleteRangeRequest that asks for the previous pairs. */
export function encodeDeleteRange(key: string, end?: string): Uint8Array {
  return writeDeleteRange(key, end).finish();
}

interface DeleteInto {
  revision: string;
  deleted: number;
  previous: KvPair[];
}

const readDelete: FieldReader<DeleteInto> = (field, reader, into) => {
  switch (field) {
    case 1:
      nested(reader, into, readHeader);
      return true;
    case 2:
      into.deleted = Number(reader.int64());
      return true;
    case 3:
      into.previous.push(nested(reader, newPair(), readPair));
      return true;
    default:
      return false;
  }
};

/** DeleteRangeResponse. */
export function decodeDeleteRange(bytes: Uint8Array): DeleteInto {
  return decode(bytes, { revision: '0', deleted: 0, previous: [] }, readDelete);
}

/** The revision in the header of any response. */
export function decodeRevision(bytes: Uint8Array): string {
  return decode<Header>(bytes, { revision: '0' }, (field, reader, into) => {
    if (field !== 1) return false;
    nested(reader, into, readHeader);
    return true;
  }).revision;
}

function writeCompare(compare: KvCompare): BinaryWriter {
  const writer = new BinaryWriter();
  if ('modRevision' in compare) {
    // EQUAL (0, the default) on MOD (2).
    writer.tag(2, 0).int32(2).tag(3, 2).string(compare.key).tag(6, 0).int64(compare.modRevision);
  } else {
    // GREATER (1) than version 0 (target 0, the default).
    writer.tag(1, 0).int32(1).tag(3, 2).string(compare.key).tag(4, 0).int64(0);
  }
  return writer;
}

function writeOp(op: KvOp): BinaryWriter {
  const writer = new BinaryWriter();
  switch (op.op) {
    case 'range':
      return writer.tag(1, 2).bytes(writeRange(op.range).finish());
    case 'put':
      return writer.tag(2, 2).bytes(writePut(op.key, op.value, op.lease).finish());
    case 'delete':
      return writer.tag(3, 2).bytes(writeDeleteRange(op.key, op.end).finish());
  }
}

/** TxnRequest. */
export function encodeTxn(txn: KvTxn): Uint8Array {
  const writer = new BinaryWriter();
  for (const compare of txn.compare) writer.tag(1, 2).bytes(writeCompare(compare).finish());
  for (const op of txn.success) writer.tag(2, 2).bytes(writeOp(op).finish());
  for (const op of txn.failure) writer.tag(3, 2).bytes(writeOp(op).finish());
  return writer.finish();
}

const readOpResult: FieldReader<KvOpResult[]> = (field, reader, into) => {
  switch (field) {
    case 1:
      into.push({ op: 'range', result: nested(reader, newRange(), readRange) });
      return true;
    case 2:
      reader.skip(2);
      into.push({ op: 'put' });
      return true;
    case 3: {
      const { deleted, previous } = nested<DeleteInto>(
        reader,
        { revision: '0', deleted: 0, previous: [] },
        readDelete,
      );
      into.push({ op: 'delete', deleted, previous });
      return true;
    }
    default:
      return false;
  }
};

/** TxnResponse. */
export function decodeTxn(bytes: Uint8Array): KvTxnResult {
  const into = { revision: '0', succeeded: false, results: [] as KvOpResult[] };
  return decode(bytes, into, (field, reader) => {
    switch (field) {
      case 1:
        nested(reader, into, readHeader);
        return true;
      case 2:
        into.succeeded = reader.bool();
        return true;
      case 3:
        nested(reader, into.results, readOpResult);
        return true;
      default:
        return false;
    }
  });
}

/** CompactionRequest. */
export function encodeCompact(revision: string): Uint8Array {
  return new BinaryWriter().tag(1, 0).int64(revision).tag(2, 0).bool(true).finish();
}

// ── Watch ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/** WatchRequest that creates a watch with previous values and progress notes, fragmented when large. */
export function encodeWatchCreate(key: string, end: string | undefined, startRevision: string): Uint8Array {
  const create = new BinaryWriter().tag(1, 2).string(key);
  if (end !== undefined) create.tag(2, 2).string(end);
  create.tag(3, 0).int64(startRevision).tag(4, 0).bool(true).tag(6, 0).bool(true).tag(8, 0).bool(true);
  return new BinaryWriter().tag(1, 2).bytes(create.finish()).finish();
}

/** One event of a watch. */
export interface WireEvent {
  deleted: boolean;
  pair: KvPair;
  previous: KvPair | undefined;
}

/** WatchResponse. */
export interface WireWatchResponse {
  revision: string;
  created: boolean;
  canceled: boolean;
  compactRevision: string;
  cancelReason: string;
  fragment: boolean;
  events: WireEvent[];
}

const readEvent: FieldReader<WireEvent> = (field, reader, into) => {
  switch (field) {
    case 1:
      into.deleted = reader.int32() === 1;
      return true;
    case 2:
      into.pair = nested(reader, newPair(), readPair);
      return true;
    case 3:
      into.previous = nested(reader, newPair(), readPair);
      return true;
    default:
      return false;
  }
};

const readWatch: FieldReader<WireWatchResponse> = (field, reader, into) => {
  switch (field) {
    case 1:
      nested(reader, into, readHeader);
      return true;
    case 3:
      into.created = reader.bool();
      return true;
    case 4:
      into.canceled = reader.bool();
      return true;
    case 5:
      into.compactRevision = String(reader.int64());
      return true;
    case 6:
      into.cancelReason = reader.string();
      return true;
    case 7:
      into.fragment = reader.bool();
      return true;
    case 11:
      into.events.push(nested(reader, { deleted: false, pair: newPair(), previous: undefined }, readEvent));
      return true;
    default:
      return false;
  }
};

/** WatchResponse. */
export function decodeWatch(bytes: Uint8Array): WireWatchResponse {
  return decode(
    bytes,
    {
      revision: '0',
      created: false,
      canceled: false,
      compactRevision: '0',
      cancelReason: '',
      fragment: false,
      events: [],
    },
    readWatch,
  );
}

// ── Lease, Auth, Maintenance, Cluster ───────────────────────────────────────────────────────────────────────────────

/** LeaseGrantRequest; etcd chooses the ID. */
export function encodeLeaseGrant(ttlSeconds: number): Uint8Array {
  return new BinaryWriter().tag(1, 0).int64(ttlSeconds).finish();
}

/** The ID in a LeaseGrantResponse. */
export function decodeLeaseGrant(bytes: Uint8Array): string {
  return decode(bytes, { id: '0' }, (field, reader, into) => {
    if (field !== 2) return false;
    into.id = String(reader.int64());
    return true;
  }).id;
}

/** LeaseRevokeRequest, and the one message of a LeaseKeepAlive. */
export function encodeLeaseId(lease: string): Uint8Array {
  return new BinaryWriter().tag(1, 0).int64(lease).finish();
}

/** AuthenticateRequest. */
export function encodeAuthenticate(name: string, password: string): Uint8Array {
  return new BinaryWriter().tag(1, 2).string(name).tag(2, 2).string(password).finish();
}

/** The token in an AuthenticateResponse. */
export function decodeAuthenticate(bytes: Uint8Array): string {
  return decode(bytes, { token: '' }, (field, reader, into) => {
    if (field !== 2) return false;
    into.token = reader.string();
    return true;
  }).token;
}

/** What a member says about itself. */
export interface MemberStatus {
  version: string;
  dbSize: number;
  leader: string;
  raftTerm: string;
  memberId: string;
  clusterId: string;
  revision: string;
  errors: string[];
}

/** StatusResponse. */
export function decodeStatus(bytes: Uint8Array): MemberStatus {
  const status: MemberStatus = {
    version: '',
    dbSize: 0,
    leader: '0',
    raftTerm: '0',
    memberId: '0',
    clusterId: '0',
    revision: '0',
    errors: [],
  };
  return decode(bytes, status, (field, reader, into) => {
    switch (field) {
      case 1:
        nested(reader, into, (inner, from) => {
          if (inner === 1) into.clusterId = String(from.uint64());
          else if (inner === 2) into.memberId = String(from.uint64());
          else return readHeader(inner, from, into);
          return true;
        });
        return true;
      case 2:
        into.version = reader.string();
        return true;
      case 3:
        into.dbSize = Number(reader.int64());
        return true;
      case 4:
        into.leader = String(reader.uint64());
        return true;
      case 6:
        into.raftTerm = String(reader.uint64());
        return true;
      case 8:
        into.errors.push(reader.string());
        return true;
      default:
        return false;
    }
  });
}

/** A piece of a snapshot. */
export interface SnapshotChunk {
  remaining: number;
  blob: Uint8Array;
}

/** SnapshotResponse. */
export function decodeSnapshot(bytes: Uint8Array): SnapshotChunk {
  return decode<SnapshotChunk>(bytes, { remaining: 0, blob: new Uint8Array() }, (field, reader, into) => {
    if (field === 2) into.remaining = Number(reader.uint64());
    else if (field === 3) into.blob = reader.bytes();
    else return false;
    return true;
  });
}

/** A member of the cluster. */
export interface Member {
  id: string;
  name: string;
  peerUrls: string[];
  clientUrls: string[];
}

const readMember: FieldReader<Member> = (field, reader, into) => {
  if (field === 1) into.id = String(reader.uint64());
  else if (field === 2) into.name = reader.string();
  else if (field === 3) into.peerUrls.push(reader.string());
  else if (field === 4) into.clientUrls.push(reader.string());
  else return false;
  return true;
};

/** MemberListResponse. */
export function decodeMembers(bytes: Uint8Array): Member[] {
  return decode(bytes, [] as Member[], (field, reader, into) => {
    if (field !== 2) return false;
    into.push(nested(reader, { id: '0', name: '', peerUrls: [], clientUrls: [] }, readMember));
    return true;
  });
}
