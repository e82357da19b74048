/**
 * The ordered policies of an endpoint, by tier and by kind of hook.
 *
 * Upstream source: felix/calc/policy_sorter.go, policy_resolver.go, event_sequencer.go (split by flags).
 */

import type { ParsedPolicy } from '../model/translate-policy.ts';
import type { TierProgram } from '../program.ts';

/** A Tier resource. */
export interface TierInfo {
  readonly name: string;
  readonly order: number;
  readonly defaultAction: 'deny' | 'pass';
}

/** A policy in the graph: replaced in place, so that endpoints may hold on to it. */
export interface PolicyEntry {
  policy: ParsedPolicy;
  tier: TierInfo & { readonly known: boolean };
  /** `name/namespace/kind`: breaks ties. */
  readonly tieBreak: string;
}

/** Orders policies over all tiers: known tiers first, then order, then name; inside a tier order, then `name/namespace/kind`. */
export function comparePolicies(a: PolicyEntry, b: PolicyEntry): number {
  if (a.tier !== b.tier) {
    if (a.tier.known !== b.tier.known) return a.tier.known ? -1 : 1;
    if (a.tier.order !== b.tier.order) return a.tier.order < b.tier.order ? -1 : 1;
    if (a.tier.name !== b.tier.name) return a.tier.name < b.tier.name ? -1 : 1;
  }
  if (a.policy.order !== b.policy.order) return a.policy.order < b.policy.order ? -1 : 1;
  return a.tieBreak < b.tieBreak ? -1 : a.tieBreak > b.tieBreak ? 1 : 0;
}

/** The lists of one endpoint. Endpoints that match the same policies share one value. */
export interface TierLists {
  readonly normal: readonly TierProgram[];
  readonly untracked: readonly TierProgram[];
  readonly preDnat: readonly TierProgram[];
  readonly forward: readonly TierProgram[];
}

/** Splits policies that {@link comparePolicies} has ordered. */
export function tierLists(policies: readonly PolicyEntry[]): TierLists {
  return {
    normal: tiersOf(policies, (p) => !p.untracked && !p.preDnat),
    untracked: tiersOf(policies, (p) => p.untracked, 'pass'),
    preDnat: tiersOf(policies, (p) => p.preDnat && !p.untracked, 'pass'),
    forward: tiersOf(policies, (p) => p.applyOnForward && !p.untracked && !p.preDnat),
  };
}

function tiersOf(
  policies: readonly PolicyEntry[],
  belongs: (policy: ParsedPolicy) => boolean,
  defaultAction?: 'pass',
): readonly TierProgram[] {
  const tiers: { name: string; defaultAction: 'deny' | 'pass'; ingress: string[]; egress: string[] }[] = [];
  for (const { policy, tier } of policies) {
    if (!belongs(policy)) continue;
    let last = tiers.at(-1);
    if (last?.name !== tier.name) {
      last = { name: tier.name, defaultAction: defaultAction ?? tier.defaultAction, ingress: [], egress: [] };
      tiers.push(last);
    }
    if (policy.ingress) last.ingress.push(policy.key);
    if (policy.egress) last.egress.push(policy.key);
  }
  return tiers;
}
