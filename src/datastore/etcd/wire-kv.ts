/** Messages of etcd's KV service (field numbers of its rpc.proto). */
import { BinaryWriter } from '@bufbuild/protobuf/wire';
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
import {
  decode,
  type FieldReader,
  type Header,
  nested,
  newPair,
  readHeader,
  readPair,
} from './wire-common.ts';

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
