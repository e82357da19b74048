/** Errors of the client with upstream's texts (libcalico-go/lib/errors). */
import type { Release } from '../release.ts';

/** What kind of failure it is: commands react to some. */
export type ClientErrorClass =
  | 'not-found'
  | 'exists'
  | 'conflict'
  | 'validation'
  | 'unsupported'
  | 'identifiers'
  | 'parse'
  | 'other';

/** A failure of an operation on resources. */
export class ClientError extends Error {
  readonly class: ClientErrorClass;
  constructor(kind: ClientErrorClass, message: string) {
    super(message);
    this.class = kind;
  }
}

/** A field that a validation refused. */
export interface FieldProblem {
  readonly name: string;
  readonly value?: string;
  readonly reason?: string;
}

/** How errors name an object: `Kind(name)` or `Kind(namespace/name)`. */
export function idText(kind: string, namespace: string | undefined, name: string): string {
  return namespace ? `${kind}(${namespace}/${name})` : `${kind}(${name})`;
}

/** The object is absent; `said` are the server's words, where it has some. */
export function notFound(id: string, said = '<nil>'): ClientError {
  return new ClientError('not-found', `resource does not exist: ${id} with error: ${said}`);
}

/** The object exists already. */
export function alreadyExists(id: string, release: Release, said = '<nil>'): ClientError {
  const cause = release.minor <= 15 ? '' : ` with error: ${said}`;
  return new ClientError('exists', `resource already exists: ${id}${cause}`);
}

/** Another writer was first. */
export function updateConflict(id: string): ClientError {
  return new ClientError('conflict', `update conflict: ${id}`);
}

/** The operation is refused for this object. */
export function notSupported(operation: string, id: string, reason = ''): ClientError {
  const why = reason === '' ? '' : `: ${reason}`;
  return new ClientError('unsupported', `operation ${operation} is not supported on ${id}${why}`);
}

/** Fields that are not valid. */
export function invalidFields(problems: readonly FieldProblem[]): ClientError {
  const lines = problems.map((problem) => {
    const value = problem.value === undefined ? '' : ` = '${problem.value}'`;
    const reason = problem.reason ? ` (${problem.reason})` : '';
    return `${problem.name}${value}${reason}`;
  });
  const message =
    lines.length === 1
      ? `error with field ${lines[0]}`
      : `error with the following fields:\n${lines.map((line) => `-  ${line}\n`).join('')}`;
  return new ClientError('validation', message);
}
