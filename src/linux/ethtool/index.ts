/** Interface features. */
export * from './transmit-checksum.ts';
