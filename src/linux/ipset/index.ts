/** IP sets. */
export * from './ipset.ts';
