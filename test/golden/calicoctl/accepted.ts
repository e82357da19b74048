/** Differences that stand in docs/differences.md, by the step that shows them. */
import type { StepDifference } from './compare.ts';
import type { Scenario } from './replay.ts';

interface Rule {
  readonly heading: string;
  applies(scenario: Scenario, difference: StepDifference): boolean;
}

const rules: readonly Rule[] = [
  {
    heading: 'calicoctl ends when the datastore does not answer',
    applies: (_scenario, { step, text }) => step.exit === null && text.startsWith('recorded: hung'),
  },
];

/** The heading under which a difference is accepted. */
export function acceptedReason(scenario: Scenario, difference: StepDifference): string | undefined {
  return rules.find((rule) => rule.applies(scenario, difference))?.heading;
}
