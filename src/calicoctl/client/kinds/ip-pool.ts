/** IPPool: no overlap, what may not change, and the affinities of its blocks when it goes. */
import { cidrsOverlap, tryParseCidr } from '../../../ip/index.ts';
import type { Resource } from '../../../resources/index.ts';
import type { ResourceClient } from '../client.ts';
import { ClientError, invalidFields } from '../errors.ts';
import type { KindRules } from '../kind-rules.ts';
import { prepareByDefault } from '../prepare.ts';
import { checkPool, poolDefaults } from './ip-pool-check.ts';

/** Milliseconds between disabling a pool and releasing its blocks, so that agents stop taking addresses. */
const settle = 500;

/** See the module's comment. */
export const ipPoolRules: KindRules = {
  needsOld: true,
  async prepare(resource, client, old) {
    const others = old ? [] : (await client.list('IPPool')).items;
    const { pool, cidr } = checkPool(resource, old, others, client.release);
    const checked = prepareByDefault(pool, client);
    if (!old) await refuseOtherBlockSizes(checked, cidr.version, client);
    if (client.release.minor <= 15) await noteEncapsulation(checked, client);
    return checked;
  },
  afterRead(resource, release) {
    const cidr = tryParseCidr(String(resource.spec['cidr'] ?? ''));
    if (!cidr) return resource;
    const filled = poolDefaults(resource.spec, cidr, release);
    if (release.minor > 15) return { ...resource, spec: filled };
    const { blockSize, nodeSelector } = filled;
    return { ...resource, spec: { ...resource.spec, blockSize, nodeSelector } };
  },
  async delete(id, revision, client, plain) {
    const pool = await client.get(id);
    let precondition = revision;
    if (!pool.spec['disabled']) {
      await client.update({
        ...pool,
        metadata: { ...pool.metadata, ...(revision ? { resourceVersion: revision } : {}) },
        spec: { ...pool.spec, disabled: true },
      });
      precondition = undefined;
    }
    await client.settings.sleep(settle);
    const cidr = tryParseCidr(String(pool.spec['cidr'] ?? ''));
    if (cidr) {
      const { ipamOf } = await import('../ipam.ts');
      await (await ipamOf(client)).releasePoolAffinities(String(pool.spec['cidr']));
    }
    await plain(precondition);
  },
};

async function refuseOtherBlockSizes(pool: Resource, version: 4 | 6, client: ResourceClient): Promise<void> {
  const range = tryParseCidr(String(pool.spec['cidr']));
  const blocks = await client.store.list({ type: 'block', version });
  const blockSize = pool.spec['blockSize'];
  const clash = blocks.items.some(({ key }) => {
    const cidr = key.type === 'block' ? tryParseCidr(key.cidr) : undefined;
    return cidr && range && cidr.prefix !== blockSize && cidrsOverlap(cidr, range);
  });
  if (!clash) return;
  throw invalidFields([
    {
      name: 'IPPool.Spec.BlockSize',
      value: String(blockSize),
      reason: 'IPPool blocksSize conflicts with existing allocations that use a different blockSize',
    },
  ]);
}

/** Up to 3.15 a pool with an encapsulation switches that on in FelixConfiguration `default` unless it is set. */
async function noteEncapsulation(pool: Resource, client: ResourceClient): Promise<void> {
  const wanted: Record<string, true> = {};
  if (pool.spec['ipipMode'] !== 'Never') wanted['ipipEnabled'] = true;
  if (pool.spec['vxlanMode'] !== 'Never') wanted['vxlanEnabled'] = true;
  for (const [field, value] of Object.entries(wanted)) {
    const id = { kind: 'FelixConfiguration', name: 'default' };
    try {
      const current = await client.get(id);
      if (current.spec[field] === undefined || current.spec[field] === null) {
        await client.update({ ...current, spec: { ...current.spec, [field]: value } });
      }
    } catch (error) {
      if (!(error instanceof ClientError && error.class === 'not-found')) throw error;
      await client.create({
        apiVersion: 'projectcalico.org/v3',
        kind: id.kind,
        metadata: { name: id.name },
        spec: { [field]: value },
      });
    }
  }
}
