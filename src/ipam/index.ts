/** IP address management: the block algebra (pure) and the allocator on the datastore port. */
export * from './block.ts';
export type * from './types.ts';
