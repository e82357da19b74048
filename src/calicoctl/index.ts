/** calicoctl: `runCalicoctl` for those who run it in their own process, `program` for the executable. */
export type { ConnectionConfig } from './config.ts';
export type { CtlIo, HostAccess, HostProcess, ProgramOutput } from './io.ts';
export { newestRelease, type Release } from './release.ts';
export { runCalicoctl } from './run.ts';
