/** Kernel parameters. */
export * from './sysctl.ts';
