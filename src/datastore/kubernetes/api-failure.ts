/** Refusals of the API server, sorted into those that the port has as values and those that are thrown. */
import { CalicoError } from '../../errors.ts';
import type { ApiStatus } from '../../kubernetes-api/index.ts';

/** The value that a refusal is. @throws CalicoError PERMISSION or DATASTORE for all others */
export function refusalOf(status: ApiStatus): 'exists' | 'conflict' | 'not-found' {
  const { code, reason, message, causes } = status;
  if (code === 404) return 'not-found';
  if (reason === 'AlreadyExists') return 'exists';
  if (code === 409)
    return /UID in precondition|the UID in the precondition/.test(message) ? 'not-found' : 'conflict';
  if (causes.some(({ field }) => field === 'metadata.uid')) return 'not-found';
  if (causes.some(({ field }) => field === 'metadata.resourceVersion') || /resourceVersion/.test(message))
    return 'conflict';
  throw failureOf(status);
}

/** A refusal as an error. */
export function failureOf({ code, message }: ApiStatus): CalicoError {
  if (code === 401 || code === 403) {
    return new CalicoError('PERMISSION', `connection is unauthorized: ${message}`, {
      cure: 'Grant the verbs that docs/kubernetes.md lists to the account that this program uses.',
    });
  }
  return new CalicoError('DATASTORE', message, {
    cure: 'See what the API server says of the object, and whether its custom resource definitions are installed.',
  });
}
