/** Recordings of upstream's confd, its BIRD and calicoctl: what it makes of a cluster's BGP. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Case, Corpus, Outcome } from '../corpus.ts';
import { configurationCase } from './configuration.ts';
import { statusCase } from './node-status.ts';
import type { RecordedCase } from './recorded.ts';
import { type RecordedRoutes, routesCase } from './routes.ts';

/** data/golden/bgp. */
export const bgp: Corpus = {
  name: 'bgp',
  cases: (folder) =>
    readdirSync(folder)
      .filter((file) => file.endsWith('.json'))
      .sort()
      .map((file): Case => {
        const name = file.slice(0, -'.json'.length);
        return {
          name,
          run: (): Outcome | Promise<Outcome> => {
            const recorded = JSON.parse(readFileSync(join(folder, file), 'utf8')) as {
              readonly kind?: string;
            };
            switch (recorded.kind) {
              case 'node-status':
                return statusCase(recorded);
              case 'routes':
                return routesCase(recorded as RecordedRoutes);
              default:
                return configurationCase(recorded as unknown as RecordedCase);
            }
          },
        };
      }),
};
