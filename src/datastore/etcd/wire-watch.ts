/** Messages of etcd's Watch service. */
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import type { KvPair } from '../kv.ts';
import { decode, type FieldReader, nested, newPair, readHeader, readPair } from './wire-common.ts';

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
