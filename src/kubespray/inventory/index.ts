/** Reading an Ansible inventory. */
export * from './file-tree.ts';
export * from './inventory.ts';
export * from './load.ts';
export { type Position, showPosition } from './position.ts';
export type { Layer } from './precedence.ts';
