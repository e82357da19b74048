/** ClusterInformation: there is one, and it is called `default`. */
import { ClientError } from '../errors.ts';
import type { KindRules } from '../kind-rules.ts';
import { prepareByDefault } from '../prepare.ts';

/** See the module's comment. */
export const clusterInformationRules: KindRules = {
  prepare: prepareByDefault,
  beforeCreate(resource) {
    if (resource.metadata.name === 'default') return;
    throw new ClientError(
      'other',
      'Cannot create a Cluster Information resource with a name other than "default"',
    );
  },
};
