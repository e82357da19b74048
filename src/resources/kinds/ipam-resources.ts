import { boolean, field, integer, oneOf, string, struct, type TypeOf } from '../schema.ts';

/**
 * Spec of an IPAMConfiguration. On etcd the allocator does not read it: it has its own key (see datastore/port.ts,
 * `ipam-config`).
 */
export const ipamConfigurationSpec = struct('IPAMConfigurationSpec', {
  strictAffinity: field(boolean, { zero: ['v3.32'] }),
  autoAllocateBlocks: field(boolean, { zero: ['v3.32'] }),
  maxBlocksPerHost: field(integer('int32')),
  kubeVirtVMAddressPersistence: field(oneOf(['Enabled', 'Disabled'], 'v3.VMAddressPersistence'), {
    pointer: true,
  }),
});

/** Spec of a BlockAffinity as the Kubernetes datastore has it; on etcd affinities have a key of their own. */
export const blockAffinitySpec = struct('BlockAffinitySpec', {
  state: field(string, { zero: ['v3.15', 'v3.32'] }),
  node: field(string, { zero: ['v3.15', 'v3.32'] }),
  type: field(string),
  cidr: field(string, { zero: ['v3.15', 'v3.32'] }),
  deleted: field(boolean, { zero: ['v3.15', 'v3.32'] }),
});

/** See {@link ipamConfigurationSpec}. */
export type IPAMConfigurationSpec = TypeOf<typeof ipamConfigurationSpec>;
/** See {@link blockAffinitySpec}. */
export type BlockAffinitySpec = TypeOf<typeof blockAffinitySpec>;
