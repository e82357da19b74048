/** The generic reconciler. */
export * from './reconciler.ts';
