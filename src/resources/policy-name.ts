/**
 * Policy names: what a person calls a policy against the name it is stored under.
 *
 * Releases up to 3.31 store policies of the default tier as `default.<name>`, 3.32 stores the name verbatim and repeats
 * it in an annotation. Both forms are read wherever they stand; one is written, chosen per cluster.
 * Upstream: libcalico-go/lib/names and lib/clientv3/{network,globalnetwork}policy.go.
 */
import type { Kind } from './kinds.ts';
import type { Resource } from './resource.ts';

/** The form in which policies are written. `v3.15` suits clusters up to 3.31. */
export type PolicyDialect = 'v3.15' | 'v3.32';

/** Annotation that holds the API name inside the stored object. */
export const metadataAnnotation = 'projectcalico.org/metadata';
/** Label that names a policy's tier. */
export const tierLabel = 'projectcalico.org/tier';
/** Tier of a policy that names none. */
export const defaultTier = 'default';

const prefixed: ReadonlySet<string> = new Set<Kind>([
  'NetworkPolicy',
  'GlobalNetworkPolicy',
  'StagedNetworkPolicy',
  'StagedGlobalNetworkPolicy',
]);

/** Names made by other programs, which no release touches. */
const foreign = ['knp.', 'ossg.', 'kanp.adminnetworkpolicy.', 'kbanp.baselineadminnetworkpolicy.'];

/** Whether resources of this kind have a stored name of their own. */
export function hasStoredName(kind: string): boolean {
  return prefixed.has(kind);
}

/** The dialect for a cluster whose ClusterInformation says this version; without one, the newer. */
export function policyDialectFor(calicoVersion: string | undefined): PolicyDialect {
  const match = /^v?(\d+)\.(\d+)/.exec(calicoVersion ?? '');
  if (!match) return 'v3.32';
  const [major, minor] = [Number(match[1]), Number(match[2])];
  return major < 3 || (major === 3 && minor < 32) ? 'v3.15' : 'v3.32';
}

/** The name that a policy with this API name and tier is stored under. */
export function storedPolicyName(name: string, dialect: PolicyDialect, tier: string = defaultTier): string {
  if (dialect === 'v3.32' || isForeign(name) || (tier !== '' && tier !== defaultTier)) return name;
  return `${defaultTier}.${name}`;
}

/**
 * Every name under which a policy called `name` may be stored, the dialect's own first. A create must find none of
 * them, a get takes the first that exists.
 */
export function storedPolicyNames(name: string, dialect: PolicyDialect): readonly string[] {
  if (isForeign(name)) return [name];
  const prefix = `${defaultTier}.`;
  const other = name.startsWith(prefix) ? name.slice(prefix.length) : `${prefix}${name}`;
  const names = dialect === 'v3.15' && !name.startsWith(prefix) ? [other, name] : [name, other];
  return names.filter((text) => text !== '');
}

/** The API name of a policy as stored. */
export function apiPolicyName(stored: Resource): string {
  const { name, annotations } = stored.metadata;
  const noted = notedName(annotations?.[metadataAnnotation]);
  if (noted !== undefined) return noted;
  const tier = stored.spec['tier'];
  const inDefault = tier === undefined || tier === '' || tier === defaultTier;
  return inDefault && !isForeign(name) && name.startsWith(`${defaultTier}.`)
    ? name.slice(defaultTier.length + 1)
    : name;
}

/** A resource as stored → as the API shows it. Kinds without a stored name pass through. */
export function fromStored<R extends Resource>(stored: R): R {
  if (!hasStoredName(stored.kind)) return stored;
  const { [metadataAnnotation]: noted, ...annotations } = stored.metadata.annotations ?? {};
  const { annotations: _, ...metadata } = stored.metadata;
  const name = apiPolicyName(stored);
  if (noted === undefined) return { ...stored, metadata: { ...stored.metadata, name } };
  const rest = Object.keys(annotations).length > 0 ? { annotations } : {};
  return { ...stored, metadata: { ...metadata, name, ...rest } };
}

/** A resource as the API takes it → as stored. Kinds without a stored name pass through. */
export function toStored<R extends Resource>(resource: R, dialect: PolicyDialect): R {
  if (!hasStoredName(resource.kind)) return resource;
  const { metadata } = resource;
  const written = typeof resource.spec['tier'] === 'string' ? resource.spec['tier'] : '';
  const tier = written === '' ? defaultTier : written;
  const name = storedPolicyName(metadata.name, dialect, tier);
  if (dialect === 'v3.15') {
    // 3.29 to 3.31 label policies of other tiers; 3.15 knows none.
    const labels = tier === defaultTier ? {} : { labels: { ...metadata.labels, [tierLabel]: tier } };
    return { ...resource, metadata: { ...metadata, name, ...labels } };
  }
  return {
    ...resource,
    metadata: {
      ...metadata,
      name,
      labels: { ...metadata.labels, [tierLabel]: tier },
      annotations: { ...metadata.annotations, [metadataAnnotation]: JSON.stringify({ name: metadata.name }) },
    },
    spec: { ...resource.spec, tier },
  };
}

function isForeign(name: string): boolean {
  return foreign.some((prefix) => name.startsWith(prefix));
}

function notedName(annotation: string | undefined): string | undefined {
  if (annotation === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(annotation);
    const name = typeof value === 'object' && value !== null && 'name' in value ? value.name : undefined;
    return typeof name === 'string' && name !== '' ? name : undefined;
  } catch {
    return undefined;
  }
}
