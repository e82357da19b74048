import { describe, expect, test } from 'bun:test';
import { parseArgs } from './docopt.ts';

const doc = `Usage:
  prog get ( (<KIND> [<NAME>...]) | --filename=<FILE> [--recursive] ) [--output=<OUTPUT>] [--all-names] [--allow]

Options:
  -h --help             Show this screen.
  -f --filename=<FILE>  File.
  -R --recursive        Recursive.
  -o --output=<OUTPUT>  Format. [default:
                        ps]
  -A --all-names        All.
     --allow            Allow.
`;

const cases: readonly (readonly [string, string, unknown])[] = [
  ['words and default', 'get node a b', { '<KIND>': 'node', '<NAME>': ['a', 'b'], '--output': 'ps' }],
  ['attached short value', 'get node -oyaml', { '--output': 'yaml' }],
  ['a value keeps its equals sign', 'get node -o=yaml', { '--output': '=yaml' }],
  ['long by prefix', 'get node --out=json', { '--output': 'json' }],
  ['options and words mix', 'get -A node a', { '--all-names': true, '<NAME>': ['a'] }],
  ['a double dash is a word', 'get node -- -o', { '<NAME>': ['--', '-o'] }],
  ['a lone dash is a value', 'get -f -', { '--filename': '-', '<KIND>': undefined }],
];

describe('parseArgs', () => {
  for (const [name, line, wanted] of cases) {
    test(name, () => {
      const outcome = parseArgs(doc, line.split(' '));
      if (outcome.kind !== 'args') throw new Error(`got ${outcome.kind}`);
      expect(outcome.args).toMatchObject(
        Object.fromEntries(Object.entries(wanted as object).filter(([, value]) => value !== undefined)),
      );
    });
  }

  const refused: readonly (readonly [string, string | undefined])[] = [
    ['get', undefined],
    ['get node -f x', undefined],
    ['get node -x', undefined],
    ['get node -o a -o b', undefined],
    ['get node --al', '--al is not a unique prefix: --all-names, --allow?'],
    ['get node -o', '-o requires argument'],
    ['get node --allow=yes', '--allow must not have an argument'],
  ];
  for (const [line, message] of refused) {
    test(`refuses: ${line}`, () => {
      expect(parseArgs(doc, line.split(' '))).toEqual({ kind: 'usage', message });
    });
  }

  test('help wins over everything else', () => {
    expect(parseArgs(doc, ['get', '--bogus', '--help'])).toEqual({ kind: 'help' });
  });
});
