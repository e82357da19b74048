/** Python's operators, attributes and methods over values. */
import { equal, Float, integer, isList, isMapping, text, UnsafeText, type Value } from '../values/value.ts';
import { TemplateError } from './syntax.ts';

/** Something that has no value, with the words Ansible has for it. */
export class Undefined {
  constructor(readonly message: string) {}
}

/** A value or its absence. */
export type Result = Value | Undefined;

/** `object.name` and `object[name]`. */
export function member(object: Value, key: Value): Result {
  if (isMapping(object)) {
    const name = text(key);
    return (
      object.get(name) ??
      (object.has(name) ? null : new Undefined(`'dict object' has no attribute '${name}'`))
    );
  }
  if (isList(object) || typeof object === 'string') {
    const index = typeof key === 'number' ? key : /^-?\d+$/.test(text(key)) ? Number(text(key)) : undefined;
    const item = index === undefined ? undefined : object.at(index);
    const kind = isList(object) ? 'list object' : 'str object';
    return item === undefined
      ? new Undefined(
          `'${kind}' has no ${index === undefined ? 'attribute' : 'element'} ${index === undefined ? `'${text(key)}'` : index}`,
        )
      : item;
  }
  return new Undefined(`'${pythonType(object)} object' has no attribute '${text(key)}'`);
}

function pythonType(value: Value): string {
  if (value === null) return 'None';
  if (typeof value === 'boolean') return 'bool';
  return value instanceof Float ? 'float' : 'int';
}

/** `object.name(…)`. */
export function method(object: Value, name: string, args: readonly Value[]): Value {
  const [first, second] = args;
  const word = object instanceof UnsafeText ? object.text : object;
  if (isMapping(word)) {
    if (name === 'get') return word.get(text(first ?? null)) ?? second ?? null;
    if (name === 'keys') return [...word.keys()];
    if (name === 'values') return [...word.values()];
    if (name === 'items') return [...word].map(([key, value]) => [key, value]);
  }
  if (typeof word === 'string') {
    const of = (value: Value | undefined) => text(value ?? '');
    if (name === 'split')
      return first === undefined || first === null
        ? word.split(/\s+/).filter((one) => one !== '')
        : splitText(word, of(first), typeof second === 'number' ? second : -1);
    if (name === 'lower') return word.toLowerCase();
    if (name === 'upper') return word.toUpperCase();
    if (name === 'strip') return word.trim();
    if (name === 'startswith') return word.startsWith(of(first));
    if (name === 'endswith') return word.endsWith(of(first));
    if (name === 'replace') return word.replaceAll(of(first), of(second));
    if (name === 'join' && isList(first)) return first.map(text).join(word);
    if (name === 'format')
      return args.reduce<string>((result, one) => result.replace(/\{\d*\}/, () => text(one)), word);
  }
  throw new TemplateError(`.${name}(…) is not supported`, 'unsupported');
}

/** Python's `split(separator, maximum)`. */
export function splitText(word: string, separator: string, maximum: number): string[] {
  if (separator === '') throw new TemplateError('empty separator', 'failed');
  const parts = word.split(separator);
  if (maximum < 0 || parts.length <= maximum + 1) return parts;
  return [...parts.slice(0, maximum), parts.slice(maximum).join(separator)];
}

/** Python's `in`. */
export function contains(container: Value, item: Value): boolean {
  if (typeof container === 'string') return container.includes(text(item));
  if (isMapping(container)) return container.has(text(item));
  if (isList(container)) return container.some((one) => equal(one, item));
  throw new TemplateError(`argument of type '${pythonType(container)}' is not iterable`, 'failed');
}

/** `<`, `>`, `<=`, `>=`. */
export function compare(operator: string, left: Value, right: Value): boolean {
  let order: number;
  if (typeof left === 'string' && typeof right === 'string') order = left < right ? -1 : left > right ? 1 : 0;
  else {
    const [a, b] = [Number(numeric(left)), Number(numeric(right))];
    order = a < b ? -1 : a > b ? 1 : 0;
  }
  if (operator === '<') return order < 0;
  if (operator === '>') return order > 0;
  return operator === '<=' ? order <= 0 : order >= 0;
}

/** A value as a number. */
export function numeric(value: Value): bigint | number {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number') return BigInt(value);
  if (typeof value === 'boolean') return value ? 1n : 0n;
  if (value instanceof Float) return value.value;
  throw new TemplateError(`'${text(value)}' is not a number`, 'failed');
}

/** `+`, `-`, `*`, `/`, `//`, `%`. */
export function arithmetic(operator: string, left: Value, right: Value): Value {
  if (operator === '+' && typeof left === 'string' && typeof right === 'string') return left + right;
  if (operator === '+' && isList(left) && isList(right)) return [...left, ...right];
  if (
    operator === '*' &&
    typeof left === 'string' &&
    typeof right === 'number' &&
    right * left.length < 100_000
  )
    return left.repeat(Math.max(0, right));
  const [a, b] = [numeric(left), numeric(right)];
  if ((operator === '/' || operator === '//' || operator === '%') && Number(b) === 0)
    throw new TemplateError('division by zero', 'failed');
  if (typeof a === 'bigint' && typeof b === 'bigint' && operator !== '/') {
    const floor = a / b0(b);
    const exact = floor - (a % b0(b) !== 0n && a < 0n !== b < 0n ? 1n : 0n);
    const results: Readonly<Record<string, bigint>> = {
      '+': a + b,
      '-': a - b,
      '*': a * b,
      '//': exact,
      '%': a - exact * b,
    };
    return integer(results[operator] ?? 0n);
  }
  const [x, y] = [Number(a), Number(b)];
  const floats: Readonly<Record<string, number>> = {
    '+': x + y,
    '-': x - y,
    '*': x * y,
    '/': x / y,
    '//': Math.floor(x / y),
    '%': x - Math.floor(x / y) * y,
  };
  return new Float(floats[operator] ?? 0);
}

/** A divisor that is never zero: only `//` and `%` use the quotient, and they were checked. */
function b0(value: bigint): bigint {
  return value === 0n ? 1n : value;
}
