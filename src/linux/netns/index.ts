/** Network namespaces. */
export * from './named.ts';
export * from './namespace.ts';
