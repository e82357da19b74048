/** Attempts whose reply was lost: they may still come true, and then they are the result. */
import type { CallOptions } from '../datastore/index.ts';
import { attributeAt, type Block } from './block.ts';
import type { Core } from './core.ts';
import type { Pick } from './pick.ts';

/** The attempt among those of unknown outcome that the store, read again, shows as written. */
export async function findApplied(
  core: Core,
  ghosts: readonly (readonly Pick[])[],
  handle: string | undefined,
  options: CallOptions,
): Promise<readonly Pick[] | undefined> {
  for (const ghost of ghosts) {
    const blocks = await Promise.all(ghost.map((pick) => core.block(pick.block.text, options, true)));
    if (ghost.every((pick, i) => isApplied(blocks[i]?.value, pick, handle))) return ghost;
  }
  return undefined;
}

function isApplied(block: Block | undefined, pick: Pick, handle: string | undefined): boolean {
  return (
    block !== undefined &&
    pick.ordinals.every((ordinal) => {
      const holder = attributeAt(block, ordinal);
      return holder?.handle === handle && block.allocationSequence.get(ordinal) === pick.block.sequence;
    })
  );
}
