/** docs/variables.md is the table; `calico plan --variables > docs/variables.md` makes it anew. */
import { expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { variablesPage } from './document.ts';
import { variableTable } from './index.ts';

test('docs/variables.md says what the table says', () => {
  const file = join(import.meta.dirname, '../../../docs/variables.md');
  expect(readFileSync(file, 'utf8')).toBe(variablesPage());
});

test('every variable has one row', () => {
  const names = variableTable.map((one) => one.name);
  expect(new Set(names).size).toBe(names.length);
});
