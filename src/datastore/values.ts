/** Values as they are stored: the JSON of a resource or of a raw key, in Go's member order, no field lost. */
import { CalicoError } from '../errors.ts';
import { apiVersion, type Resource } from '../resources/resource.ts';
import { formatJson, parseJson } from './json.ts';
import type { Json, Key, Value } from './port.ts';

/** Order in which Go writes the members of an object's metadata. */
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

/** The text stored under the key: kind and apiVersion forced, resourceVersion never written. */
export function encodeValue(key: Key, value: Value): string {
  if (key.type === 'raw') return typeof value === 'string' ? value : formatJson(value);
  if (key.type !== 'resource') return formatJson(value);
  const { apiVersion: _version, kind: _kind, metadata, ...rest } = value as Resource;
  return formatJson({
    kind: key.kind,
    apiVersion,
    metadata: orderMetadata(metadata),
    ...rest,
  });
}

/**
 * Reads a stored text. An empty text is an empty document (affinities of very old releases); the text of a raw key
 * that is no JSON comes back as a string.
 * @throws CalicoError INPUT
 */
export function decodeValue(key: Key, text: string, revision: string): Value {
  if (key.type === 'raw') {
    try {
      return parseJson(text);
    } catch {
      return text;
    }
  }
  const json = text === '' && key.type !== 'resource' ? {} : parseJson(text);
  if (!isObject(json)) throw new CalicoError('INPUT', 'the value is not a JSON object');
  if (key.type !== 'resource') return json;
  const metadata = json['metadata'] ?? {};
  if (!isObject(metadata)) throw new CalicoError('INPUT', 'the metadata is not a JSON object');
  const { kind: _kind, apiVersion: _version, metadata: _metadata, ...rest } = json;
  return {
    kind: key.kind,
    apiVersion,
    metadata: { ...metadata, name: metadata['name'] ?? key.name, resourceVersion: revision },
    ...rest,
  } as unknown as Resource;
}

function orderMetadata(metadata: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const ordered: Record<string, unknown> = {};
  for (const name of metadataOrder) {
    if (metadata[name] !== undefined && name !== 'resourceVersion' && name !== 'selfLink') {
      ordered[name] = name === 'labels' || name === 'annotations' ? sorted(metadata[name]) : metadata[name];
    }
  }
  for (const name of Object.keys(metadata)) {
    if (!metadataOrder.includes(name)) ordered[name] = metadata[name];
  }
  return ordered;
}

function sorted(map: unknown): unknown {
  if (typeof map !== 'object' || map === null) return map;
  return Object.fromEntries(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function isObject(json: Json | undefined): json is { readonly [name: string]: Json | undefined } {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}
