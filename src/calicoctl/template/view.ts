/** A value together with its schema, so that Go's names of fields and zero values are known. */
import { goName, kindInfo, type Resource, type Schema } from '../../resources/index.ts';

/** See the module's comment. `owner` names a resource or list that the value is. */
export interface View {
  readonly value: unknown;
  readonly schema: Schema | undefined;
  readonly owner?: 'results' | 'list' | 'resource' | 'metadata' | undefined;
}

const metadataFields: Readonly<Record<string, unknown>> = {
  Name: '',
  GenerateName: '',
  Namespace: '',
  UID: '',
  ResourceVersion: '',
  Generation: 0,
  CreationTimestamp: null,
  Labels: {},
  Annotations: {},
  OwnerReferences: [],
  Finalizers: [],
};

/** The results of `get` as a template sees them. */
export function viewOfResults(results: readonly unknown[]): View {
  return { value: results, schema: undefined, owner: 'results' };
}

/** A field by its Go name; `undefined` when the type has none. */
export function fieldOf(view: View, name: string): View | undefined {
  const { value, schema } = view;
  if (view.owner === 'metadata') return metadataField(value, name);
  if (isResourceLike(value)) return topField(value, name);
  if (schema?.type === 'struct') {
    for (const [json, field] of Object.entries(schema.fields)) {
      if ((field.go ?? goName(json)) !== name) continue;
      const inner = (value as Readonly<Record<string, unknown>> | null | undefined)?.[json];
      return { value: inner ?? zeroOf(field.schema, field.pointer === true), schema: field.schema };
    }
    return undefined;
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    const member = (value as Readonly<Record<string, unknown>>)[name];
    return { value: member, schema: undefined };
  }
  return undefined;
}

/** Go's name of the value's type, for errors. */
export function typeName(view: View): string {
  if (isResourceLike(view.value)) return 'runtime.Object';
  if (view.owner === 'metadata') return 'v1.ObjectMeta';
  if (view.schema?.type === 'struct') return `v3.${view.schema.go}`;
  if (Array.isArray(view.value)) return '[]runtime.Object';
  return typeof view.value === 'string' ? 'string' : 'interface {}';
}

function isResourceLike(value: unknown): value is Resource {
  return typeof value === 'object' && value !== null && 'kind' in value && 'apiVersion' in value;
}

function topField(resource: Resource, name: string): View | undefined {
  const info = kindInfo(resource.kind);
  switch (name) {
    case 'Kind':
      return { value: resource.kind, schema: undefined };
    case 'APIVersion':
      return { value: resource.apiVersion, schema: undefined };
    case 'ObjectMeta':
    case 'ListMeta':
      return { value: resource.metadata, schema: undefined, owner: 'metadata' };
    case 'Items':
      return 'items' in resource ? { value: resource['items'], schema: undefined } : undefined;
    case 'Spec':
      return info ? { value: resource.spec, schema: info.spec } : undefined;
    case 'Status':
      return info?.status ? { value: resource.status ?? {}, schema: info.status } : undefined;
    default:
      return metadataField(resource.metadata, name);
  }
}

function metadataField(metadata: unknown, name: string): View | undefined {
  if (!Object.hasOwn(metadataFields, name)) return undefined;
  const json = name === 'UID' ? 'uid' : name.charAt(0).toLowerCase() + name.slice(1);
  const value = (metadata as Readonly<Record<string, unknown>>)[json];
  return { value: value ?? metadataFields[name], schema: undefined };
}

/** Go's zero value; a pointer's is nil. */
function zeroOf(schema: Schema, pointer: boolean): unknown {
  if (pointer) return undefined;
  switch (schema.type) {
    case 'boolean':
      return false;
    case 'integer':
    case 'float':
    case 'as-number':
      return 0;
    case 'list':
      return [];
    case 'map':
    case 'struct':
      return {};
    case 'any':
      return undefined;
    default:
      return '';
  }
}
