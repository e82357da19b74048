/**
 * What the conversion leaves out because kube-controllers of v3 makes it again from Kubernetes: namespaces' profiles and
 * NetworkPolicies. The rehearsal needs it, else every pod would seem to lose its profile. Pure.
 */
import { type Kind, resourcePath } from '../../resources/index.ts';
import { apiVersion, type Resource } from '../../resources/resource.ts';
import {
  convertPolicy,
  convertProfile,
  directoryAt,
  storedPolicy,
  treeOf,
  unescapeSegment,
  type V2Dump,
} from '../../upgrade/index.ts';
import { json } from './v2-network.ts';

/** Made-again objects by v3 key. */
export function recreatedItems(dump: V2Dump): ReadonlyMap<string, unknown> {
  const tree = treeOf(dump);
  const items = new Map<string, unknown>();
  const add = (resource: Resource) => {
    const { kind, metadata, spec } = resource;
    items.set(resourcePath({ kind: kind as Kind, name: metadata.name }), {
      kind,
      apiVersion,
      metadata,
      spec,
    });
  };
  for (const [segment, { values }] of directoryAt(tree, 'calico', 'v1', 'policy', 'profile').directories) {
    const name = unescapeSegment(segment);
    if (!name.startsWith('k8s_ns.')) continue;
    // v3 names a namespace's labels anew, and has no tags.
    const labels = Object.entries(json(values.get('labels'))).map(([key, value]) => [renamed(key), value]);
    const converted = convertProfile(name, {
      labels: JSON.stringify(Object.fromEntries(labels)),
      tags: undefined,
      rules: values.get('rules'),
    });
    if ('resource' in converted) add(converted.resource);
  }
  const policies = directoryAt(tree, 'calico', 'v1', 'policy', 'tier', 'default', 'policy').values;
  for (const [segment, value] of policies) {
    const name = unescapeSegment(segment);
    if (!name.startsWith('knp.default.')) continue;
    const converted = convertPolicy(name, renamed(value));
    if ('resource' in converted) add(storedPolicy(converted.resource));
  }
  return items;
}

function renamed(text: string): string {
  return text.replaceAll('k8s_ns/label/', 'pcns.');
}
