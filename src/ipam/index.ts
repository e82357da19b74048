/** IP address management: the block algebra (pure) and the allocator on the datastore port. */
export { allocationAt } from './allocation.ts';
export * from './audit.ts';
export * from './block.ts';
export { blockCount, candidateBlocks } from './candidates.ts';
export * from './collect.ts';
export * from './collector.ts';
export { type Affinity, type AffinityState, type Handle, parseAffinity, parseHandle } from './core.ts';
export * from './doctor.ts';
export { createIpam } from './ipam.ts';
export { choosePools, parsePool, poolOf, selectsNode } from './pools.ts';
export { applyRepair } from './repair.ts';
export { DatastoreSource, defaultConfig, parseConfig, SyncedSource } from './source.ts';
export type * from './types.ts';
