/** The datastore: the port, the etcd and memory drivers, configuration, and the syncer. */
export * from './config.ts';
export { connect, etcdOptionsOf } from './connect.ts';
export { EtcdClient, type EtcdOptions } from './etcd/client.ts';
export type { TlsOptions } from './etcd/grpc.ts';
export type { Member, MemberStatus, SnapshotChunk } from './etcd/wire-admin.ts';
export { formatJson, parseJson } from './json.ts';
export * from './kubernetes/index.ts';
export type * from './kv.ts';
export { KvDatastore, rawStore } from './kv-datastore.ts';
export { LeaseLock } from './lease-lock.ts';
export { MemoryKv, memoryDatastore } from './memory/index.ts';
export { endOfPrefix, keyOfPath, pathOfKey } from './paths.ts';
export type * from './port.ts';
export * from './syncer.ts';
export type * from './syncer.types.ts';
