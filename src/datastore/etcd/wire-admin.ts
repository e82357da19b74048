/** Messages of etcd's Lease, Auth, Maintenance and Cluster services. */
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import { decode, type FieldReader, nested, readHeader } from './wire-common.ts';

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
