/** Reading protobuf messages, and the parts that etcd's responses share. */

import { BinaryReader } from '@bufbuild/protobuf/wire';
import type { KvPair } from '../kv.ts';

/** Keys cross the wire as bytes of UTF-8. */
const utf8 = new TextDecoder();

/** Reads the value of a field it knows into a message under way; `false` for other fields. */
export type FieldReader<T> = (field: number, reader: BinaryReader, into: T) => boolean;

/** Reads one message: `read` handles the fields it knows and says so, others are skipped. */
function readMessage<T>(reader: BinaryReader, length: number, into: T, read: FieldReader<T>): T {
  const end = reader.pos + length;
  while (reader.pos < end) {
    const [field, wireType] = reader.tag();
    if (!read(field, reader, into)) reader.skip(wireType);
  }
  return into;
}

/** Reads a whole message. */
export function decode<T>(bytes: Uint8Array, into: T, read: FieldReader<T>): T {
  return readMessage(new BinaryReader(bytes), bytes.length, into, read);
}

/** Reads a message that is the value of a field. */
export function nested<T>(reader: BinaryReader, into: T, read: FieldReader<T>): T {
  return readMessage(reader, reader.uint32(), into, read);
}

/** What we take from the header of each response. */
export interface Header {
  revision: string;
}

/** ResponseHeader. */
export const readHeader: FieldReader<Header> = (field, reader, into) => {
  if (field !== 3) return false;
  into.revision = String(reader.int64());
  return true;
};

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** A pair with protobuf's defaults. */
export function newPair(): Mutable<KvPair> {
  return {
    key: '',
    value: new Uint8Array(),
    createRevision: '0',
    modRevision: '0',
    version: '0',
    lease: '0',
  };
}

/** KeyValue. */
export const readPair: FieldReader<Mutable<KvPair>> = (field, reader, into) => {
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
