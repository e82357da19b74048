/** Writes the plan's resources, and those that Kubernetes' controllers would write for the lab's pods. */
import { randomUUID } from 'node:crypto';
import type { Datastore } from '../../datastore/index.ts';
import { CalicoError } from '../../errors.ts';
import type { ResourceStep } from '../../kubespray/index.ts';
import { apiVersion, type Resource } from '../../resources/index.ts';

/** How often a write is repeated that another writer crossed. */
const attempts = 20;

/** Writes one step as it says. @throws CalicoError CONFLICT when other writers never let it through */
export async function writeStep(store: Datastore, { how, resource }: ResourceStep): Promise<void> {
  const { kind, metadata } = resource;
  const key = {
    type: 'resource',
    kind,
    name: metadata.name,
    ...(metadata.namespace ? { namespace: metadata.namespace } : {}),
  } as const;
  for (let attempt = 0; attempt < attempts; attempt++) {
    const current = await store.get(key);
    if (!current) {
      if ((await store.create(key, withIdentity(resource))).ok) return;
      continue;
    }
    if (how === 'create') return;
    const wanted = merged(current.value as Resource, resource);
    if ((await store.update(key, wanted, { revision: current.revision })).ok) return;
  }
  throw new CalicoError(
    'CONFLICT',
    `${kind} ${metadata.name} cannot be written: others change it all the time`,
  );
}

/** Fields and labels of the step over what is there. */
function merged(current: Resource, wanted: Resource): Resource {
  return {
    ...current,
    metadata: {
      ...current.metadata,
      ...(wanted.metadata.labels
        ? { labels: { ...current.metadata.labels, ...wanted.metadata.labels } }
        : {}),
    },
    spec: mergeFields(current.spec, wanted.spec),
  };
}

function mergeFields(
  current: Readonly<Record<string, unknown>>,
  wanted: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const result: Record<string, unknown> = { ...current };
  for (const [name, value] of Object.entries(wanted)) {
    const old = result[name];
    result[name] = isRecord(old) && isRecord(value) ? mergeFields(old, value) : value;
  }
  return result;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function withIdentity(resource: Resource): Resource {
  return {
    ...resource,
    metadata: {
      ...resource.metadata,
      uid: resource.metadata.uid ?? randomUUID(),
      creationTimestamp:
        resource.metadata.creationTimestamp ?? new Date().toISOString().replace(/\.\d+Z$/, 'Z'),
    },
  };
}

/** The profiles of the namespace and service account of the lab's pods. Upstream: kube-controllers/pkg/converter. */
export function podProfiles(namespace: string): readonly ResourceStep[] {
  const profile = (name: string, spec: Resource['spec']): ResourceStep => ({
    how: 'create',
    reason: 'profile of the pods',
    resource: { apiVersion, kind: 'Profile', metadata: { name }, spec },
  });
  const allow = [{ action: 'Allow', source: {}, destination: {} }];
  return [
    profile(`kns.${namespace}`, {
      ingress: allow,
      egress: allow,
      labelsToApply: {
        'pcns.kubernetes.io/metadata.name': namespace,
        'pcns.projectcalico.org/name': namespace,
      },
    }),
    profile(`ksa.${namespace}.default`, { labelsToApply: { 'pcsa.projectcalico.org/name': 'default' } }),
  ];
}
