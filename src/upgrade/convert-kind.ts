/** Runs the conversion of one listing: clashes, errors and validation, each object for itself. Pure. */
import { messageOf } from '../errors.ts';
import { apiVersion, type Resource } from '../resources/resource.ts';
import { type Decoder, decodeDocument } from './decode.ts';

/** What became of one object: a resource and the name under which reports show it, or why not. */
export type Converted = { readonly resource: Resource; readonly shown: string } | { readonly error: string };

/** An object to convert, under its v1 key. */
export interface ConversionItem {
  readonly v1: string;
  readonly convert: () => Converted;
}

/** What became of a listing. */
export interface KindResult {
  readonly resources: readonly Resource[];
  readonly convertedNames: readonly { readonly v1: string; readonly v3: string }[];
  readonly nameClashes: readonly { readonly v1: string; readonly other: string; readonly v3: string }[];
  readonly conversionErrors: readonly { readonly v1: string; readonly cause: string }[];
  readonly validationErrors: readonly {
    readonly v1: string;
    readonly v3: string;
    readonly error: string;
    readonly resource: Resource;
  }[];
}

/** Converts the items of one listing in order. In a clash the first counts as converted. */
export function runKind(
  items: readonly ConversionItem[],
  validate: (resource: Resource) => string | undefined,
): KindResult {
  const result = {
    resources: [] as Resource[],
    convertedNames: [] as { v1: string; v3: string }[],
    nameClashes: [] as { v1: string; other: string; v3: string }[],
    conversionErrors: [] as { v1: string; cause: string }[],
    validationErrors: [] as { v1: string; v3: string; error: string; resource: Resource }[],
  };
  const seen = new Map<string, string>();
  for (const item of items) {
    const outcome = attempt(item);
    if ('error' in outcome) {
      result.conversionErrors.push({ v1: item.v1, cause: outcome.error });
      continue;
    }
    const { resource, shown } = outcome;
    const identity = `${resource.metadata.namespace ?? ''}/${resource.metadata.name}`;
    const earlier = seen.get(identity);
    seen.set(identity, item.v1);
    if (earlier !== undefined) result.nameClashes.push({ v1: item.v1, other: earlier, v3: shown });
    const error = validate(resource);
    if (error !== undefined) {
      result.validationErrors.push({ v1: item.v1, v3: shown, error, resource });
      continue;
    }
    if (earlier !== undefined) continue;
    result.resources.push(resource);
    result.convertedNames.push({ v1: item.v1, v3: shown });
  }
  return result;
}

/** `Kind(name)` or `Kind(namespace/name)`; policies without their tier. */
export function convertedName(resource: Resource): string {
  const { namespace, name } = resource.metadata;
  return `${resource.kind}(${namespace === undefined ? '' : `${namespace}/`}${name})`;
}

/** Decodes a stored document; what it throws becomes the object's conversion error. */
export function fromDocument<T>(source: string, decoder: Decoder<T>): T {
  return decodeDocument(source, decoder);
}

function attempt(item: ConversionItem): Converted {
  try {
    return item.convert();
  } catch (error) {
    return { error: `the stored value cannot be read: ${messageOf(error)}` };
  }
}

/** A resource without the metadata that only writing it gives. */
export function resource(
  kind: string,
  name: string,
  spec: Resource['spec'],
  extra: Partial<Resource['metadata']> = {},
): Resource {
  return { apiVersion, kind, metadata: { name, ...extra }, spec };
}
