/** Recordings of the real calicoctl: argv, stdin and files in, streams, exit code and datastore out. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Case, Corpus } from '../corpus.ts';
import { replayScenario, type Scenario } from './replay.ts';

/** See the module's comment. */
export const calicoctl: Corpus = {
  name: 'calicoctl',
  cases(folder) {
    const cases: Case[] = [];
    for (const version of ['v3.15', 'v3.32']) {
      for (const file of readdirSync(join(folder, version)).sort()) {
        const path = join(folder, version, file);
        cases.push({
          name: `${version}/${file.replace(/\.json$/, '')}`,
          run: () => replayScenario(JSON.parse(readFileSync(path, 'utf8')) as Scenario),
        });
      }
    }
    return cases;
  },
};
