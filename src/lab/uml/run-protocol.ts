/** Running a program inside the kernel: what is said over one conversation, one JSON document per line. */

/** The first line. */
export interface RunRequest {
  readonly op: 'run';
  /** `lab`: in the holder's namespaces; `kernel`: beside it, with the lab's folder in the environment. */
  readonly place: 'lab' | 'kernel';
  readonly command: readonly string[];
}

/** What follows from the front. Bytes are in base64. */
export type RunInput =
  | { readonly input: string }
  | { readonly end: true }
  | { readonly signal: 'SIGINT' | 'SIGTERM' };

/** What comes back; the exit code is the last. */
export type RunOutput =
  | { readonly output: string }
  | { readonly error: string }
  | { readonly exit: number }
  | { readonly failure: string };

/** Cuts a stream of text into lines. */
export class Lines {
  #rest = '';

  read(chunk: string): readonly string[] {
    const lines = (this.#rest + chunk).split('\n');
    this.#rest = lines.pop()!;
    return lines;
  }
}
