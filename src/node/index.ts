/** calico-node. */
export { calicoVersion, ensureClusterInformation } from './defaults.ts';
export { nodeProgram } from './program.ts';
