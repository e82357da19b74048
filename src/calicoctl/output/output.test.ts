import { describe, expect, test } from 'bun:test';
import { borderedTable } from './bordered-table.ts';
import { goFloat, goGeneral5, joinAndTruncate } from './go-value.ts';
import { plainTable } from './tabwriter.ts';
import { unifiedDiff } from './unified-diff.ts';
import { formatYaml } from './yaml.ts';

describe('formatYaml', () => {
  const cases: readonly (readonly [unknown, string])[] = [
    [{ b: [1, { c: 'x' }], a: true }, 'a: true\nb:\n- 1\n- c: x\n'],
    [{ a: [], b: {}, c: null, d: '' }, 'a: []\nb: {}\nc: null\nd: ""\n'],
    [
      { a: 'yes', b: '1.10', c: '0x1f', d: '2026-01-02', e: 'a: b' },
      'a: "yes"\nb: "1.10"\nc: "0x1f"\nd: "2026-01-02"\ne: \'a: b\'\n',
    ],
    [{ a: 'two\nlines' }, 'a: |-\n  two\n  lines\n'],
    [{ a: "all() && b == 'c'" }, "a: all() && b == 'c'\n"],
    [[], '[]\n'],
    [null, 'null\n'],
  ];
  for (const [value, text] of cases) {
    test(JSON.stringify(value), () => expect(formatYaml(value)).toBe(text));
  }
});

test('plain tables end every cell with a tab', () => {
  expect(
    plainTable([
      ['A', 'LONGER'],
      ['x', 'y'],
    ]),
  ).toBe('A    LONGER   \nx    y        \n');
});

test('bordered tables wrap long cells and align numbers to the right', () => {
  expect(borderedTable(['Name', 'N'], [['Active Socket: Connection refused', '12']])).toBe(
    `+--------------------------+----+
|           NAME           | N  |
+--------------------------+----+
| Active Socket: Connection | 12 |
| refused                  |    |
+--------------------------+----+
`
      .replace(/\+-{26}\+/g, `+${'-'.repeat(27)}+`)
      .replace('|           NAME           |', `|${' '.repeat(11)}NAME${' '.repeat(12)}|`)
      .replace('| refused                  |', '| refused                   |'),
  );
});

test('numbers as Go prints them', () => {
  expect([100, 1e6, 0.5, -5].map(goFloat)).toEqual(['100', '1e+06', '0.5', '-5']);
  expect([65536, 262144, 2 ** 64, 0].map(goGeneral5)).toEqual(['65536', '2.6214e+05', '1.8447e+19', '0']);
  expect(joinAndTruncate(['1.1.1.1'], ',', 5)).toBe('1....');
});

test('a diff shows three lines around each change', () => {
  const before = 'a\nb\nc\nd\ne\nf\ng\nh\n';
  expect(unifiedDiff(before, before.replace('e\n', 'E\n'), { before: 'x', after: 'y' })).toBe(
    '--- x\n+++ y\n@@ -2,7 +2,7 @@\n b\n c\n d\n-e\n+E\n f\n g\n h\n',
  );
  expect(unifiedDiff(before, before, { before: 'x', after: 'y' })).toBe('');
});
