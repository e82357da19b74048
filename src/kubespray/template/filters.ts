/** The filters of the Jinja subset. */
import { CalicoError, messageOf } from '../../errors.ts';
import { parsePythonJson } from '../values/json.ts';
import {
  equal,
  Float,
  fromJson,
  integer,
  isList,
  isMapping,
  type Mapping,
  text,
  toJson,
  truthy,
  UnsafeText,
  type Value,
} from '../values/value.ts';
import { loadYaml } from '../values/yaml.ts';
import type { Arguments, Evaluator, Scope } from './evaluate.ts';
import { ipFilter } from './ip-filter.ts';
import { member, type Result, splitText, Undefined } from './operators.ts';
import { TemplateError } from './syntax.ts';
import { applyTest } from './tests.ts';

/** A regular expression written for Python. */
export function pythonRegex(source: string, flags: string): RegExp {
  try {
    return new RegExp(
      source.replace(/\(\?P</g, '(?<').replace(/^\(\?i\)/, ''),
      flags + (source.startsWith('(?i)') ? 'i' : ''),
    );
  } catch (error) {
    throw new TemplateError(`not a regular expression: ${messageOf(error)}`, 'failed');
  }
}

type Filter = (input: Value, args: readonly Value[], named: ReadonlyMap<string, Value>) => Value;

const list = (value: Value): readonly Value[] => {
  if (isList(value)) return value;
  if (isMapping(value)) return [...value.keys()];
  if (typeof value === 'string') return [...value];
  throw new TemplateError(`'${text(value)}' is not iterable`, 'failed');
};

const unique = (items: readonly Value[]) =>
  items.filter((one, at) => items.findIndex((other) => equal(one, other)) === at);

const sortKey = (value: Value) => (typeof value === 'string' ? value.toLowerCase() : value);

function order(a: Value, b: Value): number {
  const [left, right] = [sortKey(a), sortKey(b)];
  if (typeof left === 'number' && typeof right === 'number') return left - right;
  const [x, y] = [text(left), text(right)];
  return x < y ? -1 : x > y ? 1 : 0;
}

function combine(low: Mapping, high: Mapping, recursive: boolean): Mapping {
  const result = new Map(low);
  for (const [key, value] of high) {
    const before = result.get(key);
    result.set(
      key,
      recursive && isMapping(before) && isMapping(value) ? combine(before, value, true) : value,
    );
  }
  return result;
}

function toInteger(value: Value, fallback: Value): Value {
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value === 'number' || typeof value === 'bigint') return value;
  if (value instanceof Float)
    return Number.isFinite(value.value) ? integer(BigInt(Math.trunc(value.value))) : fallback;
  if (typeof value === 'string') {
    const trimmed = value.trim().replaceAll('_', '');
    if (/^[-+]?\d+$/.test(trimmed)) return integer(BigInt(trimmed.replace(/^\+/, '')));
    if (trimmed !== '' && Number.isFinite(Number(trimmed))) return Math.trunc(Number(trimmed));
  }
  return fallback;
}

/** Ansible's `bool`: only these words are true. */
function toBoolean(value: Value): Value {
  if (value === null || typeof value === 'boolean') return value;
  return ['yes', 'on', '1', 'true'].includes(text(value).toLowerCase());
}

function flatten(items: readonly Value[], levels: number): Value[] {
  return items.flatMap((one) => (isList(one) && levels !== 0 ? flatten(one, levels - 1) : [one]));
}

const filters: Readonly<Record<string, Filter>> = {
  bool: toBoolean,
  int: (input, [fallback = 0]) => toInteger(input, fallback),
  float: (input) => new Float(Number(text(input)) || 0),
  string: (input) => text(input),
  lower: (input) => text(input).toLowerCase(),
  upper: (input) => text(input).toUpperCase(),
  trim: (input) => text(input).trim(),
  replace: (input, [from = '', to = '']) => text(input).replaceAll(text(from), text(to)),
  regex_replace: (input, [pattern = '', replacement = '']) =>
    text(input).replace(
      pythonRegex(text(pattern), 'g'),
      text(replacement)
        .replaceAll('$', '$$$$')
        .replace(/\\(\d)/g, '$$$1'),
    ),
  join: (input, [separator = '']) => list(input).map(text).join(text(separator)),
  split: (input, [separator]) =>
    separator === undefined
      ? text(input).split(/\s+/).filter(Boolean)
      : splitText(text(input), text(separator), -1),
  last: (input) => list(input).at(-1) ?? null,
  length: (input) => (isMapping(input) ? input.size : list(input).length),
  list: (input) => [...list(input)],
  unique: (input) => unique(list(input)),
  union: (input, [other = []]) => unique([...list(input), ...list(other)]),
  intersect: (input, [other = []]) =>
    unique(list(input).filter((one) => list(other).some((b) => equal(one, b)))),
  difference: (input, [other = []]) =>
    unique(list(input).filter((one) => !list(other).some((b) => equal(one, b)))),
  sort: (input) => [...list(input)].sort(order),
  reverse: (input) => [...list(input)].reverse(),
  min: (input) => [...list(input)].sort(order)[0] ?? null,
  max: (input) => [...list(input)].sort(order).at(-1) ?? null,
  sum: (input) => list(input).reduce<number>((total, one) => total + Number(text(one)), 0),
  flatten: (input, [levels = -1], named) => flatten(list(input), Number(text(named.get('levels') ?? levels))),
  combine: (input, others, named) =>
    others.reduce<Value>((result, other) => {
      if (!isMapping(result) || !isMapping(other))
        throw new TemplateError('combine expects mappings', 'failed');
      return combine(result, other, truthy(named.get('recursive') ?? false));
    }, input),
  dict2items: (input) => {
    if (!isMapping(input)) throw new TemplateError('dict2items expects a mapping', 'failed');
    return [...input].map(
      ([key, value]) =>
        new Map<string, Value>([
          ['key', key],
          ['value', value],
        ]),
    );
  },
  items2dict: (input) =>
    new Map(
      list(input).map((one): [string, Value] => {
        if (!isMapping(one)) throw new TemplateError('items2dict expects mappings', 'failed');
        return [text(one.get('key') ?? null), one.get('value') ?? null];
      }),
    ),
  ternary: (input, [yes = null, no = null]) => (truthy(input) ? yes : no),
  to_json: (input) => JSON.stringify(toJson(input)),
  to_nice_json: (input) => JSON.stringify(toJson(input), null, 4),
  from_json: (input) => {
    const parsed = parsePythonJson(text(input));
    if (!parsed) throw new TemplateError('from_json: not JSON', 'failed');
    return parsed.value;
  },
  from_yaml: (input) => {
    try {
      return loadYaml('from_yaml', text(input)).value;
    } catch (error) {
      if (error instanceof CalicoError) throw new TemplateError(error.message, 'failed');
      throw error;
    }
  },
  abs: (input) => Math.abs(Number(text(input))),
  ipaddr: (input, [query = '']) => ipFilter(input, query),
  ipv4: (input, [query = 'ipv4']) => ipFilter(ipFilter(input, 'ipv4'), query),
  ipv6: (input, [query = 'ipv6']) => ipFilter(ipFilter(input, 'ipv6'), query),
  ipwrap: (input) =>
    text(input).includes(':') && !text(input).startsWith('[') ? `[${text(input)}]` : text(input),
  urlsplit: (input, [part = '']) => {
    const url = URL.canParse(text(input)) ? new URL(text(input)) : undefined;
    const parts: Readonly<Record<string, Value>> = {
      scheme: url?.protocol.replace(/:$/, '') ?? '',
      hostname: url?.hostname ?? '',
      port: url?.port ? Number(url.port) : null,
      path: url?.pathname ?? '',
      netloc: url?.host ?? '',
    };
    return part === '' ? fromJson(parts) : (parts[text(part)] ?? null);
  },
};

const aliases: Readonly<Record<string, string>> = { count: 'length', d: 'default', ipsubnet: 'ipaddr' };

/** Applies a filter. */
export function applyFilter(
  rawName: string,
  input: Result,
  args: Arguments,
  evaluator: Evaluator,
  scope: Scope,
): Result {
  const name = aliases[rawName] ?? rawName;
  if (name === 'default') {
    const fallback = args.positional[0] ?? args.named.get('default_value') ?? '';
    const boolean = args.positional[1] ?? args.named.get('boolean') ?? false;
    const missing =
      input instanceof Undefined || (!(boolean instanceof Undefined) && truthy(boolean) && !truthy(input));
    return missing ? fallback : input;
  }
  if (name === 'mandatory' && !(input instanceof Undefined)) return input;
  if (input instanceof Undefined) throw new TemplateError(input.message, 'undefined-variable');
  const defined = (one: Result): Value => {
    if (one instanceof Undefined) throw new TemplateError(one.message, 'undefined-variable');
    return one;
  };
  const positional = args.positional.map(defined);
  const named = new Map([...args.named].map(([key, one]) => [key, defined(one)] as const));
  const value = input instanceof UnsafeText ? input.text : input;
  if (name === 'first') return list(value)[0] ?? new Undefined('No first item, sequence was empty.');
  if (name === 'map') return mapFilter(value, positional, named, evaluator, scope);
  if (['select', 'reject', 'selectattr', 'rejectattr'].includes(name))
    return selectFilter(name, value, positional);
  const filter = Object.hasOwn(filters, name) ? filters[name] : undefined;
  if (!filter) throw new TemplateError(`the filter '${rawName}' is not supported`, 'unsupported');
  return filter(value, positional, named);
}

function mapFilter(
  input: Value,
  args: readonly Value[],
  named: ReadonlyMap<string, Value>,
  evaluator: Evaluator,
  scope: Scope,
): Value {
  const resolved = (one: Result): Value => {
    if (!(one instanceof Undefined)) return one;
    const fallback = named.get('default');
    if (fallback !== undefined) return fallback;
    throw new TemplateError(one.message, 'undefined-variable');
  };
  const attribute = named.get('attribute');
  if (attribute !== undefined) return list(input).map((one) => resolved(path(one, text(attribute))));
  const [first, ...rest] = args;
  if (first === 'extract') {
    const [container, ...keys] = rest;
    return list(input).map((one) => {
      let found: Result = member(container ?? null, one);
      for (const key of keys.flatMap((each) => (isList(each) ? each : [each]))) {
        if (found instanceof Undefined) break;
        found = member(found, key);
      }
      return resolved(found);
    });
  }
  return list(input).map((one) =>
    resolved(applyFilter(text(first ?? null), one, { positional: rest, named }, evaluator, scope)),
  );
}

function selectFilter(name: string, input: Value, args: readonly Value[]): Value {
  const wanted = name.startsWith('select');
  const byAttribute = name.endsWith('attr');
  const [attribute, ...withAttribute] = args;
  const [test, ...rest] = byAttribute ? withAttribute : args;
  return list(input).filter((one) => {
    const subject = byAttribute ? path(one, text(attribute ?? null)) : one;
    const outcome =
      test === undefined
        ? !(subject instanceof Undefined) && truthy(subject)
        : applyTest(text(test).replace(/^ansible\.\w+\./, ''), subject, rest);
    return outcome === wanted;
  });
}

function path(value: Value, attribute: string): Result {
  let result: Result = value;
  for (const key of attribute.split('.')) {
    if (result instanceof Undefined) return result;
    result = member(result, /^\d+$/.test(key) ? Number(key) : key);
  }
  return result;
}
