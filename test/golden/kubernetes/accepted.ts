/** Differences on Kubernetes that stand in docs/differences.md. */
import { acceptedReason } from '../calicoctl/accepted.ts';
import type { ApiScenario, ApiStep } from './calicoctl.ts';

interface Rule {
  readonly heading: string;
  applies(step: ApiStep, text: string, scenario: ApiScenario): boolean;
}

const rules: readonly Rule[] = [
  {
    heading: 'calicoctl shows and stores nothing of what Kubernetes keeps for itself',
    applies: (_step, text) => /managedFields|generation/.test(text),
  },
  {
    heading: 'calicoctl checks an object before Kubernetes does',
    applies: (step, text) =>
      text.startsWith('stderr recorded:') &&
      step.exit !== 0 &&
      /(error with (the following )?field|is invalid|failed to validate)/.test(step.stderr),
  },
  {
    heading: 'calicoctl delete node says what Kubernetes refuses',
    applies: (step) => step.argv[0] === 'delete' && /WorkloadEndpoint\(\S+-\*\)/.test(step.stderr),
  },
  {
    heading: 'calicoctl delete keeps to the resourceVersion on Kubernetes too',
    applies: (step, _text, scenario) =>
      scenario.scenario === 'resourceversion' && step.argv.join(' ') === 'delete -f -',
  },
  {
    heading: 'calicoctl delete node says what Kubernetes refuses',
    applies: (step) => step.argv[0] === 'delete' && step.argv[1] === 'node',
  },
  {
    heading: 'calicoctl shows the revision of an empty list',
    applies: (step, text, scenario) =>
      isOld(scenario) && text.startsWith('stdout') && /items"?: \[\]/.test(step.stdout),
  },
  {
    heading: 'blocks keep their sequence numbers on Kubernetes',
    applies: (_step, text, scenario) => isOld(scenario) && /ipamblocks\/.*\n.*\n.*sequenceNumber/.test(text),
  },
  {
    heading: 'calicoctl cuts long label lists on Kubernetes as on etcd',
    applies: (step, text) => step.argv.join(' ') === 'get profile -o wide' && /\.\.\./.test(text),
  },
  {
    heading: 'calicoctl says in its own words why a stored value cannot be read',
    applies: (step) => /ReadString|is not formatted correctly|Invalid name/.test(step.stderr),
  },
  {
    heading: 'calicoctl names the pod of an absent endpoint',
    applies: (step, text) =>
      text.startsWith('stderr') &&
      /^WorkloadEndpoint|WorkloadEndpoint\(\S+\) with error: <nil>/m.test(step.stderr),
  },
];

const isOld = (scenario: ApiScenario) => scenario.version.startsWith('v3.15');

/** The heading under which a difference is accepted. */
export function acceptedOnApi(
  scenario: ApiScenario,
  step: ApiStep,
  text: string,
  index: number,
): string | undefined {
  return (
    rules.find((rule) => rule.applies(step, text, scenario))?.heading ??
    acceptedReason(scenario, { step, text, index })
  );
}
