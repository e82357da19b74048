/** WorkloadEndpoint: its name follows from the spec, two labels from its place. */
import { type Resource, type WorkloadEndpointSpec, workloadEndpointName } from '../../../resources/index.ts';
import { invalidFields } from '../errors.ts';
import type { KindRules } from '../kind-rules.ts';
import { prepareByDefault } from '../prepare.ts';

function named(resource: Resource): Resource {
  const expected = workloadEndpointName(resource.spec as unknown as WorkloadEndpointSpec);
  if (typeof expected !== 'string') {
    const name = expected.field.charAt(0).toLowerCase() + expected.field.slice(1);
    const value = name === 'node' && expected.value === '' ? {} : { value: expected.value };
    throw invalidFields([{ name, ...value, reason: expected.reason }]);
  }
  const { name } = resource.metadata;
  if (!name) return { ...resource, metadata: { ...resource.metadata, name: expected } };
  if (name === expected) return resource;
  throw invalidFields([
    {
      name: 'Name',
      value: name,
      reason: `the WorkloadEndpoint name does not match the primary identifiers assigned in the Spec: expected name ${expected}`,
    },
  ]);
}

/** See the module's comment. */
export const workloadEndpointRules: KindRules = {
  prepare(resource, client) {
    const checked = prepareByDefault(named(resource), client);
    const labels = {
      ...checked.metadata.labels,
      'projectcalico.org/namespace': checked.metadata.namespace ?? '',
      'projectcalico.org/orchestrator': String(checked.spec['orchestrator'] ?? ''),
    };
    return { ...checked, metadata: { ...checked.metadata, labels } };
  },
};
