/** Every recorded case as a test: it agrees, or stands in docs/differences.md, or is reported as not reached yet. */
import { describe, expect, test } from 'bun:test';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { corpora } from './corpora.ts';

const differences = join(import.meta.dirname, '../../docs/differences.md');

for (const corpus of corpora) {
  const folder = join(import.meta.dirname, 'fixtures', corpus.name);
  const cases = existsSync(folder) ? await corpus.cases(folder) : [];
  describe(corpus.name, () => {
    for (const one of cases) {
      test(one.name, async () => {
        const outcome = await one.run();
        if (outcome.result === 'differ') throw new Error(outcome.diff);
        if (outcome.result === 'accepted')
          expect(readFileSync(differences, 'utf8')).toContain(outcome.reason);
      });
    }
  });
}
