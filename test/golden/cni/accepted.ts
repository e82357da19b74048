/** Where ours differs from the recordings on purpose: the headings of docs/differences.md. */
import type { Finding } from './replay.ts';
import type { Scenario } from './scenario.ts';

/** The heading under which a difference is accepted; `undefined` when it is not. */
export function accepted(_scenario: Scenario, _finding: Finding): string | undefined {
  return undefined;
}
