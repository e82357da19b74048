/** System calls, for the neighbours inside this room. */
export * from './kernel-error.ts';
export * from './koffi.ts';
export * from './libc.ts';
export * from './readiness.ts';
