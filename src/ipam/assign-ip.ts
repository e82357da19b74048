/** Giving out one named address (upstream: AssignIP in lib/ipam/ipam.go). */
import type { CallOptions, KeyValue } from '../datastore/index.ts';
import { parseAddress } from '../ip/index.ts';
import { findApplied } from './attempts.ts';
import { attributeAt, ordinalOf } from './block.ts';
import { blockOfAddress } from './candidates.ts';
import { type Core, handleStep, maxAttempts, tooManyConflicts } from './core.ts';
import { makeBlock, ownerText } from './facts.ts';
import { addressesOfPick, type Pick, stepsOfPick } from './pick.ts';
import { poolOf } from './pools.ts';
import { initialConfig } from './source.ts';
import type { AssignIpRequest, AssignIpResult } from './types.ts';

/** See `Ipam.assignIp`. */
export function assignIp(
  core: Core,
  request: AssignIpRequest,
  options: CallOptions = {},
): Promise<AssignIpResult> {
  return core.queue.exclusive(async () => {
    const address = parseAddress(request.address);
    const [pools, storedConfig] = await Promise.all([
      core.source.pools(options),
      core.source.config(options),
    ]);
    let config = storedConfig;
    const { use } = request;
    const usable = pools.filter(
      (pool) => !pool.disabled && (use === undefined || pool.allowedUses.includes(use)),
    );
    const pool = poolOf(usable, address);
    if (!pool) {
      return {
        ok: false,
        reason: 'not-in-pool',
        message: 'The provided IP address is not in a configured pool\n',
      };
    }
    const owner = ownerText(request.host, false);
    const { text } = blockOfAddress(pool, address);
    const holder = { handle: request.handle, secondary: request.attributes ?? {} };
    let affinity: Pick['affinity'] = 'create';
    let extraCurrent: readonly (KeyValue | undefined)[] | undefined;
    const ghosts: Pick[][] = [];
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const stored = await core.block(text, options, attempt === 0);
      const block = stored?.value ?? makeBlock(core, owner, text);
      const ordinal = ordinalOf(block, address)!;
      const came = await findApplied(core, ghosts, request.handle, options);
      if (came) return { ok: true, assigned: addressesOfPick(came[0]!)[0]! };
      if (stored && config?.strictAffinity && block.affinity !== owner) {
        return { ok: false, reason: 'not-ours', message: 'Block host affinity does not match' };
      }
      if (attributeAt(block, ordinal)) {
        const message = `resource already exists: ${request.address} with error: Address already assigned in block`;
        return { ok: false, reason: 'taken', message };
      }
      const pick: Pick = {
        pool,
        block,
        revision: stored?.revision,
        affinity: stored ? 'good' : affinity,
        ordinals: [ordinal],
      };
      const assigned = addressesOfPick(pick)[0]!;
      const extra = request.extra ? request.extra([assigned], extraCurrent) : [];
      if (extra === undefined) return { ok: false, reason: 'refused', message: 'the caller gave up' };
      const steps = [...stepsOfPick(pick, { host: request.host, virtual: false }, holder)];
      if (request.handle !== undefined) {
        const handle = core.knownHandle(request.handle);
        const count = (handle?.value.blocks.get(text) ?? 0) + 1;
        steps.push(handleStep(request.handle, new Map(handle?.value.blocks ?? []).set(text, count), handle)!);
      }
      if (!config) steps.push({ op: 'create', key: { type: 'ipam-config' }, value: initialConfig });
      const outcome = await core.commit([...steps, ...extra], options);
      if (outcome.ok) return { ok: true, assigned };
      if (!config) config = await core.source.config(options);
      if (outcome.unknown) ghosts.push([pick]);
      extraCurrent = extra.length > 0 ? outcome.current.slice(steps.length) : undefined;
      const found = outcome.current[steps.findIndex((step) => step.key.type === 'affinity')];
      affinity = found ? { revision: found.revision } : 'create';
    }
    throw tooManyConflicts();
  });
}
