/** Where ours differs from the recordings on purpose: the headings of docs/differences.md. */
import type { Finding } from './replay.ts';
import type { Scenario } from './scenario.ts';

/** A heading with the findings that it covers: scenario, steps (all when empty), text of the line. */
interface Rule {
  readonly reason: string;
  readonly scenario?: RegExp;
  readonly steps?: readonly number[];
  /** Recordings of v3.15 only. */
  readonly older?: boolean;
  readonly line: RegExp;
}

/** What v3.15 does otherwise in these is what 3.32 brought: versions, ports, annotations, files. */
const grown =
  /^(install-basic|ipam-attributes|k8s-basic|k8s-host-local|k8s-names|k8s-pool-annotations|options|plain-add-(0\.4\.0|1\.0\.0)|plain-bad-input|plain-netns|plain-verbs|setup-nodename)$/;

const rules: readonly Rule[] = [
  { reason: 'The CNI plugins answer as those of v3.32', older: true, scenario: grown, line: /./ },
  { reason: 'The CNI plugins answer as those of v3.32', older: true, line: /kubeVirtVMAddressPersistence/ },
  {
    reason: 'CNI 1.1.0 is spoken, with GC and STATUS',
    line: /supportedVersions|stdout\.details: recorded "config is/,
  },
  { reason: 'CNI 1.1.0 is spoken, with GC and STATUS', scenario: /^plain-add-1\.1\.0$/, line: /./ },
  {
    reason: 'CNI 1.1.0 is spoken, with GC and STATUS',
    scenario: /^plain-verbs$/,
    steps: [12, 13, 31, 32],
    line: /./,
  },
  { reason: 'Errors of the CNI plugins say what to do', line: /^stdout\.details: recorded undefined/ },
  {
    reason: 'A repeated ADD of a pod keeps its address',
    scenario: /^k8s-resandbox$/,
    steps: [5, 6],
    line: /./,
  },
  {
    reason: 'DEL removes the interface pair from the side of the host too',
    scenario: /^plain-netns$/,
    steps: [9, 10, 11],
    line: /^(pod|host)/,
  },
  {
    reason: 'What a pod asks for is checked before an address is taken',
    scenario: /^k8s-addr-annotations$/,
    steps: [9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20],
    line: /./,
  },
  {
    reason: 'The CNI plugin makes the host route of every address',
    scenario: /^k8s-addr-annotations$/,
    line: /^host\.routes/,
  },
  {
    reason: 'What a pod asks for is checked before an address is taken',
    scenario: /^plain-bad-input$/,
    steps: [82, 83, 84, 85, 86, 87, 88, 89],
    line: /./,
  },
  {
    reason: 'A handle whose blocks hold nothing of it is removed',
    scenario: /^ipam-attributes$/,
    steps: [8, 9],
    line: /handle\/default\.web-9/,
  },
];

/** The heading under which a difference is accepted; `undefined` when it is not. */
export function accepted(scenario: Scenario, { step, line }: Finding): string | undefined {
  return rules.find(
    (rule) =>
      (!rule.older || scenario.calico.startsWith('v3.15')) &&
      (rule.scenario?.test(scenario.scenario) ?? true) &&
      (rule.steps?.includes(step) ?? true) &&
      rule.line.test(line),
  )?.reason;
}
