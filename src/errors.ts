/**
 * The one error class of the project, and the table of its codes.
 *
 * Expected outcomes (not found, conflict, pool full) are values of the function that has them; what is thrown is
 * input that a person must correct, I/O that failed, or a bug.
 */

/** Every code, with what it means; `docs/errors.md` is made from it. */
export const errorCodes = {
  USAGE: 'a command line that cannot be understood',
  INPUT: 'a file, value or document that cannot be read or is not valid',
  NOT_FOUND: 'a named object does not exist',
  CONFLICT: 'another writer changed the object meanwhile',
  EXISTS: 'the object exists already',
  UNSUPPORTED: 'the operation is not supported here',
  DATASTORE: 'the datastore cannot be reached or refused the request',
  KERNEL: 'the kernel refused a request',
  PROGRAM: 'an external program is missing or failed',
  PERMISSION: 'a privilege is missing',
  TIMEOUT: 'something did not happen in time',
  INTERNAL: 'a bug: please report it',
} as const;

/** A code of {@link errorCodes}. */
export type ErrorCode = keyof typeof errorCodes;

/** What a {@link CalicoError} may carry beside its message. */
export interface ErrorOptions {
  /** What to do next, as one sentence for the person who reads it. */
  readonly cure?: string;
  /** Machine-readable details. */
  readonly details?: Readonly<Record<string, unknown>>;
  /** The error that led to this one. */
  readonly cause?: unknown;
}

/** An error with a code, a message that names the object, and a cure. */
export class CalicoError extends Error {
  override readonly name = 'CalicoError';
  readonly code: ErrorCode;
  readonly cure: string | undefined;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.cure = options.cure;
    this.details = options.details ?? {};
  }
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Ends a `switch` over a union: the compiler proves that it is never reached. */
export function assertNever(value: never): never {
  throw new CalicoError('INTERNAL', `unexpected value ${JSON.stringify(value)}`);
}
