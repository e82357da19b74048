/** Carries out the doctor's plan. */
import type { CallOptions, Datastore } from '../datastore/index.ts';
import { handleStep } from './core.ts';
import type { Repair } from './doctor.ts';
import type { Ipam } from './types.ts';

/** Does one repair; `false` when the state has moved on and nothing was done. */
export async function applyRepair(
  datastore: Datastore,
  ipam: Ipam,
  repair: Repair,
  options: CallOptions = {},
): Promise<boolean> {
  switch (repair.action) {
    case 'release': {
      const { address, handle, sequence } = repair;
      const request = { address, sequence, ...(handle === undefined ? {} : { handle }) };
      return (await ipam.releaseIps([request], options)).released.length === 1;
    }
    case 'delete-handle': {
      const { revision } = repair;
      return (await datastore.delete({ type: 'handle', id: repair.id }, { ...options, revision })).ok;
    }
    case 'set-handle': {
      const { id, blocks, revision } = repair;
      const stored = revision === undefined ? undefined : { value: { blocks }, revision };
      const step = handleStep(id, blocks, stored);
      return step === undefined || (await datastore.txn!([step], options)).ok;
    }
    case 'claim-block':
      return (await ipam.claimAffinity(repair.block, repair.host, options)).claimed.length === 1;
    case 'release-block': {
      const outcome = await ipam.releaseBlock(repair.block, repair.host, options);
      return outcome === 'released' || outcome === 'not-ours';
    }
  }
}
