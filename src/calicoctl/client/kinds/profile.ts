/** Profile: `projectcalico-default-allow` is always there and is never stored. */
import { apiVersion, type Resource } from '../../../resources/index.ts';
import { ClientError, notSupported } from '../errors.ts';
import type { KindRules } from '../kind-rules.ts';
import { prepareByDefault } from '../prepare.ts';

const name = 'projectcalico-default-allow';

const allow = { action: 'Allow', source: {}, destination: {} };

const defaultAllow: Resource = {
  apiVersion,
  kind: 'Profile',
  metadata: { name, resourceVersion: '1', creationTimestamp: null },
  spec: { ingress: [allow], egress: [allow] },
};

function refuse(operation: 'Update' | 'Delete'): ClientError {
  return notSupported(
    operation,
    name,
    `The profile "${name}" is a default provided by Calico and cannot be ${operation.toLowerCase()}d`,
  );
}

/** See the module's comment. */
export const profileRules: KindRules = {
  synthetic: (asked) => (asked === name ? defaultAllow : undefined),
  arrange: (items) => [...items, defaultAllow],
  prepare(resource, client) {
    if (resource.metadata.name === name) {
      if (resource.metadata.resourceVersion) throw refuse('Update');
      const cause =
        client.release.minor <= 15
          ? ''
          : ` with error: ${name} already exists. The profile "${name}" is default provided by Calico`;
      throw new ClientError('exists', `resource already exists: ${name}${cause}`);
    }
    return prepareByDefault(resource, client);
  },
  async delete(id, revision, _client, plain) {
    if (id.name === name) throw refuse('Delete');
    await plain(revision);
  },
};
