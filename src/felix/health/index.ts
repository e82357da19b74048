/** Health. */
export * from './health.ts';
