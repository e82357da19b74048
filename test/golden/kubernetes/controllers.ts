import type { Outcome } from '../corpus.ts';

export function replayController(_recording: unknown): Outcome {
  return { result: 'open', why: 'not yet' };
}
