/** BGPPeer: the filters it names must exist. */
import { invalidFields } from '../errors.ts';
import type { KindRules } from '../kind-rules.ts';
import { prepareByDefault } from '../prepare.ts';

/** See the module's comment. */
export const bgpPeerRules: KindRules = {
  async prepare(resource, client) {
    const filters = resource.spec['filters'];
    if (Array.isArray(filters) && filters.length > 0 && client.release.minor >= 26) {
      const { items } = await client.list('BGPFilter');
      const known = new Set(items.map((item) => item.metadata.name));
      const missing = filters.filter((name) => !known.has(name));
      if (missing.length > 0) {
        throw invalidFields([
          { name: 'BGPPeer.Spec.Filters', value: `[${missing.join(' ')}]`, reason: 'BGPFilter(s) not found' },
        ]);
      }
    }
    return prepareByDefault(resource, client);
  },
};
