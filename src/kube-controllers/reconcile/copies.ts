/** Copies of Kubernetes objects in etcd: profiles of namespaces and service accounts, and network policies. */
import { translateKubernetesPolicy } from '../../policy/index.ts';
import { apiVersion, type Resource } from '../../resources/resource.ts';
import { type Objects, type Stored, saysTheSame, type Write } from '../state.ts';

/** Prefixes of the names that belong to these controllers; all other objects are left alone. */
const policyPrefix = 'knp.default.';

/** Profiles whose names begin with the prefix become those that Kubernetes' objects say. */
export function reconcileProfiles(
  kubernetes: Objects,
  calico: Objects,
  prefix: 'kns.' | 'ksa.',
): readonly Write[] {
  const wanted = kubernetes
    .of('Profile')
    .filter(({ key }) => key.name.startsWith(prefix))
    .map(({ key, resource }) => ({
      key,
      resource: { apiVersion, kind: 'Profile', metadata: { name: key.name }, spec: withSides(resource.spec) },
    }));
  const held = calico.of('Profile').filter(({ key }) => key.name.startsWith(prefix));
  return differences(wanted, held, ({ kind, name }) => calico.get(kind, name));
}

/** NetworkPolicies `knp.default.*` become those of Kubernetes. A rule that cannot be converted is left out. */
export function reconcilePolicies(
  kubernetes: Objects,
  calico: Objects,
  onInvalid: (object: string, reason: string) => void,
): readonly Write[] {
  const wanted = kubernetes.of('KubernetesNetworkPolicy').map(({ resource }) => {
    const { namespace = '' } = resource.metadata;
    const name = policyPrefix + resource.metadata.name;
    const { spec } = translateKubernetesPolicy(resource, onInvalid);
    const { ingress, egress, ...rest } = spec as {
      readonly ingress?: readonly unknown[];
      readonly egress?: readonly unknown[];
    };
    return {
      key: { type: 'resource', kind: 'NetworkPolicy', namespace, name } as const,
      resource: {
        apiVersion,
        kind: 'NetworkPolicy',
        metadata: {
          name,
          namespace,
          labels: { 'projectcalico.org/tier': 'default' },
          annotations: { 'projectcalico.org/metadata': JSON.stringify({ name }) },
        },
        spec: {
          ...rest,
          ...(ingress?.length ? { ingress } : {}),
          ...(egress?.length ? { egress } : {}),
        },
      },
    };
  });
  const held = calico.of('NetworkPolicy').filter(({ key }) => key.name.startsWith(policyPrefix));
  return differences(wanted, held, ({ kind, name, namespace }) => calico.get(kind, name, namespace));
}

/** Writes that turn what is held into what is wanted. Of a held object the spec is replaced; other metadata stays. */
function differences(
  wanted: readonly { readonly key: Stored['key']; readonly resource: Resource }[],
  held: readonly Stored[],
  find: (key: Stored['key']) => Stored | undefined,
): readonly Write[] {
  const writes: Write[] = [];
  const kept = new Set<Stored>();
  for (const { key, resource } of wanted) {
    const existing = find(key);
    if (!existing) {
      writes.push({ op: 'create', key, value: resource });
      continue;
    }
    kept.add(existing);
    if (saysTheSame(existing.resource.spec, resource.spec)) continue;
    const { metadata } = existing.resource;
    const labels = { ...metadata.labels, ...resource.metadata.labels };
    const annotations = { ...metadata.annotations, ...resource.metadata.annotations };
    const value = {
      ...existing.resource,
      metadata: {
        ...metadata,
        ...(Object.keys(labels).length > 0 ? { labels } : {}),
        ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
      },
      spec: resource.spec,
    };
    writes.push({ op: 'update', key, value, revision: existing.revision });
  }
  for (const { key, revision, ...rest } of held) {
    if (!kept.has(find(key) ?? ({ key, revision, ...rest } as Stored)))
      writes.push({ op: 'delete', key, revision });
  }
  return writes;
}

/** The old form of a rule has both sides, even when they are empty. */
function withSides(spec: Resource['spec']): Resource['spec'] {
  const both = (rules: unknown) =>
    Array.isArray(rules) ? rules.map((rule) => ({ ...rule, source: {}, destination: {} })) : undefined;
  const { ingress, egress, ...rest } = spec;
  return {
    ...(ingress ? { ingress: both(ingress) } : {}),
    ...(egress ? { egress: both(egress) } : {}),
    ...rest,
  };
}
