/** The desired state of the host's network. */
export * from './network-state.ts';
export * from './route-ownership.ts';
