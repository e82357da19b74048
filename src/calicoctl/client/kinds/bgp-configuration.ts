/** BGPConfiguration: some fields mean the whole cluster and belong on `default` only (clientv3/bgpconfig.go). */
import { type FieldProblem, invalidFields } from '../errors.ts';
import type { KindRules } from '../kind-rules.ts';
import { prepareByDefault } from '../prepare.ts';

/** Field in the spec, upstream's name of it, and the name in its reason, in upstream's order. */
const defaultOnly: readonly (readonly [string, string, string])[] = [
  ['nodeToNodeMeshEnabled', 'NodeToNodeMeshEnabled', 'nodeToNodeMeshEnabled'],
  ['asNumber', 'ASNumber', 'ASNumber'],
  ['serviceLoadBalancerIPs', 'ServiceLoadBalancerIPs', 'ServiceLoadBalancerIPs'],
  ['serviceExternalIPs', 'ServiceExternalIPs', 'ServiceExternalIPs'],
  ['serviceClusterIPs', 'ServiceClusterIPs', 'ServiceClusterIPs'],
  ['nodeMeshPassword', 'NodeMeshPassword', 'nodeMeshPassword'],
  ['nodeMeshMaxRestartTime', 'NodeMeshMaxRestartTime', 'nodeMeshMaxRestartTime'],
];

/** See the module's comment. */
export const bgpConfigurationRules: KindRules = {
  prepare(resource, client) {
    if (resource.metadata.name !== 'default') {
      const problems = defaultOnly
        .filter(([field]) => isSet(resource.spec[field]))
        .map(
          ([, name, shown]): FieldProblem => ({
            name: `BGPConfiguration.Spec.${name}`,
            reason: `Cannot set ${shown} on a non default BGP Configuration.`,
          }),
        );
      if (problems.length > 0) throw invalidFields(problems);
    }
    return prepareByDefault(resource, client);
  },
};

function isSet(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  return value !== undefined && value !== null;
}
