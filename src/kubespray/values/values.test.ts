/** Typing of values: Python literals as INI inventories have them, YAML 1.1 as PyYAML reads it, JSON as Python reads it. */
import { describe, expect, test } from 'bun:test';
import { CalicoError } from '../../errors.ts';
import { parsePythonJson } from './json.ts';
import { parsePythonLiteral } from './python-literal.ts';
import { Float, formatFloat, repr, text, toJson, type Value } from './value.ts';
import { loadYaml, resolvePlain } from './yaml.ts';

const kept = Symbol('kept as text');

describe('Python literals', () => {
  const rows: readonly (readonly [string, Value | typeof kept])[] = [
    ['23', 23],
    ['-5', -5],
    ['+5', 5],
    ['1_000', 1000],
    ['1__0', kept],
    ['0x10', 16],
    ['0o17', 15],
    ['0b101', 5],
    ['00', 0],
    ['010', kept],
    ['1L', kept],
    ['--1', kept],
    ['1.10', new Float(1.1)],
    ['1e3', new Float(1000)],
    ['1e400', new Float(Number.POSITIVE_INFINITY)],
    ['inf', kept],
    ['True', true],
    ['true', kept],
    ['None', null],
    ['', kept],
    ['10.0.0.1', kept],
    ['"1.0.0.1"', '1.0.0.1'],
    ["'a' 'b'", 'ab'],
    ["b'x'", 'x'],
    ["u'x\\x41\\u00e9'", 'xAé'],
    ["'a' b'b'", kept],
    ['[1, 2] # tail', [1, 2]],
    ['(1, 2)', [1, 2]],
    ['1, 2', [1, 2]],
    ['()', []],
    [
      "{'a': 1, 'b': [True]}",
      new Map<string, Value>([
        ['a', 1],
        ['b', [true]],
      ]),
    ],
    ['{1, 2}', [1, 2]],
    ['{[1]: 2}', kept],
    ['[1', kept],
    ['23 # tail', 23],
    ['abc # tail', kept],
    ['9007199254740993', 9007199254740993n],
  ];
  for (const [source, expected] of rows)
    test(JSON.stringify(source), () => {
      const value = parsePythonLiteral(source);
      if (expected === kept) expect(value).toBeUndefined();
      else expect(value).toEqual(expected);
    });

  test('nesting without end is text', () => {
    expect(parsePythonLiteral('['.repeat(5_000))).toBeUndefined();
  });
});

describe('plain scalars of YAML 1.1', () => {
  const rows: readonly (readonly [string, Value])[] = [
    ['yes', true],
    ['Off', false],
    ['y', 'y'],
    ['N', 'N'],
    ['~', null],
    ['', null],
    ['0644', 420],
    ['0o17', '0o17'],
    ['08', '08'],
    ['65:12', 3912],
    ['190:20:30.15', new Float(685230.15)],
    ['12:34:56:78:90:12', '12:34:56:78:90:12'],
    ['1e3', '1e3'],
    ['1.0e+3', new Float(1000)],
    ['.inf', new Float(Number.POSITIVE_INFINITY)],
    ['0x1F', 31],
    ['1_000', 1000],
    ['2020-09-01', '2020-09-01'],
    ['2020-9-1', '2020-9-1'],
    ['4294967296', 4294967296],
  ];
  for (const [source, expected] of rows)
    test(JSON.stringify(source), () => expect(resolvePlain(source)).toEqual(expected));
});

describe('YAML documents', () => {
  test('anchors, merge keys, duplicate keys', () => {
    const { value, warnings } = loadYaml('f.yml', 'a: &x {p: 1, q: 2}\nb: {<<: *x, q: 3}\nc: 1\nc: 2\n');
    expect(toJson(value)).toEqual({ a: { p: 1, q: 2 }, b: { p: 1, q: 3 }, c: 2 });
    expect(warnings.map((one) => one.position.line)).toEqual([4]);
  });

  test('errors name file, line and column', () => {
    for (const [source, place] of [
      ['a: 1\nb: [1, 2\n', 'f.yml:'],
      ['a: 1\n\tb: 2\n', 'f.yml:2'],
      ['a: {{ x }}\n', 'f.yml:1'],
      ['a: =\n', 'f.yml:1:4'],
      ['a: *nowhere\n', 'f.yml:1:4'],
      ['a: !!python/object:os.system x\n', 'f.yml:1:'],
    ] as const) {
      try {
        loadYaml('f.yml', source);
        throw new Error(`${JSON.stringify(source)} was accepted`);
      } catch (error) {
        expect(error).toBeInstanceOf(CalicoError);
        expect((error as CalicoError).message).toStartWith(place);
        expect((error as CalicoError).cure).toBeDefined();
      }
    }
  });

  test('a document that multiplies itself is refused', () => {
    const levels = Array.from(
      { length: 12 },
      (_, at) => `l${at + 1}: &l${at + 1} [${`*l${at},`.repeat(10)}]`,
    );
    expect(() => loadYaml('f.yml', `l0: &l0 [1,1,1,1,1,1,1,1,1,1]\n${levels.join('\n')}\n`)).toThrow(
      CalicoError,
    );
  });

  test('JSON is JSON: numbers with exponents are floats', () => {
    expect(loadYaml('f.yml', '{"a": 1e3, "b": "yes"}').value).toEqual(
      new Map<string, Value>([
        ['a', new Float(1000)],
        ['b', 'yes'],
      ]),
    );
    expect(parsePythonJson('{"a": 1,}')).toBeUndefined();
  });
});

test('text as Python prints it', () => {
  expect(text(true)).toBe('True');
  expect(text(null)).toBe('None');
  expect(text(['a', 1, new Float(2)])).toBe("['a', 1, 2.0]");
  expect(repr("it's")).toBe('"it\'s"');
  expect(formatFloat(1e16)).toBe('1e+16');
  expect(formatFloat(0.00001)).toBe('1e-05');
});
