/** Backup and restore of Calico's keys. */
export * from './create.ts';
export * from './manifest.ts';
export { backupProgram } from './program.ts';
export * from './read.ts';
export * from './restore.ts';
export { expired } from './retention.ts';
