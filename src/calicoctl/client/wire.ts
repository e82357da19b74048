/** Objects as Go writes them: members in the structs' order, empty ones left out unless upstream writes them always. */
import {
  formatGoDuration,
  kindInfo,
  parseGoDuration,
  type Resource,
  type Schema,
} from '../../resources/index.ts';
import type { Release } from '../release.ts';
import { fieldOrder } from './field-order.ts';
import { generation } from './schema.ts';

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

/** A resource or list, ready to be printed as JSON or YAML. Fields that the release does not know are left out. */
export function wireForm(value: Resource | ListLike, release: Release): Readonly<Record<string, unknown>> {
  const { kind, apiVersion, metadata } = value;
  if ('items' in value) {
    const items = (value as ListLike).items.map((item) => wireForm(item, release));
    return { kind, apiVersion, metadata, items };
  }
  const written = formOf(value as Resource, release, false);
  const shownNull = release.minor <= 15;
  return { ...written, metadata: orderedMetadata((value as Resource).metadata, shownNull) };
}

/** A resource as it is stored: as printed, but fields of other releases stay. */
export function storedForm(resource: Resource, release: Release): Resource {
  return formOf(resource, release, true) as unknown as Resource;
}

function formOf(
  resource: Resource,
  release: Release,
  keepUnknown: boolean,
): Readonly<Record<string, unknown>> {
  const { kind, apiVersion, metadata, spec, status, ...rest } = resource;
  const info = kindInfo(kind);
  const form = { release, keepUnknown };
  const state = info?.status ? pruned(info.status, status ?? {}, form) : status;
  const withStatus = alwaysStatus(kind, release) || (state !== undefined && !isEmpty(state));
  return {
    kind,
    apiVersion,
    metadata,
    spec: info ? pruned(info.spec, spec ?? {}, form) : spec,
    ...(withStatus ? { status: state ?? {} } : {}),
    ...(keepUnknown ? rest : {}),
  };
}

/** Kinds whose status is written even when it is empty. */
function alwaysStatus(kind: string, release: Release): boolean {
  return (
    kind === 'Node' || kind === 'KubeControllersConfiguration' || (kind === 'Tier' && release.minor >= 32)
  );
}

function orderedMetadata(
  metadata: Resource['metadata'],
  shownNull: boolean,
): Readonly<Record<string, unknown>> {
  const result: Record<string, unknown> = {};
  for (const name of metadataOrder) {
    const value = metadata[name];
    if (value === undefined || value === '' || (value !== null && isEmpty(value))) continue;
    if (value === null && !(shownNull && name === 'creationTimestamp')) continue;
    result[name] = name === 'labels' || name === 'annotations' ? sortedMembers(value as object) : value;
  }
  return result;
}

function sortedMembers(map: object): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Fields that are required in the schema, yet not written when they are empty. */
const omittedWhenEmpty = new Set([
  'ServiceClusterIPBlock.cidr',
  'ServiceExternalIPBlock.cidr',
  'ServiceLoadBalancerIPBlock.cidr',
  'WorkloadEndpointSpec.interfaceName',
]);

interface Form {
  readonly release: Release;
  readonly keepUnknown: boolean;
}

function pruned(schema: Schema, value: unknown, form: Form): unknown {
  if (value === null || value === undefined) return value;
  switch (schema.type) {
    case 'struct':
      return prunedStruct(schema, value as Readonly<Record<string, unknown>>, form);
    case 'list':
      return Array.isArray(value) ? value.map((item) => pruned(schema.item, item, form)) : value;
    case 'map':
      return typeof value === 'object' ? sortedMembers(value) : value;
    case 'duration':
      return canonicalDuration(String(value));
    default:
      return value;
  }
}

/** Go writes `90s` as `1m30s`. */
function canonicalDuration(text: string): string {
  const nanoseconds = parseGoDuration(text);
  return typeof nanoseconds === 'number' ? formatGoDuration(nanoseconds) : text;
}

function prunedStruct(
  schema: Extract<Schema, { type: 'struct' }>,
  value: Readonly<Record<string, unknown>>,
  form: Form,
): unknown {
  const result: Record<string, unknown> = {};
  for (const name of fieldOrder(schema.go, Object.keys(schema.fields), form.release)) {
    const field = schema.fields[name]!;
    if ((field.since ?? 0) > form.release.minor && !form.keepUnknown) continue;
    const stored = form.keepUnknown && schema.go === 'Rule' && (name === 'source' || name === 'destination');
    const always =
      ((field.required && !omittedWhenEmpty.has(`${schema.go}.${name}`)) ||
        stored ||
        (field.zero?.includes(generation(form.release)) ?? false)) &&
      (field.since ?? 0) <= form.release.minor;
    const inner = pruned(field.schema, value[name], form);
    if (inner === undefined || inner === null) {
      if (always) result[name] = zeroOf(field.schema, form);
    } else if (always || field.pointer || !isZero(inner)) result[name] = inner;
  }
  if (form.keepUnknown) {
    for (const name of Object.keys(value)) if (!(name in schema.fields)) result[name] = value[name];
  }
  return result;
}

function isZero(value: unknown): boolean {
  return value === '' || value === 0 || value === false || isEmpty(value);
}

function isEmpty(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return Array.isArray(value) ? value.length === 0 : Object.keys(value).length === 0;
}

function zeroOf(schema: Schema, form: Form): unknown {
  switch (schema.type) {
    case 'struct':
      return prunedStruct(schema, {}, form);
    case 'string':
      return '';
    case 'boolean':
      return false;
    case 'integer':
    case 'float':
    case 'as-number':
    case 'port':
      return 0;
    case 'list':
      return null;
    default:
      return {};
  }
}
