/** Profiles of namespaces and service accounts. Upstream: libcalico-go/lib/backend/k8s/conversion/conversion.go. */
import type { KubernetesObject } from '../../kubernetes-api/index.ts';
import { apiVersion, type Resource } from '../../resources/resource.ts';
import { convertUid } from './uid.ts';

/** Everything is allowed, as Kubernetes does without policies. */
export function namespaceProfile(namespace: KubernetesObject): Resource {
  return profile(namespace, `kns.${namespace.metadata.name}`, {
    ingress: [{ action: 'Allow' }],
    egress: [{ action: 'Allow' }],
    labelsToApply: labelsOf('pcns', namespace),
  });
}

/** Labels only. */
export function serviceAccountProfile(account: KubernetesObject): Resource {
  const { name, namespace = 'default' } = account.metadata;
  return profile(account, `ksa.${namespace}.${name}`, { labelsToApply: labelsOf('pcsa', account) });
}

/** The object that a profile's name stands for; `undefined` for a name of another shape. */
export function profileSource(
  name: string,
):
  | { readonly kind: 'Namespace'; readonly name: string }
  | { readonly kind: 'ServiceAccount'; readonly namespace: string; readonly name: string }
  | undefined {
  if (name.startsWith('kns.')) return { kind: 'Namespace', name: name.slice(4) };
  const account = /^ksa\.([^.]+)\.(.+)$/.exec(name);
  return account ? { kind: 'ServiceAccount', namespace: account[1]!, name: account[2]! } : undefined;
}

function labelsOf(prefix: string, { metadata }: KubernetesObject): Readonly<Record<string, string>> {
  const labels = Object.entries(metadata.labels ?? {}).map(([name, value]) => [`${prefix}.${name}`, value]);
  return { ...Object.fromEntries(labels), [`${prefix}.projectcalico.org/name`]: metadata.name };
}

function profile(object: KubernetesObject, name: string, spec: Resource['spec']): Resource {
  const { uid, creationTimestamp } = object.metadata;
  const converted = convertUid(uid);
  return {
    apiVersion,
    kind: 'Profile',
    metadata: {
      name,
      ...(converted === undefined ? {} : { uid: converted }),
      creationTimestamp: creationTimestamp ?? null,
    },
    spec,
  };
}
