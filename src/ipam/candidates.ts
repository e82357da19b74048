/** In which order a host tries the blocks of a pool: a walk once around from a place that its name decides. */
import { type Cidr, formatAddress } from '../ip/index.ts';
import type { Pool } from './types.ts';

/** FNV-1 (not 1a), 32 bits. */
export function fnv1(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = (Math.imul(hash, 0x01000193) ^ byte) >>> 0;
  return hash >>> 0;
}

/** Number of blocks of a pool. */
export function blockCount(pool: Pool): bigint {
  return 1n << BigInt(Math.max(0, pool.blockSize - pool.cidr.prefix));
}

/**
 * The blocks of the pool, each once, from the host's own start on. The start only spreads hosts over the pool; a
 * conflict is found by the write. Upstream seeds Go's generator with the same hash and so starts elsewhere.
 */
export function* candidateBlocks(
  pool: Pool,
  host: string,
  start: (host: string, blocks: bigint) => number = fnv1,
): Generator<{ readonly cidr: Cidr; readonly text: string }> {
  const count = blockCount(pool);
  const bits = pool.cidr.version === 4 ? 32 : 128;
  const size = 1n << BigInt(bits - pool.blockSize);
  const first = BigInt(start(host, count)) % count;
  for (let i = 0n; i < count; i++) {
    const value = pool.cidr.value + ((first + i) % count) * size;
    const cidr: Cidr = { version: pool.cidr.version, value, prefix: pool.blockSize };
    yield { cidr, text: `${formatAddress(cidr)}/${pool.blockSize}` };
  }
}

/** The block of the pool that holds the address. */
export function blockOfAddress(pool: Pool, address: { readonly version: 4 | 6; readonly value: bigint }) {
  const shift = BigInt((address.version === 4 ? 32 : 128) - pool.blockSize);
  const cidr: Cidr = {
    version: address.version,
    value: (address.value >> shift) << shift,
    prefix: pool.blockSize,
  };
  return { cidr, text: `${formatAddress(cidr)}/${pool.blockSize}` };
}
