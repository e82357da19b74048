/** Route cases. */
import type { Outcome } from '../corpus.ts';
import type { RecordedInput } from './recorded.ts';

/** A route case. */
export interface RecordedRoutes {
  readonly kind: string;
  readonly case: string;
  readonly input: RecordedInput;
}

/** Replays a case. */
export function routesCase(_recorded: RecordedRoutes): Outcome {
  return { result: 'open', why: 'needs running daemons' };
}
