/** Kinds of which there is one object, called `default`. */
import { ClientError } from '../errors.ts';
import type { KindRules } from '../kind-rules.ts';
import { prepareByDefault } from '../prepare.ts';

function single(words: string): KindRules {
  return {
    prepare: prepareByDefault,
    beforeCreate(resource) {
      if (resource.metadata.name === 'default') return;
      throw new ClientError('other', `Cannot create a ${words} resource with a name other than "default"`);
    },
  };
}

/** ClusterInformation. */
export const clusterInformationRules: KindRules = single('Cluster Information');

/** KubeControllersConfiguration. */
export const kubeControllersRules: KindRules = single('Kube Controllers Configuration');
