/** Names of policies between the API and the datastore, as each release spells them in keys and shows them. */
import {
  fromStored,
  hasStoredName,
  type PolicyDialect,
  type Resource,
  storedPolicyNames,
  tierLabel,
  toStored,
} from '../../resources/index.ts';
import type { Release } from '../release.ts';

/** The key's name that a release of this dialect looks for first. */
export function primaryPolicyName(name: string, dialect: PolicyDialect): string {
  if (dialect === 'v3.32' || /^(knp|ossg)\./.test(name)) return name;
  return `default.${name}`;
}

/** All keys' names to look under, the dialect's own first. */
export function storedCandidates(name: string, dialect: PolicyDialect): readonly string[] {
  const primary = primaryPolicyName(name, dialect);
  return [primary, ...storedPolicyNames(name, dialect).filter((candidate) => candidate !== primary)];
}

/** A resource as it is written. */
export function storedPolicy(resource: Resource, dialect: PolicyDialect): Resource {
  if (!hasStoredName(resource.kind)) return resource;
  const stored = toStored(resource, dialect);
  if (dialect === 'v3.32') return stored;
  return {
    ...stored,
    metadata: { ...stored.metadata, name: primaryPolicyName(resource.metadata.name, dialect) },
  };
}

/** A resource as a release shows it: later ones name the tier in a label. */
export function shownPolicy(stored: Resource, release: Release): Resource {
  if (!hasStoredName(stored.kind)) return stored;
  const shown = fromStored(stored);
  if (release.minor < 29 || shown.metadata.labels?.[tierLabel] !== undefined) return shown;
  return {
    ...shown,
    metadata: { ...shown.metadata, labels: { ...shown.metadata.labels, [tierLabel]: 'default' } },
  };
}
