/** All checks of an inventory: errors first, then warnings, then notes. */
import type { ClusterPlan, Finding } from '../cluster-plan.ts';
import type { ClusterView } from '../derive/cluster-view.ts';
import type { ClusterSettings } from '../derive/settings.ts';
import { calicoAssertions, preinstallAssertions } from './assertions.ts';
import type { Check } from './check.ts';
import { groups, hosts } from './hosts.ts';
import { encapsulation, environment, mtu, ranges } from './network.ts';
import { connectivity, localAs, peerEntries } from './peers.ts';
import { reflectors } from './reflectors.ts';
import { overrides, shadowed, values } from './variables.ts';

const checks: readonly Check[] = [
  preinstallAssertions,
  calicoAssertions,
  values,
  hosts,
  groups,
  reflectors,
  peerEntries,
  localAs,
  connectivity,
  ranges,
  encapsulation,
  mtu,
  environment,
  overrides,
  shadowed,
];

const rank = { error: 0, warning: 1, note: 2 } as const;

/** Errors first, then warnings, then notes. */
export function sortFindings(findings: readonly Finding[]): readonly Finding[] {
  return [...findings].sort((a, b) => rank[a.severity] - rank[b.severity]);
}

/** Runs every check. */
export function runChecks(
  view: ClusterView,
  settings: ClusterSettings,
  plan: ClusterPlan,
): readonly Finding[] {
  const input = { view, settings, plan };
  return sortFindings(checks.flatMap((check) => check(input)));
}
