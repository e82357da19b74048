/** Recordings of the real CNI plugins: environment and configuration in, results, kernel and datastore out. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Case, Corpus } from '../corpus.ts';
import { replayScenario } from './replay.ts';
import type { Scenario } from './scenario.ts';

/** See the module's comment. */
export const cni: Corpus = {
  name: 'cni',
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
