/** What is wrong at present, each thing once. */

/** A fault: a stable code and a sentence. */
export interface BgpFault {
  readonly code: 'bird' | 'configuration' | 'file';
  readonly message: string;
}

/** A set of faults by code. */
export class Faults {
  readonly #byCode = new Map<BgpFault['code'], string>();

  /** In order of code. */
  get list(): readonly BgpFault[] {
    return [...this.#byCode]
      .map(([code, message]) => ({ code, message }))
      .sort((a, b) => (a.code < b.code ? -1 : 1));
  }

  set(code: BgpFault['code'], message: string): void {
    this.#byCode.set(code, message);
  }

  clear(code: BgpFault['code']): void {
    this.#byCode.delete(code);
  }
}
