/** Tier: the tiers every cluster has stay, and none goes while policies are in it. */
import type { Resource } from '../../../resources/index.ts';
import { notSupported } from '../errors.ts';
import type { KindRules } from '../kind-rules.ts';
import { prepareByDefault } from '../prepare.ts';

const staticTiers: readonly string[] = ['default', 'kube-admin', 'kube-baseline'];
const policyKinds = [
  'NetworkPolicy',
  'GlobalNetworkPolicy',
  'StagedNetworkPolicy',
  'StagedGlobalNetworkPolicy',
];

function orderOf(tier: Resource): number {
  const order = tier.spec['order'];
  return typeof order === 'number' ? order : Number.POSITIVE_INFINITY;
}

/** See the module's comment. */
export const tierRules: KindRules = {
  prepare: prepareByDefault,
  arrange: (items) =>
    [...items].sort(
      (a, b) =>
        orderOf(a) - orderOf(b) ||
        (a.metadata.name < b.metadata.name ? -1 : a.metadata.name > b.metadata.name ? 1 : 0),
    ),
  async delete(id, revision, client, plain) {
    if (staticTiers.includes(id.name)) {
      throw notSupported('Delete', id.name, `Cannot delete ${id.name} tier`);
    }
    for (const kind of policyKinds) {
      const { items } = await client.list(kind);
      if (items.some((policy) => policy.spec['tier'] === id.name)) {
        throw notSupported('delete', id.name, 'Cannot delete a non-empty tier');
      }
    }
    await plain(revision);
  },
};
