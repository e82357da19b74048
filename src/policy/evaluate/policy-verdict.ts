/**
 * What the policies and profiles of an endpoint say of a packet, and by which rule: the reference that both renderers
 * are held against. Semantics: tiers in order, in a tier the first rule that decides, then the tier's default.
 */
import type { ProgramRule, ProgramSource, TierProgram } from '../program.ts';
import type { Packet } from './packet.ts';
import { ruleMatches, type SetLookup } from './rule-match.ts';

/** The lists of an endpoint that apply at one hook. */
export interface PolicyList {
  readonly type: 'normal' | 'untracked' | 'pre-dnat' | 'forward';
  readonly direction: 'ingress' | 'egress';
  readonly tiers: readonly TierProgram[];
  readonly profiles: readonly string[];
}

/** One thing that was looked at and had a say. */
export interface PolicyStep {
  readonly tier?: string;
  /** Key of the policy. */
  readonly policy?: string;
  readonly profile?: string;
  /** Index in the resource's list. */
  readonly rule?: number;
  readonly result: 'allow' | 'deny' | 'pass' | 'log' | 'no-match';
  /** Where no rule decided: the end of a tier, of the profiles, or of lists that may stay silent. */
  readonly end?: 'tier' | 'profiles' | 'no-policy';
}

/** `none`: nothing decided, which the hook's own rules make something of. */
export interface PolicyVerdict {
  readonly verdict: 'allow' | 'deny' | 'none';
  readonly steps: readonly PolicyStep[];
}

/** Evaluates a list. */
export function policyVerdict(
  program: Pick<ProgramSource, 'entries'>,
  sets: SetLookup,
  list: PolicyList,
  packet: Packet,
): PolicyVerdict {
  const steps: PolicyStep[] = [];
  const decide = (
    rules: readonly ProgramRule[],
    of: Pick<PolicyStep, 'tier' | 'policy' | 'profile'>,
  ): 'allow' | 'deny' | 'pass' | undefined => {
    for (const rule of rules) {
      if (!ruleMatches(rule, packet, sets)) continue;
      steps.push({ ...of, rule: rule.origin.index, result: rule.action });
      if (rule.action !== 'log') return rule.action;
    }
    steps.push({ ...of, result: 'no-match' });
    return undefined;
  };
  const inbound = list.direction === 'ingress';

  tiers: for (const tier of list.tiers) {
    const policies = inbound ? tier.ingress : tier.egress;
    if (policies.length === 0) continue;
    for (const key of policies) {
      const policy = program.entries('policy').get(key);
      const rules = inbound ? policy?.inbound : policy?.outbound;
      const decision = decide(rules ?? [], { tier: tier.name, policy: key });
      if (decision === 'pass') continue tiers;
      if (decision) return { verdict: decision, steps };
    }
    const enforced = list.type === 'normal' || list.type === 'forward';
    if (tier.defaultAction === 'deny' && enforced) {
      steps.push({ tier: tier.name, result: 'deny', end: 'tier' });
      return { verdict: 'deny', steps };
    }
  }
  if (list.type === 'forward' && list.tiers.length === 0) {
    steps.push({ result: 'allow', end: 'no-policy' });
    return { verdict: 'allow', steps };
  }
  if (list.type !== 'normal') return { verdict: 'none', steps };
  for (const name of list.profiles) {
    const profile = program.entries('profile').get(name);
    const rules = inbound ? profile?.inbound : profile?.outbound;
    const decision = decide(rules ?? [], { profile: name });
    if (decision === 'allow' || decision === 'deny') return { verdict: decision, steps };
  }
  steps.push({ result: 'deny', end: 'profiles' });
  return { verdict: 'deny', steps };
}
