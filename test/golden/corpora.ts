/** The corpora that are replayed, in the order of the table. */
import type { Corpus } from './corpus.ts';
import { upgrade } from './upgrade.ts';

/** One entry per folder of recordings. */
export const corpora: readonly Corpus[] = [upgrade];
