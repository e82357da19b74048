/** The step before every write: defaults of the kind, then validation. */
import type { Resource } from '../../resources/index.ts';
import type { ResourceClient } from './client.ts';
import { invalidFields } from './errors.ts';
import { completed, defaulted, problemsOf } from './schema.ts';

/** Fills in defaults and validates; throws all findings at once. */
export function prepareByDefault(resource: Resource, client: ResourceClient): Resource {
  const filled = defaulted(resource, client.release);
  const problems = problemsOf(filled, client.release);
  if (problems.length > 0) throw invalidFields(problems);
  return completed(filled, client.release);
}
