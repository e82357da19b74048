/** The corpora that are replayed, in the order of the table. */
import type { Corpus } from './corpus.ts';

/** One entry per folder of recordings. */
export const corpora: readonly Corpus[] = [];
