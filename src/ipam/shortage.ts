/** Why no address could be given, for the person who has to make room: pools, blocks, owners, what could be borrowed. */
import { formatCidr } from '../ip/index.ts';
import { type Block, freeOrdinals, ownerHost } from './block.ts';
import { blockCount } from './candidates.ts';
import { type FamilyFacts, isReserved, poolForBlock } from './facts.ts';
import type { Pool } from './types.ts';

/** Owners named one by one; the others are summed up. */
const named = 5;

interface Share {
  blocks: number;
  free: number;
  size: number;
}

/** One sentence per pool. `blocks` are those known: all of the family, or the host's own. */
export function describeShortage(facts: FamilyFacts, blocks: readonly Block[], all: boolean): string {
  return facts.pools.map((pool) => describePool(facts, pool, blocks, all)).join(' ');
}

function describePool(facts: FamilyFacts, pool: Pool, blocks: readonly Block[], all: boolean): string {
  const shares = new Map<string, Share>();
  for (const block of blocks) {
    if (!poolForBlock([pool], block.text)) continue;
    const owner = ownerHost(block) ?? block.affinity ?? 'nobody';
    const share = shares.get(owner) ?? { blocks: 0, free: 0, size: 0 };
    share.blocks++;
    share.size += block.allocations.length;
    share.free += freeOrdinals(block, block.unallocated.length, isReserved(facts)).length;
    shares.set(owner, share);
  }
  const name = `Pool ${pool.name} (${formatCidr(pool.cidr)})`;
  const own = shares.get(facts.host);
  if (!all) {
    const held = own
      ? `${count(own.blocks, 'block')}, ${own.free} of ${own.size} addresses free`
      : 'no block';
    return `${name}: ${facts.host} has ${held}.`;
  }
  const owners = [...shares].sort(([, a], [, b]) => b.blocks - a.blocks);
  const taken = owners.reduce((sum, [, share]) => sum + share.blocks, 0);
  const list = owners
    .slice(0, named)
    .map(([owner, share]) => `${owner} ${share.blocks} (${share.free} of ${share.size} addresses free)`);
  if (owners.length > named) list.push(`${owners.length - named} more`);
  const free = owners.reduce((sum, [owner, share]) => sum + (owner === facts.host ? 0 : share.free), 0);
  const strict = facts.config.strictAffinity && free > 0 ? ', but strict affinity forbids it' : '';
  return (
    `${name}: ${taken} of ${count(Number(blockCount(pool)), 'block')} taken: ${list.join(', ')}; ` +
    `${count(free, 'address', 'addresses')} could be borrowed${strict}.`
  );
}

function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}
