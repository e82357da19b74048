/** Objects in the member order and with the always-present members that Go writes. */
import { kindInfo, type Resource, type Schema } from '../../resources/index.ts';
import type { Release } from '../release.ts';

const metadataOrder = [
  'name',
  'generateName',
  'namespace',
  'selfLink',
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'labels',
  'annotations',
  'ownerReferences',
  'finalizers',
];

interface ListLike {
  readonly kind: string;
  readonly apiVersion: string;
  readonly metadata: unknown;
  readonly items: readonly Resource[];
}

/** A resource or list, ready to be written as JSON or YAML. */
export function wireForm(value: Resource | ListLike, release: Release): Readonly<Record<string, unknown>> {
  const { kind, apiVersion, metadata } = value;
  if ('items' in value) {
    const items = (value as ListLike).items.map((item) => wireForm(item, release));
    return { kind, apiVersion, metadata, items };
  }
  const resource = value as Resource;
  const info = kindInfo(kind);
  const spec = info ? ordered(info.spec, resource.spec, release) : resource.spec;
  const { kind: _k, apiVersion: _a, metadata: _m, spec: _s, status, ...rest } = resource;
  const withStatus = status !== undefined && (!info?.status || hasStatus(kind, release));
  return {
    kind,
    apiVersion,
    metadata: orderedMetadata(resource.metadata),
    spec,
    ...(withStatus ? { status: info?.status ? ordered(info.status, status, release) : status } : {}),
    ...rest,
  };
}

function hasStatus(_kind: string, _release: Release): boolean {
  return true;
}

function orderedMetadata(metadata: Resource['metadata']): Readonly<Record<string, unknown>> {
  const result: Record<string, unknown> = {};
  for (const name of metadataOrder) {
    const value = metadata[name];
    if (value === undefined || value === '' || isEmpty(value)) continue;
    if (value === null && name !== 'creationTimestamp') continue;
    result[name] = name === 'labels' || name === 'annotations' ? sortedMembers(value as object) : value;
  }
  return result;
}

function isEmpty(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return Array.isArray(value) ? value.length === 0 : Object.keys(value).length === 0;
}

function sortedMembers(map: object): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Members in the schema's order; those it does not know follow. */
function ordered(schema: Schema, value: unknown, release: Release): unknown {
  if (value === null || value === undefined) return value;
  switch (schema.type) {
    case 'struct': {
      const object = value as Readonly<Record<string, unknown>>;
      const result: Record<string, unknown> = {};
      for (const [name, field] of Object.entries(schema.fields)) {
        if (object[name] === undefined) continue;
        if ((field.since ?? 0) > release.minor) continue;
        result[name] = ordered(field.schema, object[name], release);
      }
      for (const name of Object.keys(object)) if (!(name in schema.fields)) result[name] = object[name];
      return result;
    }
    case 'list':
      return Array.isArray(value) ? value.map((item) => ordered(schema.item, item, release)) : value;
    case 'map':
      return typeof value === 'object' ? sortedMembers(value) : value;
    default:
      return value;
  }
}
