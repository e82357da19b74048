/** The tests of the Jinja subset (`x is defined`). */
import { tryParseAddress, tryParseCidr } from '../../ip/index.ts';
import { equal, Float, isList, isMapping, text, truthy, type Value } from '../values/value.ts';
import { pythonRegex } from './filters.ts';
import { contains, type Result, Undefined } from './operators.ts';
import { TemplateError } from './syntax.ts';

/** Applies a test. */
export function applyTest(name: string, input: Result, args: readonly Result[]): boolean {
  if (name === 'defined') return !(input instanceof Undefined);
  if (name === 'undefined') return input instanceof Undefined;
  if (input instanceof Undefined) throw new TemplateError(input.message, 'undefined-variable');
  const given = args.map((one): Value => {
    if (one instanceof Undefined) throw new TemplateError(one.message, 'undefined-variable');
    return one;
  });
  const [first = null, second = null] = given;
  switch (name) {
    case 'none':
      return input === null;
    case 'string':
      return typeof input === 'string';
    case 'number':
      return (
        typeof input === 'number' ||
        typeof input === 'bigint' ||
        input instanceof Float ||
        typeof input === 'boolean'
      );
    case 'integer':
      return typeof input === 'number' || typeof input === 'bigint';
    case 'boolean':
      return typeof input === 'boolean';
    case 'mapping':
      return isMapping(input);
    case 'sequence':
    case 'iterable':
      return isList(input) || isMapping(input) || typeof input === 'string';
    case 'true':
      return input === true;
    case 'false':
      return input === false;
    case 'truthy':
      return truthy(input);
    case 'falsy':
      return !truthy(input);
    case 'equalto':
    case 'eq':
    case 'sameas':
    case '==':
      return equal(input, first);
    case 'ne':
      return !equal(input, first);
    case 'in':
      return contains(first, input);
    case 'contains':
      return contains(input, first);
    case 'divisibleby':
      return Number(text(input)) % Number(text(first)) === 0;
    case 'match':
      return pythonRegex(`^(?:${text(first)})`, '').test(text(input));
    case 'search':
      return pythonRegex(text(first), '').test(text(input));
    case 'version':
    case 'version_compare':
      return compareVersions(text(input), text(first), text(second ?? '=='));
    case 'ipv4':
    case 'ipv4_address':
      return (tryParseAddress(text(input)) ?? tryParseCidr(text(input)))?.version === 4;
    case 'ipv6':
    case 'ipv6_address':
      return (tryParseAddress(text(input)) ?? tryParseCidr(text(input)))?.version === 6;
    default:
      throw new TemplateError(`the test '${name}' is not supported`, 'unsupported');
  }
}

/** Loose version comparison: numbers by value, the leading `v` ignored. */
export function compareVersions(left: string, right: string, operator: string): boolean {
  const parts = (one: string) =>
    one
      .replace(/^v/, '')
      .split(/[.+-]/)
      .map((part) => Number.parseInt(part, 10) || 0);
  const [a, b] = [parts(left), parts(right)];
  let order = 0;
  for (let at = 0; at < Math.max(a.length, b.length) && order === 0; at++)
    order = Math.sign((a[at] ?? 0) - (b[at] ?? 0));
  switch (operator) {
    case '<':
    case 'lt':
      return order < 0;
    case '<=':
    case 'le':
      return order <= 0;
    case '>':
    case 'gt':
      return order > 0;
    case '>=':
    case 'ge':
      return order >= 0;
    case '!=':
    case '<>':
    case 'ne':
      return order !== 0;
    default:
      return order === 0;
  }
}
