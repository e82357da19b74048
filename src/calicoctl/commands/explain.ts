/** `explain KIND[.FIELD…]`: type, rules and meaning of a kind's fields, from the schema that validates them. */
import { type Field, kindInfo, kindOfAlias, type Schema } from '../../resources/index.ts';
import { type Command, type Ctl, CtlFailure } from '../command.ts';
import { textArg } from '../grammar/docopt.ts';
import { helpText } from '../grammar/help.ts';
import { formatJsonIndented } from '../output/json.ts';
import { fieldText, kindText } from './explain-texts.ts';

const output = { spec: '-o --output=<OUTPUT>', text: 'Format: text or json. [default: text]' };

/** See the module's comment. */
export const explain: Command = {
  name: 'explain',
  summary: 'Document a kind.',
  help({ binary, release }) {
    return helpText({
      binary,
      release,
      usage: ['explain <PATH> [--output=<OUTPUT>]'],
      examples: [
        '# The fields of an IPPool.',
        '$ explain ippool',
        '# One field.',
        '$ explain bgppeer.spec.peerSelector',
      ],
      options: [output],
      description: 'Shows what a kind or one of its fields is, its type, the values it takes and its fields.',
    });
  },
  async run(args, ctl) {
    const format = textArg(args, '--output') ?? 'text';
    if (format !== 'text' && format !== 'json')
      throw new CtlFailure(`unrecognized output format '${format}'`);
    const path = (textArg(args, '<PATH>') ?? '').split('.');
    const kind = kindOfAlias(path[0] ?? '');
    const info = kind && kindInfo(kind);
    if (!kind || !info) throw new CtlFailure(`resource type '${path[0]}' is not supported`);
    const names = path[1] === 'spec' || path[1] === 'status' ? path.slice(2) : path.slice(1);
    const root = path[1] === 'status' && info.status ? info.status : info.spec;
    const { schema, field } = descend(root, names, kind, ctl);
    const where = [kind, path[1] === 'status' ? 'status' : 'spec', ...names].join('.');
    const about = names.length === 0 ? kindText(kind) : fieldText(kind, names);
    const fields = fieldsOf(schema, kind, names, ctl);
    if (format === 'json') {
      const { values, since } = { values: valuesOf(schema), since: field?.since };
      const value = { path: where, type: typeText(schema), description: about, values, since, fields };
      ctl.io.stdout(`${formatJsonIndented(value)}\n`);
      return undefined;
    }
    const values = valuesOf(schema);
    ctl.io.stdout(`${where} <${typeText(schema)}>\n`);
    if (about !== '') ctl.io.stdout(`\n  ${about}\n`);
    if (values) ctl.io.stdout(`\n  One of: ${values.join(', ')}\n`);
    if (field?.since) ctl.io.stdout(`\n  Since v3.${field.since}\n`);
    if (fields.length > 0) {
      const width = Math.max(...fields.map((one) => one.name.length + one.type.length + 3));
      ctl.io.stdout('\nFields:\n');
      for (const one of fields) {
        const head = `${one.name} <${one.type}>`;
        ctl.io.stdout(`  ${head.padEnd(width)}  ${one.description}`.trimEnd());
        ctl.io.stdout('\n');
      }
    }
    return undefined;
  },
};

function descend(
  root: Schema,
  names: readonly string[],
  kind: string,
  ctl: Ctl,
): { schema: Schema; field?: Field } {
  let schema: Schema = root;
  let field: Field | undefined;
  for (const name of names) {
    const struct = structOf(schema);
    const entry = Object.entries(struct?.fields ?? {}).find(
      ([json]) => json.toLowerCase() === name.toLowerCase(),
    );
    if (!entry || (entry[1].since ?? 0) > ctl.release.minor) {
      throw new CtlFailure(`${kind} has no field ${names.join('.')}: nothing is called ${name} there`);
    }
    field = entry[1];
    schema = field.schema;
  }
  return field ? { schema, field } : { schema };
}

function structOf(schema: Schema): Extract<Schema, { type: 'struct' }> | undefined {
  if (schema.type === 'struct') return schema;
  return schema.type === 'list' ? structOf(schema.item) : undefined;
}

function fieldsOf(schema: Schema, kind: string, names: readonly string[], ctl: Ctl) {
  return Object.entries(structOf(schema)?.fields ?? {})
    .filter(([, field]) => (field.since ?? 0) <= ctl.release.minor)
    .map(([name, field]) => ({
      name,
      type: typeText(field.schema),
      description: fieldText(kind, [...names, name]),
    }));
}

function valuesOf(schema: Schema): readonly string[] | undefined {
  if (schema.type === 'string') return schema.values;
  return schema.type === 'list' ? valuesOf(schema.item) : undefined;
}

function typeText(schema: Schema): string {
  switch (schema.type) {
    case 'list':
      return `[]${typeText(schema.item)}`;
    case 'map':
      return `map[string]${typeText(schema.value)}`;
    case 'struct':
      return 'object';
    case 'integer':
      return schema.go;
    case 'float':
      return 'number';
    case 'as-number':
      return 'AS number';
    case 'uint8-or-string':
    case 'int-or-string':
      return 'number or string';
    default:
      return schema.type;
  }
}
