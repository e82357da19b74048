/** One allocated address, read from its block. */
import { addressAt, attributeAt, type Block } from './block.ts';
import type { Allocation } from './types.ts';

/** The allocation at an ordinal that is taken. */
export function allocationAt(block: Block, ordinal: number): Allocation {
  const holder = attributeAt(block, ordinal);
  return {
    address: addressAt(block, ordinal),
    block: block.text,
    handle: holder?.handle,
    attributes: holder?.secondary ?? {},
    sequence: block.allocationSequence.get(ordinal) ?? 0n,
  };
}
