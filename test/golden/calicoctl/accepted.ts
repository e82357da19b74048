/** Differences that stand in docs/differences.md, by the step that shows them. */
import type { StepDifference } from './compare.ts';
import type { Scenario, Step } from './replay.ts';

interface Rule {
  readonly heading: string;
  applies(step: Step, text: string, scenario: Scenario, index: number): boolean;
}

const words = (step: Step): string => step.argv.join(' ');
const isOld = (scenario: Scenario): boolean => scenario.version.startsWith('v3.15');

const rules: readonly Rule[] = [
  {
    heading: 'calicoctl ends when the datastore does not answer',
    applies: (step, text) => step.exit === null && text.startsWith('recorded: hung'),
  },
  {
    heading: 'calicoctl never panics',
    applies: (step) => step.exit === 2 || step.stderr.includes('ApplyInjectionDetection'),
  },
  {
    heading: 'calicoctl answers old and new commands in every dialect',
    applies: (step, _text, scenario) =>
      scenario.scenario === 'usage' && /^(status|pool|convert|cluster|validate)\b/.test(words(step)),
  },
  {
    heading: 'calicoctl ipam show --show-configuration prints values and writes nothing',
    applies: (step, text) =>
      step.argv.includes('--show-configuration') ||
      text.startsWith('etcd: only recorded: /calico/ipam/v2/config'),
  },
  {
    heading: 'calicoctl ipam check needs no Kubernetes',
    applies: (step) => step.stderr.startsWith('KUBECONFIG environment variable'),
  },
  {
    heading: 'calicoctl reports a file that it could not write',
    applies: (step) => step.argv.includes('--output=dir/none.json'),
  },
  {
    heading: 'calicoctl ipam split refuses to split into nothing',
    applies: (_step, _text, scenario) => scenario.scenario === 'ipam-split-zero',
  },
  {
    heading: 'calicoctl keeps fields that an old release drops',
    applies: (_step, text, scenario) => isOld(scenario) && text.includes('(only more members here)'),
  },
  {
    heading: 'calicoctl datastore migrate export takes all namespaces along',
    applies: (step, _text, scenario) => isOld(scenario) && words(step) === 'datastore migrate export',
  },
  {
    heading: 'calicoctl ipam show --show-blocks shows every block',
    applies: (step, _text, scenario) =>
      scenario.scenario === 'ipam-pool-delete' && step.argv.includes('--show-blocks'),
  },
  {
    heading: 'calicoctl prints values where upstream prints pointers',
    applies: (step) => (step.stdout + step.stderr).includes('<PTR>'),
  },
  {
    heading: 'calicoctl refuses the pool fields of v1 by name',
    applies: (step) => step.stderr.includes('NATOutgoingV1'),
  },
  {
    heading: 'calicoctl convert shows the values it refuses',
    applies: (step, _text, scenario) =>
      scenario.scenario === 'convert' &&
      step.stderr.startsWith('Converted manifest resource(s) failed validation'),
  },
  {
    heading: 'calicoctl says in its own words why a stored value cannot be read',
    applies: (step) => step.stderr.includes('failed to parse datastore entry'),
  },
  {
    heading: 'calicoctl ipam split refuses before it writes',
    applies: (_step, text, scenario) => scenario.scenario === 'ipam-split' && text.startsWith('etcd:'),
  },
  {
    heading: 'calicoctl patch keeps labels and annotations',
    applies: (_step, _text, scenario) => isOld(scenario) && scenario.scenario === 'patch-semantics',
  },
  {
    heading: 'calicoctl patch keeps labels and annotations',
    applies: (_step, text, scenario, index) =>
      isOld(scenario) &&
      text.includes('(only more lines here)') &&
      scenario.steps.slice(0, index).some((earlier) => earlier.argv[0] === 'patch'),
  },
  {
    heading: 'calicoctl finds policies whichever release stored them',
    applies: (_step, _text, scenario) =>
      /^(policy-storage-dialects|cross-read-from|cross-write-over)/.test(scenario.scenario),
  },
  {
    heading: 'calicoctl names a policy that Kubernetes owns by its id',
    applies: (step) => step.stderr.includes('kubernetes network policies must be managed'),
  },
  {
    heading: 'calicoctl does not print the log lines of a library',
    applies: (step) => step.stderr.includes('retry_interceptor') || words(step) === '-l info version',
  },
];

/** The heading under which a difference is accepted. */
export function acceptedReason(scenario: Scenario, difference: StepDifference): string | undefined {
  const { step, text, index } = difference;
  return rules.find((rule) => rule.applies(step, text, scenario, index))?.heading;
}
