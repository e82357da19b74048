/**
 * Chains of endpoints: connection tracking, failsafes, tiers, profiles, and what happens at the end of each.
 *
 * Upstream source: felix/rules/endpoints.go. Endpoints with the same policies share the same value of rules.
 */
import { createHash } from 'node:crypto';
import type { HostEndpointProgram, TierProgram, WorkloadProgram } from '../../policy/index.ts';
import type { Action, Chain, Match, Rule } from './ast.ts';
import { chainName, chainNameLimit } from './names.ts';
import { denyAction } from './policy-rules.ts';
import type { RuleSettings } from './settings.ts';

/** What the chains need to know of the program. */
export interface EndpointContext {
  readonly settings: RuleSettings;
  readonly table: 'raw' | 'mangle' | 'filter';
  /** Chain of a policy, by its key, in a direction. */
  policyChain(key: string, direction: 'ingress' | 'egress'): string;
  /** Takes in the chain of a group, which endpoints share. */
  addGroup(chain: Chain): void;
}

/** Which of an endpoint's lists a chain is for. */
export type ListType = 'normal' | 'untracked' | 'pre-dnat' | 'forward';

/** To or from the endpoint: into a host or workload is `ingress`. */
type Direction = 'ingress' | 'egress';

/** Chains `cali-tw-` and `cali-fw-` of a workload. */
export function workloadChains(workload: WorkloadProgram, context: EndpointContext): readonly Chain[] {
  const limit = chainNameLimit(context.settings.dataplane);
  return (['ingress', 'egress'] as const).map((direction) => ({
    table: 'filter',
    name: chainName(direction === 'ingress' ? 'cali-tw-' : 'cali-fw-', workload.interfaceName, limit),
    rules:
      workload.state === 'active'
        ? endpointRules(context, {
            type: 'normal',
            direction,
            tiers: workload.tiers,
            profiles: workload.profiles,
            host: false,
          })
        : [{ match: [], actions: [denyAction(context.settings, 'filter')], comment: 'Admin down' }],
  }));
}

/** One chain of a host endpoint. */
export function hostEndpointRules(
  endpoint: HostEndpointProgram,
  type: ListType,
  direction: Direction,
  context: EndpointContext,
): readonly Rule[] {
  const tiers = {
    normal: endpoint.tiers,
    untracked: endpoint.untrackedTiers,
    'pre-dnat': endpoint.preDnatTiers,
    forward: endpoint.forwardTiers,
  }[type];
  return endpointRules(context, { type, direction, tiers, profiles: endpoint.profiles, host: true });
}

interface EndpointRulesOf {
  readonly type: ListType;
  readonly direction: Direction;
  readonly tiers: readonly TierProgram[];
  readonly profiles: readonly string[];
  readonly host: boolean;
}

function endpointRules(context: EndpointContext, of: EndpointRulesOf): readonly Rule[] {
  const { settings, table } = context;
  const { marks } = settings;
  const rules: Rule[] = [];
  const deny = denyAction(settings, table);
  if (of.type !== 'untracked') rules.push(...trackedRules(settings, table));
  if (of.host && of.type !== 'forward') {
    const chain = of.direction === 'ingress' ? 'cali-failsafe-in' : 'cali-failsafe-out';
    rules.push({ match: [], actions: [{ do: 'jump', chain }] });
  }
  rules.push({ match: [], actions: [{ do: 'clear-mark', bits: marks.accept + marks.pass }] });
  if (!of.host && of.direction === 'egress') rules.push(...encapsulationDenies(settings));
  for (const tier of of.tiers) {
    const policies = of.direction === 'ingress' ? tier.ingress : tier.egress;
    if (policies.length === 0) continue;
    rules.push({
      match: [],
      actions: [{ do: 'clear-mark', bits: marks.pass }],
      comment: `Start of tier ${tier.name}`,
    });
    rules.push(...policyJumps(policies, of, context));
    if (tier.defaultAction === 'deny' && (of.type === 'normal' || of.type === 'forward')) {
      rules.push({
        match: [clear(marks.pass)],
        actions: [deny],
        comment: `End of tier ${tier.name}. Drop if no policies passed packet`,
      });
    }
  }
  if (of.type === 'forward' && of.tiers.length === 0) {
    rules.push({ match: [], actions: [{ do: 'set-mark', bits: marks.accept }, { do: 'return' }] });
  }
  if (of.type !== 'normal') return rules;
  for (const profile of of.profiles) {
    const prefix = of.direction === 'ingress' ? 'cali-pri-' : 'cali-pro-';
    const chain = chainName(prefix, profile, chainNameLimit(settings.dataplane));
    rules.push({ match: [], actions: [{ do: 'jump', chain }] });
    rules.push({
      match: [set(marks.accept)],
      actions: [{ do: 'return' }],
      comment: 'Return if profile accepted',
    });
  }
  rules.push({ match: [], actions: [deny], comment: 'Drop if no profiles matched' });
  return rules;
}

/** Packets of connections that were allowed once, and those of none. */
function trackedRules(settings: RuleSettings, table: 'raw' | 'mangle' | 'filter'): readonly Rule[] {
  const established: Match = { on: 'ct-state', states: ['established', 'related'] };
  const allow = table === 'mangle' ? settings.mangleAllow : settings.filterAllow;
  const actions: Action[] =
    allow === 'accept'
      ? [{ do: 'accept' }]
      : [{ do: 'set-mark', bits: settings.marks.accept }, { do: 'return' }];
  const rules: Rule[] = [{ match: [established], actions }];
  if (settings.dropInvalid) {
    rules.push({
      match: [{ on: 'ct-state', states: ['invalid'] }],
      actions: [denyAction(settings, table)],
    });
  }
  return rules;
}

function encapsulationDenies(settings: RuleSettings): readonly Rule[] {
  const rules: Rule[] = [];
  const deny = denyAction(settings, 'filter');
  if (!settings.allowVxlanFromWorkloads) {
    const port = { first: settings.vxlanPort, last: settings.vxlanPort };
    rules.push({
      match: [
        { on: 'protocol', protocol: 17 },
        { on: 'ports', side: 'destination', ports: [port] },
      ],
      actions: [deny],
      comment: 'Drop VXLAN encapped packets originating in workloads',
    });
  }
  if (!settings.allowIpipFromWorkloads) {
    rules.push({
      match: [{ on: 'protocol', protocol: 4 }],
      actions: [deny],
      comment: 'Drop IPinIP encapped packets originating in workloads',
    });
  }
  return rules;
}

/** Jumps to a tier's policies. More than one stand in a chain of their own, which endpoints with the same ones share. */
function policyJumps(
  policies: readonly string[],
  of: EndpointRulesOf,
  context: EndpointContext,
): readonly Rule[] {
  const { marks } = context.settings;
  const chains = policies.map((key) => context.policyChain(key, of.direction));
  const accepted: Rule[] = [];
  // Allowed by an untracked policy means: not tracked, and accepted by the mark from here on.
  if (of.type === 'untracked') {
    accepted.push({ match: [set(marks.accept)], actions: [{ do: 'notrack' }] });
  }
  accepted.push({
    match: [set(marks.accept)],
    actions: [{ do: 'return' }],
    comment: 'Return if policy accepted',
  });
  if (chains.length === 1) {
    return [{ match: [], actions: [{ do: 'jump', chain: chains[0]! }] }, ...accepted];
  }
  const hash = createHash('sha256').update(chains.join('\n')).digest('base64url').slice(0, 16);
  const group = `${of.direction === 'ingress' ? 'cali-gi-' : 'cali-go-'}${hash}`;
  context.addGroup({ table: context.table, name: group, rules: groupRules(chains, context.settings) });
  return [{ match: [], actions: [{ do: 'jump', chain: group }] }, ...accepted];
}

/** Five jumps, then a look whether it is decided: cheaper than a look after each one. */
function groupRules(chains: readonly string[], settings: RuleSettings): readonly Rule[] {
  const { marks } = settings;
  const undecided: Match = { on: 'mark', mask: marks.accept + marks.pass, value: 0 };
  const rules: Rule[] = [];
  chains.forEach((chain, i) => {
    const first = i % 5 === 0;
    if (first && i > 0) {
      rules.push({ match: [set(marks.accept)], actions: [{ do: 'return' }] });
      rules.push({ match: [set(marks.pass)], actions: [{ do: 'return' }] });
    }
    rules.push({ match: first ? [] : [undecided], actions: [{ do: 'jump', chain }] });
  });
  return rules;
}

/** The bit is set. */
export function set(bit: number): Match {
  return { on: 'mark', mask: bit, value: bit };
}

/** The bit is clear. */
export function clear(bit: number): Match {
  return { on: 'mark', mask: bit, value: 0 };
}
