/**
 * Documents → resources, the way upstream's decoders take them: names of fields in any case, scalars put in for text,
 * numbers or text for ports, and the decoders' own words for what does not fit.
 */
import { CalicoError } from '../errors.ts';
import { isKind, type Kind, kinds, type ResourceOf } from './kinds.ts';
import { metadataSchema } from './metadata-schema.ts';
import { parseAsNumber, parseGoDuration, parsePort } from './numbers.ts';
import { apiVersion, type Metadata, type Resource } from './resource.ts';
import { minorOf, type Release, type Schema } from './schema.ts';

/** Options of {@link decodeResource}. */
export interface DecodeOptions {
  readonly release: Release;
}

/** What became of a document. `message` is upstream's, without the words of the command around it. */
export type Decoded<K extends Kind = Kind> =
  | { readonly ok: true; readonly resource: ResourceOf<K> }
  | { readonly ok: false; readonly message: string };

/**
 * Decodes a document of a known kind strictly: unknown fields and wrong types are refused.
 * The messages are `field in document is not recognized …` as it is, and for the rest what follows
 * `error parsing document: ` (3.15) or `error unmarshaling JSON: while decoding JSON: ` (3.32).
 */
export function decodeResource<K extends Kind>(
  kind: K,
  document: Readonly<Record<string, unknown>>,
  options: DecodeOptions,
): Decoded<K> {
  const decoder = new Decoder(options.release, 'strict');
  const resource = decoder.resource(kind, document);
  const message = decoder.message();
  return message === undefined ? { ok: true, resource: resource as ResourceOf<K> } : { ok: false, message };
}

/**
 * Takes a value from a datastore: unknown fields are kept, wrong types are refused.
 * @throws CalicoError INPUT
 */
export function parseStored(document: unknown): Resource {
  if (!isObject(document)) throw new CalicoError('INPUT', 'the stored value is not an object');
  const { kind } = document;
  if (typeof kind !== 'string' || !isKind(kind)) {
    throw new CalicoError('INPUT', `the stored value has the unknown kind ${JSON.stringify(kind)}`);
  }
  const decoder = new Decoder('v3.32', 'stored');
  const resource = decoder.resource(kind, document);
  const message = decoder.message();
  if (message !== undefined) throw new CalicoError('INPUT', message);
  return resource;
}

class Stop extends Error {}

class Decoder {
  readonly #release: Release;
  readonly #strict: boolean;
  readonly #unknown: string[] = [];
  #error: string | undefined;
  /** In 3.32 an unknown field counts only when no other error came before it. */
  #unknownFirst: string | undefined;

  constructor(release: Release, mode: 'strict' | 'stored') {
    this.#release = release;
    this.#strict = mode === 'strict';
  }

  resource(kind: Kind, document: Readonly<Record<string, unknown>>): Resource {
    const { spec, status } = kinds[kind] as { readonly spec: Schema; readonly status?: Schema };
    try {
      const top = this.#fold(document, ['kind', 'apiVersion', 'metadata', 'spec', 'status']);
      const { metadata, spec: body, status: state, ...rest } = top;
      const result: Record<string, unknown> = this.#strict ? {} : { ...rest };
      result['apiVersion'] = apiVersion;
      result['kind'] = kind;
      result['metadata'] = this.#value(metadataSchema, metadata ?? {}, 'metadata', '') as Metadata;
      result['spec'] = this.#value(spec, body ?? {}, 'spec', '');
      if (state !== undefined && state !== null) {
        if (status) result['status'] = this.#value(status, state, 'status', '');
        else if (this.#strict) this.#unknownField('status');
        else result['status'] = state;
      }
      if (this.#strict) for (const name of Object.keys(rest)) this.#topField(name);
      return withName(result as unknown as Resource);
    } catch (thrown) {
      if (!(thrown instanceof Stop)) throw thrown;
      return { apiVersion, kind, metadata: { name: '' }, spec: {} };
    }
  }

  message(): string | undefined {
    if (this.#release === 'v3.32') {
      const name = this.#unknownFirst;
      return name === undefined
        ? this.#error
        : `field in document is not recognized or is in the wrong location: ${name}`;
    }
    if (this.#error !== undefined) return this.#error;
    const names = [...new Set(this.#unknown)].sort();
    if (names.length === 0) return undefined;
    return names.length === 1
      ? `field in document is not recognized or is in the wrong location: ${names[0]}`
      : `fields in document are not recognized or are in the wrong location: ${names.join(', ')}`;
  }

  #topField(name: string): void {
    if (name !== 'kind' && name !== 'apiVersion') this.#unknownField(name);
  }

  #unknownField(name: string): void {
    this.#unknown.push(name);
    if (this.#error === undefined) this.#unknownFirst ??= name;
  }

  #fail(message: string): void {
    if (this.#unknownFirst === undefined || this.#release === 'v3.15') this.#error ??= message;
  }

  /** A type error; decoding goes on, the first one is reported. */
  #mismatch(value: unknown, go: string, struct: string, path: string, shown?: string): undefined {
    const type = jsonType(value);
    const last = path.slice(path.lastIndexOf('.') + 1);
    this.#fail(
      this.#release === 'v3.15'
        ? `cannot parse ${type} '${jsonText(value)}' into field ${struct}.${last} of type ${go}`
        : `json: cannot unmarshal ${shown ?? type} into Go struct field ${struct}.${path} of type ${go}`,
    );
    return undefined;
  }

  /** An error from a type's own decoder, which ends all decoding. */
  #own(message: string): never {
    this.#fail(message);
    throw new Stop();
  }

  #ownMismatch(value: unknown, go: string, struct: string, path: string, shown?: string): never {
    const type = shown ?? jsonType(value);
    return this.#own(
      this.#release === 'v3.15'
        ? `json: cannot unmarshal ${type} into Go value of type ${go}`
        : `json: cannot unmarshal ${type} into Go struct field ${struct}.${path} of type ${go}`,
    );
  }

  #value(schema: Schema, value: unknown, path: string, struct: string): unknown {
    if (value === undefined || value === null) {
      if (schema.type === 'struct') return this.#struct(schema, {}, path);
      return schema.type === 'time' ? null : undefined;
    }
    switch (schema.type) {
      case 'any':
        return value;
      case 'struct':
        if (!isObject(value)) return this.#mismatch(value, goType(schema), struct, path);
        return this.#struct(schema, value, path);
      case 'list':
        if (!Array.isArray(value)) return this.#mismatch(value, goType(schema), struct, path);
        return value.map((item) => this.#value(schema.item, item, path, struct) ?? zeroItem(schema.item));
      case 'map': {
        if (!isObject(value)) return this.#mismatch(value, goType(schema), struct, path);
        const entries = Object.entries(value).map(
          ([key, item]) => [key, this.#value(schema.value, item, path, struct) ?? ''] as const,
        );
        return Object.fromEntries(entries);
      }
      case 'string':
      case 'time':
        if (typeof value === 'object') return this.#mismatch(value, goType(schema), struct, path);
        return scalarText(value);
      case 'boolean':
        return typeof value === 'boolean' ? value : this.#mismatch(value, 'bool', struct, path);
      case 'float':
        return typeof value === 'number' ? value : this.#mismatch(value, 'float64', struct, path);
      case 'integer':
        return this.#integer(value, schema.go, struct, path);
      default:
        return this.#numberOrText(schema.type, value, struct, path);
    }
  }

  #integer(value: unknown, go: keyof typeof limits, struct: string, path: string): number | undefined {
    if (typeof value !== 'number' && typeof value !== 'bigint')
      return this.#mismatch(value, go, struct, path);
    const [least, most] = limits[go];
    const number = Number(value);
    if (!Number.isInteger(number) || number < least || number > most) {
      return this.#mismatch(value, go, struct, path, `number ${value}`);
    }
    return number;
  }

  #numberOrText(
    type: 'as-number' | 'port' | 'protocol' | 'uint8-or-string' | 'int-or-string' | 'duration',
    value: unknown,
    struct: string,
    path: string,
  ): unknown {
    const text = typeof value === 'string' ? value : undefined;
    const number = typeof value === 'number' ? value : undefined;
    const result = (parsed: unknown) => (isReason(parsed) ? this.#own(parsed.reason) : parsed);
    switch (type) {
      case 'duration':
        if (text === undefined) return this.#ownMismatch(value, 'string', struct, path);
        result(parseGoDuration(text));
        return text;
      case 'as-number':
        if (text !== undefined) return result(parseAsNumber(text));
        if (number !== undefined && Number.isInteger(number) && number >= 0 && number <= 0xffffffff)
          return number;
        return this.#ownMismatch(value, 'string', struct, path);
      case 'port':
        if (text !== undefined) return result(parsePort(text));
        if (number === undefined) return this.#ownMismatch(value, 'uint16', struct, path);
        if (Number.isInteger(number) && number >= 0 && number <= 65535) return number;
        return this.#ownMismatch(value, 'uint16', struct, path, `number ${number}`);
      case 'protocol':
      case 'uint8-or-string':
        if (text !== undefined) {
          return /^\d+$/.test(text) && Number(text) >= 1 && Number(text) <= 255 ? Number(text) : text;
        }
        if (number === undefined) return this.#ownMismatch(value, 'uint8', struct, path);
        if (Number.isInteger(number) && number >= 0 && number <= 255) return number;
        return this.#ownMismatch(value, 'uint8', struct, path, `number ${number}`);
      case 'int-or-string':
        if (text !== undefined || (number !== undefined && Number.isInteger(number))) return value;
        return this.#ownMismatch(value, 'int32', struct, path);
    }
  }

  #struct(
    schema: Extract<Schema, { readonly type: 'struct' }>,
    value: Readonly<Record<string, unknown>>,
    path: string,
  ): unknown {
    const fields = Object.entries(schema.fields).filter(
      ([, field]) => !this.#strict || (field.since ?? 0) <= minorOf(this.#release),
    );
    const known = new Map(fields);
    const folded = this.#fold(value, [...known.keys()]);
    const decoded: Record<string, unknown> = {};
    // 3.32 decodes JSON that was made from a map, whose keys come sorted.
    for (const name of Object.keys(folded).sort()) {
      const field = known.get(name);
      if (!field) {
        if (this.#strict) this.#unknownField(name);
        else decoded[name] = folded[name];
        continue;
      }
      if (folded[name] === null) continue;
      const inner = this.#value(field.schema, folded[name], `${path}.${name}`, schema.go);
      if (inner !== undefined) decoded[name] = inner;
    }
    const ordered: Record<string, unknown> = {};
    for (const [name, field] of fields) {
      if (name in decoded) ordered[name] = decoded[name];
      else if (field.required) ordered[name] = zeroItem(field.schema);
    }
    return { ...ordered, ...decoded };
  }

  /** Field names in any case → as declared. */
  #fold(value: Readonly<Record<string, unknown>>, names: readonly string[]): Record<string, unknown> {
    const exact = new Set(names);
    const lower = new Map(names.map((name) => [name.toLowerCase(), name]));
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [
        exact.has(key) ? key : (lower.get(key.toLowerCase()) ?? key),
        item,
      ]),
    );
  }
}

const limits = {
  int: [-(2 ** 63), 2 ** 63],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  int64: [-(2 ** 63), 2 ** 63],
  uint8: [0, 255],
  uint16: [0, 65535],
  uint32: [0, 2 ** 32 - 1],
} as const;

function withName(resource: Resource): Resource {
  // A metadata of a wrong type is reported by then, and absent here.
  const metadata = resource.metadata as Metadata | undefined;
  return { ...resource, metadata: { ...metadata, name: metadata?.name ?? '' } };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isReason(value: unknown): value is { readonly reason: string } {
  return isObject(value) && typeof value['reason'] === 'string';
}

/** Text that Go's YAML reader makes of a scalar for a text field. */
function scalarText(value: unknown): string {
  return String(value);
}

function jsonType(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  switch (typeof value) {
    case 'boolean':
      return 'bool';
    case 'object':
      return 'object';
    case 'string':
      return 'string';
    default:
      return 'number';
  }
}

function jsonText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function goType(schema: Schema): string {
  switch (schema.type) {
    case 'string':
      return schema.go;
    case 'struct':
      return `v3.${schema.go}`;
    case 'list':
      return `[]${goType(schema.item)}`;
    case 'map':
      return `map[string]${goType(schema.value)}`;
    case 'integer':
      return schema.go;
    case 'float':
      return 'float64';
    case 'boolean':
      return 'bool';
    case 'port':
      return 'numorstring.Port';
    case 'protocol':
      return 'numorstring.Protocol';
    default:
      return 'string';
  }
}

function zeroItem(schema: Schema): unknown {
  switch (schema.type) {
    case 'string':
      return '';
    case 'integer':
    case 'float':
    case 'as-number':
    case 'port':
      return 0;
    case 'boolean':
      return false;
    case 'list':
      return [];
    case 'struct':
    case 'map':
      return {};
    default:
      return '';
  }
}
