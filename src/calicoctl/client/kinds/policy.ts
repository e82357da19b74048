/** Policies of all four kinds that live in tiers: the tier must exist when one is created. */
import { defaultTier, type Resource } from '../../../resources/index.ts';
import type { ResourceClient } from '../client.ts';
import type { KindRules } from '../kind-rules.ts';
import { prepareByDefault } from '../prepare.ts';

async function requireTier(resource: Resource, client: ResourceClient): Promise<void> {
  const tier = resource.spec['tier'];
  await client.get({ kind: 'Tier', name: typeof tier === 'string' && tier !== '' ? tier : defaultTier });
}

/** See the module's comment. */
export const policyRules: KindRules = {
  async prepare(resource, client) {
    const isNew = !resource.metadata.resourceVersion;
    if (isNew && client.release.minor >= 29) await requireTier(resource, client);
    return prepareByDefault(resource, client);
  },
};
