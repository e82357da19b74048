/** All checks of an inventory, in the order in which they are shown: errors first. */
import type { ClusterPlan, Finding } from '../cluster-plan.ts';
import type { ClusterView } from '../derive/cluster-view.ts';
import type { ClusterSettings } from '../derive/settings.ts';

/** Runs every check. */
export function runChecks(
  _view: ClusterView,
  _settings: ClusterSettings,
  _plan: ClusterPlan,
): readonly Finding[] {
  return [];
}
