/** The verbs of calicoctl on one resource (upstream: calicoctl/resourcemgr/resourcemgr.go). */
import type { Metadata, Resource } from '../../resources/index.ts';
import { isNamespaced, type ResourceClient, resourceId } from './client.ts';
import { ClientError, idText, notSupported, updateConflict } from './errors.ts';
import { sameContent } from './same-content.ts';

const updateTries = 5;

/** Creates: of the metadata only what a person may set is taken. */
export async function createResource(client: ResourceClient, resource: Resource): Promise<Resource> {
  if (resource.kind === 'ClusterInformation') {
    throw notSupported('create or apply', 'ClusterInformation');
  }
  if (resource.kind === 'NetworkPolicy' && resource.metadata.name.startsWith('knp.default.')) {
    const { name, namespace } = resource.metadata;
    throw notSupported(
      'create or apply',
      idText('NetworkPolicy', namespace, name),
      'kubernetes network policies must be managed through the kubernetes API',
    );
  }
  const { name, namespace, resourceVersion, labels, annotations } = resource.metadata;
  const metadata: Metadata = {
    name,
    ...(namespace ? { namespace } : {}),
    ...(resourceVersion ? { resourceVersion } : {}),
    ...(labels ? { labels } : {}),
    ...(annotations ? { annotations } : {}),
  };
  return await client.create({ ...resource, metadata });
}

/** Creates, or updates what exists. */
export async function applyResource(client: ResourceClient, resource: Resource): Promise<Resource> {
  if (resource.kind === 'ClusterInformation') {
    throw notSupported('apply', 'ClusterInformation', 'resource is readonly');
  }
  const { resourceVersion: _given, ...metadata } = resource.metadata;
  try {
    return await createResource(client, { ...resource, metadata });
  } catch (error) {
    const present = error instanceof ClientError && ['exists', 'unsupported'].includes(error.class);
    if (!present) throw error;
    return await updateResource(client, resource);
  }
}

/** Replaces; without a resourceVersion the stored metadata is taken over and conflicts are tried again. */
export async function updateResource(client: ResourceClient, resource: Resource): Promise<Resource> {
  const given = resource.metadata.resourceVersion;
  for (let attempt = 1; ; attempt++) {
    const current = await client.get(resourceId(resource));
    if (given && given !== current.metadata.resourceVersion) {
      const { name, namespace } = current.metadata;
      throw updateConflict(idText(current.kind, isNamespaced(current.kind) ? namespace : undefined, name));
    }
    refuseReadOnly(resource, 'apply or replace');
    const { labels, annotations } = resource.metadata;
    const { labels: _labels, annotations: _annotations, ...kept } = current.metadata;
    const merged: Resource = {
      ...resource,
      metadata: { ...kept, ...(labels ? { labels } : {}), ...(annotations ? { annotations } : {}) },
    };
    try {
      return await client.update(merged);
    } catch (error) {
      const conflict = error instanceof ClientError && error.class === 'conflict';
      if (!conflict || given || attempt === updateTries) throw error;
      await client.settings.sleep(1000);
    }
  }
}

/** The stored object when applying would change nothing: neither a default nor a field differs. */
export async function unchanged(client: ResourceClient, resource: Resource): Promise<Resource | undefined> {
  if (resource.kind === 'ClusterInformation') return undefined;
  const { resourceVersion } = resource.metadata;
  try {
    const current = await client.get(resourceId(resource));
    if (resourceVersion && resourceVersion !== current.metadata.resourceVersion) return undefined;
    const { name, namespace, uid, creationTimestamp, resourceVersion: stored } = current.metadata;
    const wanted = await client.prepared({
      ...resource,
      metadata: {
        ...resource.metadata,
        name,
        ...(namespace ? { namespace } : {}),
        uid,
        creationTimestamp,
        resourceVersion: stored,
      },
    } as Resource);
    return sameContent(current, wanted) ? current : undefined;
  } catch (error) {
    // What is wrong is said by the write that follows.
    if (error instanceof ClientError) return undefined;
    throw error;
  }
}

/** Deletes; a resourceVersion in the metadata must be the stored one. */
export async function deleteResource(client: ResourceClient, resource: Resource): Promise<Resource> {
  refuseReadOnly(resource, 'delete');
  await client.delete(resourceId(resource), resource.metadata.resourceVersion);
  return resource;
}

function refuseReadOnly(resource: Resource, operation: string): void {
  if (resource.kind === 'ClusterInformation') throw notSupported(operation, 'ClusterInformation');
}
