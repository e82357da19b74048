/** Running programs. */
export * from './run-program.ts';
