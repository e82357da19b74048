import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import {
  formatSelector,
  isSelector,
  LabelIndex,
  type Labels,
  matchesLabels,
  parseSelector,
  prefixSelectorLabels,
  type Selector,
  selectorId,
  usesGlobal,
} from './index.ts';

describe('canonical form', () => {
  test.each([
    ['', 'all()'],
    [' all( ) ', 'all()'],
    ['global()', 'global()'],
    ['has( a )', 'has(a)'],
    ["a=='b'", 'a == "b"'],
    [`a == 'x"y'`, `a == 'x"y'`],
    [`a == "it's"`, `a == "it's"`],
    ["a == ''", 'a == ""'],
    ["((a == 'b'))", 'a == "b"'],
    ["a == 'b' && c == 'd' || e == 'f'", '((a == "b" && c == "d") || e == "f")'],
    ["a == 'b' && (c == 'd' || e == 'f')", '(a == "b" && (c == "d" || e == "f"))'],
    ['(has(a) && has(b)) && has(c)', '((has(a) && has(b)) && has(c))'],
    ['! ! has(a)', 'has(a)'],
    ['!has(a)', '!has(a)'],
    ['!(has(a) || has(b))', '!(has(a) || has(b))'],
    ["a in {'y','x','y',}", 'a in {"x", "y"}'],
    ['a in {}', 'a in {}'],
    ["a notin{'b'}", 'a not in {"b"}'],
    ["a contains'y'", 'a contains "y"'],
    ["a startswith 'x'", 'a starts with "x"'],
    ["a ends \t with 'x'", 'a ends with "x"'],
    ["in == 'x'", 'in == "x"'],
    ["has == 'x'", 'has == "x"'],
    ["1a == 'b'", '1a == "b"'],
    ["a.b/c-d_e == 'x'", 'a.b/c-d_e == "x"'],
  ])('%s → %s', (text, canonical) => {
    expect(formatSelector(parseSelector(text))).toBe(canonical);
    expect(formatSelector(parseSelector(canonical))).toBe(canonical);
  });

  test.each([
    'a in {,}',
    'a ==',
    "== 'b'",
    'a == b',
    "a = 'b'",
    'a',
    'a && b',
    'all ()',
    'has(a',
    'has()',
    "a in 'b'",
    "a == 'b' and c == 'd'",
    "a == 'b' &&",
    "a == 'b' || || c == 'd'",
    "(a == 'b'",
    "a == 'b')",
    "a$ == 'x'",
    "a == 'b'\n",
    'hasx(a)',
    "a == 'b' # c",
    `${'a'.repeat(513)} == 'x'`,
    "a in {'b'",
    "a == 'b",
  ])('refuses %s', (text) => {
    expect(isSelector(text)).toBe(false);
  });

  test('a refusal says where', () => {
    expect(() => parseSelector("a == 'b' && c")).toThrow('position 14');
  });

  test.each([
    ['all()', 's:5y5I3VdRZfDU01O--xXAPx2yxCQQqMf0M6IWug'],
    ['a=="b"&&has(c)', 's:a7YG9G3XyFzmdwcUzkbtw0ffcKn8o5bm1xsGyQ'],
  ])('id of %s', (text, id) => {
    expect(selectorId(parseSelector(text))).toBe(id);
  });

  test('prefixes every label and nothing else', () => {
    expect(prefixSelectorLabels("a == 'a' && !has(b) || all()", 'pcns.')).toBe(
      '((pcns.a == "a" && !has(pcns.b)) || all())',
    );
  });

  test('finds global() at any depth, not in texts', () => {
    expect(usesGlobal(parseSelector('has(a) && !(has(b) || global())'))).toBe(true);
    expect(usesGlobal(parseSelector("a == 'global()'"))).toBe(false);
  });
});

describe('evaluation', () => {
  const labels = { a: 'xyz', b: '' };
  test.each([
    ['', true],
    ['global()', true],
    ["a == 'xyz'", true],
    ["c == ''", false],
    ["b == ''", true],
    ["c != 'x'", true],
    ["a != 'xyz'", false],
    ["a contains 'y'", true],
    ["c contains ''", false],
    ["a starts with 'xy'", true],
    ["a ends with 'xy'", false],
    ["a in {'q', 'xyz'}", true],
    ["c in {'q'}", false],
    ["c not in {'q'}", true],
    ["a not in {'xyz'}", false],
    ['a in {}', false],
    ['has(b) && !has(c)', true],
    ['has(c) || has(a)', true],
    ['has(constructor)', false],
    ["toString != 'x'", true],
  ])('%s is %p', (text, matches) => {
    expect(matchesLabels(parseSelector(text), labels)).toBe(matches);
  });
});

describe('index', () => {
  const names = ['a', 'b', 'c'];
  const values = ['x', 'y', 'xy'];
  const label = fc.constantFrom(...names);
  const value = fc.constantFrom(...values);
  const selector: fc.Arbitrary<Selector> = fc.letrec<{ node: Selector }>((tie) => ({
    node: fc.oneof(
      { maxDepth: 3 },
      fc.constant<Selector>({ op: 'all' }),
      label.map((l): Selector => ({ op: 'has', label: l })),
      fc
        .tuple(fc.constantFrom('==', '!=', 'contains', 'starts with', 'ends with'), label, value)
        .map(([op, l, v]): Selector => ({ op: op as '==', label: l, value: v })),
      fc
        .tuple(fc.constantFrom('in', 'not in'), label, fc.uniqueArray(value))
        .map(([op, l, v]): Selector => ({ op: op as 'in', label: l, values: v.sort() })),
      tie('node').map((operand): Selector => ({ op: 'not', operand })),
      fc
        .tuple(fc.constantFrom('and', 'or'), fc.array(tie('node'), { minLength: 2, maxLength: 3 }))
        .map(([op, operands]): Selector => ({ op: op as 'and', operands })),
    ),
  })).node;
  const labels: fc.Arbitrary<Labels> = fc.dictionary(label, value, { maxKeys: 3 });
  const parents = fc.uniqueArray(fc.constantFrom('p', 'q'));
  const change = fc.oneof(
    fc.tuple(fc.constant('selector'), fc.nat(3), selector),
    fc.tuple(fc.constant('item'), fc.nat(3), labels, parents),
    fc.tuple(fc.constant('parent'), fc.constantFrom('p', 'q'), labels),
    fc.tuple(fc.constantFrom('no selector', 'no item'), fc.nat(3)),
    fc.tuple(fc.constant('no parent'), fc.constantFrom('p', 'q')),
  );

  test('agrees with evaluating every pair after every change, and its events add up', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
        const live = new Set<string>();
        const index = new LabelIndex<number, number>({
          matchStarted: (s, i) => {
            expect(live.has(`${s}/${i}`)).toBe(false);
            live.add(`${s}/${i}`);
          },
          matchStopped: (s, i) => {
            expect(live.delete(`${s}/${i}`)).toBe(true);
          },
        });
        const selectors = new Map<number, Selector>();
        const items = new Map<number, [Labels, readonly string[]]>();
        const inherited = new Map<string, Labels>();
        for (const step of changes) {
          const [what, id] = step;
          if (what === 'selector') {
            selectors.set(id as number, step[2] as Selector);
            index.setSelector(id as number, step[2] as Selector);
          } else if (what === 'item') {
            items.set(id as number, [step[2] as Labels, step[3] as string[]]);
            index.setItem(id as number, step[2] as Labels, step[3] as string[]);
          } else if (what === 'parent') {
            inherited.set(id as string, step[2] as Labels);
            index.setParent(id as string, step[2] as Labels);
          } else if (what === 'no selector') {
            selectors.delete(id as number);
            index.deleteSelector(id as number);
          } else if (what === 'no item') {
            items.delete(id as number);
            index.deleteItem(id as number);
          } else {
            inherited.delete(id as string);
            index.deleteParent(id as string);
          }
          const expected = new Set<string>();
          for (const [s, one] of selectors) {
            for (const [i, [own, from]] of items) {
              const all = [...from].reverse().map((p) => inherited.get(p) ?? {});
              if (matchesLabels(one, Object.assign({}, ...all, own))) expected.add(`${s}/${i}`);
            }
          }
          expect([...live].sort()).toEqual([...expected].sort());
          for (const s of selectors.keys()) {
            expect([...index.itemsOf(s)].map((i) => `${s}/${i}`).every((pair) => live.has(pair))).toBe(true);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  test('an endpoint costs what matches it, not how many selectors there are', () => {
    const index = new LabelIndex<number, number>({ matchStarted() {}, matchStopped() {} });
    for (let i = 0; i < 2000; i++) {
      index.setSelector(i, parseSelector(`ns == 'n${i % 10}' && app == 'a${i}'`));
    }
    const before = index.evaluations;
    index.setItem(1, { ns: 'n3', app: 'a13' });
    expect(index.evaluations - before).toBeLessThan(4);
    expect([...index.selectorsOf(1)]).toEqual([13]);
  });

  test('a selector costs the endpoints that have its label', () => {
    const index = new LabelIndex<number, number>({ matchStarted() {}, matchStopped() {} });
    for (let i = 0; i < 2000; i++) index.setItem(i, { ns: `n${i % 10}`, app: `a${i}` });
    const before = index.evaluations;
    index.setSelector(1, parseSelector("ns == 'n3' && app in {'a13', 'a23', 'b'}"));
    expect(index.evaluations - before).toBe(2);
    expect([...index.itemsOf(1)].sort()).toEqual([13, 23]);
  });

  test('a selector that is met in vain moves, and matches stay what they are', () => {
    const live = new Set<string>();
    const index = new LabelIndex<string, number>({
      matchStarted: (s, i) => live.add(`${s}/${i}`),
      matchStopped: (s, i) => live.delete(`${s}/${i}`),
    });
    const texts = [
      "has(app) && rare == 'yes'",
      "app == 'a1' && rare in {'yes', 'no'}",
      "has(rare) || app == 'a2'",
    ];
    for (const text of texts) index.setSelector(text, parseSelector(text));
    const labels = (i: number): Labels => ({ app: `a${i % 4}`, ...(i % 97 === 0 ? { rare: 'yes' } : {}) });
    for (let i = 0; i < 1000; i++) index.setItem(i, labels(i));
    const settled = index.evaluations;
    for (let i = 1000; i < 1400; i++) index.setItem(i, labels(i));
    expect(index.evaluations - settled).toBeLessThan(200);
    const expected = texts.flatMap((text) =>
      Array.from({ length: 1400 }, (_, i) => i)
        .filter((i) => matchesLabels(parseSelector(text), labels(i)))
        .map((i) => `${text}/${i}`),
    );
    expect([...live].sort()).toEqual(expected.sort());
    for (const text of texts) index.deleteSelector(text);
    expect(live.size).toBe(0);
  });
});
