/** Addresses, CIDRs, ranges and the longest-prefix trie. Pure; no other room is imported. */
export * from './address.ts';
export * from './cidr.ts';
export * from './trie.ts';
