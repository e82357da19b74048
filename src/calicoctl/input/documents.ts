/** A text of documents to resources: one each, a typed list, or an array. */
import { apiVersion, isKind, type Kind, kinds, type Resource } from '../../resources/index.ts';
import { decodeResource } from '../client/schema.ts';
import { inRelease } from '../grammar/help.ts';
import type { Release } from '../release.ts';
import { InputError } from './errors.ts';
import { jsonTypeName, quoteForOldText } from './go-json.ts';
import { parseYaml, YamlError } from './yaml.ts';

/** All resources of a text, in order. @throws InputError */
export function readResources(text: string, release: Release): readonly Resource[] {
  return documentsOf(text).flatMap((document) => resourcesOf(document, release));
}

/** Documents end at a line that begins with `---`; an empty text has none. */
export function documentsOf(text: string): readonly string[] {
  if (text === '') return [];
  const documents = text.split(/(?<=\n)---[^\n]*(?:\n|$)/);
  // A separator before the first document stands at the start of the text and belongs to it.
  if (documents.at(-1) === '') documents.pop();
  return documents;
}

function resourcesOf(document: string, release: Release): readonly Resource[] {
  const value = readValue(document, release);
  return resourcesOfValue(value, release);
}

/** Resources of a value that was read already. @throws InputError */
export function resourcesOfValue(value: unknown, release: Release): readonly Resource[] {
  if (value === null || value === undefined) {
    if (release.minor <= 15) return [];
    throw unknownType('', '', release);
  }
  if (Array.isArray(value)) {
    return value.flatMap((item) => {
      if (typeof item !== 'object' || item === null || Array.isArray(item)) {
        throw prefixed(
          release,
          `json: cannot unmarshal ${jsonTypeName(item)} into Go value of type map[string]interface {}`,
        );
      }
      return typed(item as Record<string, unknown>, release);
    });
  }
  if (typeof value !== 'object' || !('kind' in value) || !value.kind) {
    const type = '[]unstructured.Unstructured';
    throw release.minor <= 15
      ? new InputError(
          `error parsing document: cannot parse ${jsonTypeName(value)} '${quoteForOldText(value)}' into value of type ${type}`,
        )
      : prefixed(release, `json: cannot unmarshal ${jsonTypeName(value)} into Go value of type ${type}`);
  }
  return typed(value as Record<string, unknown>, release);
}

function readValue(document: string, release: Release): unknown {
  try {
    const { value, duplicates } = parseYaml(document);
    if (release.minor > 15 && duplicates.length > 0) {
      const lines = duplicates.map(({ line, key }) => `\n  line ${line}: key "${key}" already set in map`);
      throw new InputError(`error converting YAML to JSON: yaml: unmarshal errors:${lines.join('')}`);
    }
    return value;
  } catch (error) {
    if (!(error instanceof YamlError)) throw error;
    throw new InputError(
      release.minor <= 15
        ? `error parsing document: ${error.message}`
        : `error converting YAML to JSON: ${error.message}`,
    );
  }
}

function typed(value: Readonly<Record<string, unknown>>, release: Release): readonly Resource[] {
  const kind = String(value['kind'] ?? '');
  const version = String(value['apiVersion'] ?? '');
  const item = kind.endsWith('List') ? kind.slice(0, -'List'.length) : kind;
  if (version !== apiVersion || !isKind(item) || !kinds[item].served || !inRelease(release, kinds[item])) {
    throw unknownType(kind, version, release);
  }
  if (item === kind) return [decoded(kind, value, release)];
  const { items = [], ...rest } = value;
  const stray = Object.keys(rest).filter((name) => !['kind', 'apiVersion', 'metadata'].includes(name));
  if (stray.length > 0) throw unknownFields(stray, release);
  if (!Array.isArray(items))
    throw prefixed(
      release,
      `json: cannot unmarshal ${jsonTypeName(items)} into Go struct field ${kind}.items of type []v3.${item}`,
    );
  return items.map((one) => {
    const resource = decoded(item, one, release);
    const own = (one as { readonly kind?: unknown } | null)?.kind;
    if (!own) {
      throw new InputError(`an item of the ${kind} has no kind`);
    }
    return resource;
  });
}

function decoded(kind: Kind, value: unknown, release: Release): Resource {
  const outcome = decodeResource(kind, value, release);
  if (outcome.ok) return outcome.resource;
  if (release.minor > 15 && outcome.message.startsWith('field in document')) {
    return refuseUnknown(outcome.message);
  }
  throw new InputError(
    release.minor <= 15
      ? `error parsing document: ${outcome.message}`
      : `error unmarshaling JSON: while decoding JSON: ${outcome.message}`,
  );
}

/** 3.32 shows this text alone, without the words of the command around it. */
function refuseUnknown(message: string): never {
  throw new InputError(message);
}

/** 3.32 names the first unknown field only. */
function unknownFields(names: readonly string[], release: Release): InputError {
  if (release.minor > 15) {
    return new InputError(`field in document is not recognized or is in the wrong location: ${names[0]}`);
  }
  return new InputError(
    names.length === 1
      ? `error parsing document: field in document is not recognized or is in the wrong location: ${names[0]}`
      : `error parsing document: fields in document are not recognized or are in the wrong location: ${[...names].sort().join(', ')}`,
  );
}

function unknownType(kind: string, version: string, release: Release): InputError {
  const text = `nknown resource type (${kind}) and/or version (${version})`;
  return new InputError((release.minor <= 15 ? 'U' : 'u') + text);
}

function prefixed(release: Release, message: string): InputError {
  return new InputError(
    release.minor <= 15
      ? `error parsing document: ${message}`
      : `error unmarshaling JSON: while decoding JSON: ${message}`,
  );
}
