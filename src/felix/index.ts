/** The agent. */
export * from './config/index.ts';
export * from './dataplane.ts';
export * from './log.ts';
