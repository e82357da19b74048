/**
 * Replays the recordings of the real programs: `npm run test:golden -- [--only CORPUS] [--case NAME] [--from DIR] [--json]`.
 * Exit code 1 when a case differs.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { messageOf } from '../../src/errors.ts';
import { corpora } from './corpora.ts';
import type { Corpus, Outcome } from './corpus.ts';

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    case: { type: 'string' },
    from: { type: 'string', default: join(import.meta.dirname, 'fixtures') },
    json: { type: 'boolean', default: false },
    verbose: { type: 'boolean', short: 'v', default: false },
  },
});

type Counts = Record<Outcome['result'], number>;

async function replay(corpus: Corpus, folder: string): Promise<Counts> {
  const counts: Counts = { agree: 0, accepted: 0, differ: 0, open: 0 };
  for (const one of await corpus.cases(folder)) {
    if (values.case !== undefined && !one.name.includes(values.case)) continue;
    let outcome: Outcome;
    try {
      outcome = await one.run();
    } catch (error) {
      outcome = {
        result: 'differ',
        diff: `threw: ${error instanceof Error ? error.stack : messageOf(error)}`,
      };
    }
    counts[outcome.result]++;
    const detail = values.verbose || values.case !== undefined;
    if (values.json || (outcome.result === 'agree' && !detail)) continue;
    if (detail) console.log(`${corpus.name}/${one.name}: ${outcome.result}`);
    if (detail && outcome.result === 'open') console.log(`  ${outcome.why}`);
    if (detail && 'diff' in outcome) console.log(outcome.diff.replace(/^/gm, '  '));
    if (!detail && outcome.result === 'differ') console.log(`${corpus.name}/${one.name}: differs`);
  }
  return counts;
}

const table: Record<string, Counts> = {};
for (const corpus of corpora) {
  if (values.only && !values.only.includes(corpus.name)) continue;
  const folder = join(values.from, corpus.name);
  if (existsSync(folder)) table[corpus.name] = await replay(corpus, folder);
}
if (values.json) console.log(JSON.stringify(table, null, 2));
else {
  console.log('| corpus | agree | accepted | differ | open |\n|---|---|---|---|---|');
  for (const [name, c] of Object.entries(table)) {
    console.log(`| ${name} | ${c.agree} | ${c.accepted} | ${c.differ} | ${c.open} |`);
  }
}
process.exit(Object.values(table).some((counts) => counts.differ > 0) ? 1 : 0);
