/** What a corpus of recordings is to the replay; one file of this folder per corpus. */

/** What became of one recorded case. */
export type Outcome =
  | { readonly result: 'agree' }
  /** Differs for a reason that stands in docs/differences.md under this heading. */
  | { readonly result: 'accepted'; readonly reason: string; readonly diff: string }
  | { readonly result: 'differ'; readonly diff: string }
  /** Exercises something that is not built yet. */
  | { readonly result: 'open'; readonly why: string };

/** A recorded case, ready to be replayed. */
export interface Case {
  /** Unique in the corpus, `/`-separated. */
  readonly name: string;
  run(): Promise<Outcome> | Outcome;
}

/** A folder of recordings. */
export interface Corpus {
  /** Name of the folder below the recordings' root, as in data/golden. */
  readonly name: string;
  /** Reads the cases from the corpus's own folder. */
  cases(folder: string): Promise<readonly Case[]> | readonly Case[];
}
