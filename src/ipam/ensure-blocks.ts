/** Making sure that a host has a block, without taking an address (upstream: EnsureBlock in lib/ipam/ipam.go). */
import type { CallOptions } from '../datastore/index.ts';
import type { IpVersion } from '../ip/index.ts';
import { type Core, maxAttempts, tooManyConflicts } from './core.ts';
import { type BlockRequest, gatherFacts } from './facts.ts';
import { pickAddresses, type Survey, stepsOfPick, updateSurvey } from './pick.ts';

/** See `Ipam.ensureBlock`: the blocks, one per family. */
export async function ensureBlocks(
  core: Core,
  request: BlockRequest,
  versions: readonly IpVersion[],
  options: CallOptions = {},
): Promise<readonly string[]> {
  const families = await gatherFacts(core, request, versions, options);
  return core.queue.exclusive(async () => {
    const blocks: string[] = [];
    for (const facts of families) {
      const survey: Survey = { blocks: new Map(), complete: false };
      for (let attempt = 0; ; attempt++) {
        if (attempt === maxAttempts) throw tooManyConflicts();
        const { picks } = await pickAddresses(core, facts, 1, 1, survey, options);
        const pick = picks[0];
        if (!pick) break;
        const steps = stepsOfPick({ ...pick, ordinals: [] }, facts, { handle: undefined, secondary: {} });
        const settled = pick.revision !== undefined && pick.affinity === 'good';
        if (settled || (await core.commit(steps, options)).ok) {
          blocks.push(pick.block.text);
          break;
        }
        updateSurvey(core, survey, picks);
      }
    }
    return blocks;
  });
}
