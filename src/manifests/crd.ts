/**
 * Custom resource definitions from the schemas of the kinds. They are open: a field that this release does not know
 * is kept, so that objects of other releases lose nothing. What values mean is checked by those who write them.
 */
import { type Field, kindInfo, kindNames, type Schema } from '../resources/index.ts';

type Fields = Readonly<Record<string, unknown>>;

const group = 'crd.projectcalico.org';

/** Kinds that Kubernetes' own objects hold, or that have a form of their own here. */
const without = new Set(['Node', 'Profile', 'WorkloadEndpoint', 'BlockAffinity', 'IPAMConfiguration']);

/** The only one whose status has a path of its own in upstream's definitions. */
const withStatus = new Set(['KubeControllersConfiguration']);

const open = { 'x-kubernetes-preserve-unknown-fields': true };
const text = { type: 'string' };
const number = { type: 'integer', format: 'int64' };
const flag = { type: 'boolean' };

/** Address management is no kind of the API; these are its documents. */
const ipam: readonly { readonly kind: string; readonly plural: string; readonly spec: Fields }[] = [
  {
    kind: 'BlockAffinity',
    plural: 'blockaffinities',
    // `deleted` is text, as in upstream's definition.
    spec: { cidr: text, deleted: text, node: text, state: text, type: text },
  },
  {
    kind: 'IPAMBlock',
    plural: 'ipamblocks',
    spec: {
      affinity: { ...text, nullable: true },
      affinityClaimTime: { ...text, nullable: true },
      allocations: { type: 'array', items: { type: 'integer', nullable: true } },
      attributes: { type: 'array', items: { type: 'object', ...open } },
      cidr: text,
      deleted: flag,
      sequenceNumber: number,
      sequenceNumberForAllocation: { type: 'object', additionalProperties: number },
      strictAffinity: flag,
      unallocated: { type: 'array', items: { type: 'integer' } },
    },
  },
  {
    kind: 'IPAMConfig',
    plural: 'ipamconfigs',
    spec: {
      autoAllocateBlocks: flag,
      kubeVirtVMAddressPersistence: text,
      maxBlocksPerHost: { type: 'integer', minimum: 0 },
      strictAffinity: flag,
    },
  },
  {
    kind: 'IPAMHandle',
    plural: 'ipamhandles',
    spec: {
      block: { type: 'object', additionalProperties: { type: 'integer' } },
      deleted: flag,
      handleID: text,
    },
  },
];

/** All definitions, in the order of their names. */
export function customResourceDefinitions(): readonly Fields[] {
  const resources = kindNames
    .filter((kind) => !without.has(kind))
    .map((kind) => {
      const info = kindInfo(kind)!;
      const status = info.status ? { status: schemaOf(info.status) } : {};
      return definition(kind, info.plural, info.namespaced, schemaOf(info.spec), status);
    });
  const documents = ipam.map(({ kind, plural, spec }) =>
    definition(kind, plural, false, { type: 'object', ...open, properties: spec }, {}),
  );
  const name = (one: Fields) => String((one['metadata'] as Fields)['name']);
  return [...resources, ...documents].sort((a, b) => (name(a) < name(b) ? -1 : 1));
}

function definition(kind: string, plural: string, namespaced: boolean, spec: Fields, status: Fields): Fields {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      names: { kind, listKind: `${kind}List`, plural, singular: kind.toLowerCase() },
      scope: namespaced ? 'Namespaced' : 'Cluster',
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: {
            openAPIV3Schema: {
              type: 'object',
              properties: {
                apiVersion: text,
                kind: text,
                metadata: { type: 'object' },
                spec,
                ...status,
              },
            },
          },
          ...(withStatus.has(kind) ? { subresources: { status: {} } } : {}),
        },
      ],
    },
  };
}

function schemaOf(schema: Schema): Fields {
  switch (schema.type) {
    case 'string':
    case 'duration':
      return text;
    case 'time':
      return { ...text, format: 'date-time', nullable: true };
    case 'boolean':
      return flag;
    case 'integer':
      return number;
    case 'float':
      return { type: 'number' };
    case 'as-number':
    case 'port':
    case 'protocol':
    case 'uint8-or-string':
    case 'int-or-string':
      return { anyOf: [{ type: 'integer' }, { type: 'string' }], 'x-kubernetes-int-or-string': true };
    case 'list':
      return { type: 'array', items: schemaOf(schema.item) };
    case 'map':
      return { type: 'object', additionalProperties: schemaOf(schema.value) };
    case 'struct':
      return {
        type: 'object',
        ...open,
        properties: Object.fromEntries(
          Object.entries(schema.fields).map(([name, field]) => [name, fieldSchema(field)]),
        ),
      };
    case 'any':
      return open;
  }
}

function fieldSchema(field: Field): Fields {
  const schema = schemaOf(field.schema);
  const rules = [field.crd ?? []].flat();
  const bound = (name: 'min' | 'max') => rules.find((rule) => rule[name] !== undefined)?.[name];
  const [least, most] = [bound('min'), bound('max')];
  if (schema['type'] !== 'integer') return schema;
  return {
    ...schema,
    ...(least === undefined ? {} : { minimum: least }),
    ...(most === undefined ? {} : { maximum: most }),
  };
}
