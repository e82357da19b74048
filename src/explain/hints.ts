/** What a person may have overlooked when a packet is denied. */
import type { Cluster } from './cluster.ts';
import type { Crossed, Question } from './explain.ts';
import { policyName } from './format.ts';

/** Hints, most telling first; none when nothing was denied. */
export function hintsOf(
  cluster: Cluster,
  path: readonly Crossed[],
  answer: readonly Crossed[],
  { source, destination }: Question,
): readonly string[] {
  const hints = new Set<string>(cluster.problems);
  const denied = [...path, ...answer].find(({ verdict }) => verdict !== 'accept');
  if (!denied) return [...hints];
  if (answer.includes(denied)) {
    hints.add('The packet arrives but its answer is denied: untracked policies must allow both directions.');
  }
  const program = cluster.graph(denied.host);
  for (const { steps, direction, by } of denied.trace) {
    const last = steps.at(-1);
    const looked = steps.filter((step) => step.policy !== undefined);
    if (last?.end === 'tier') {
      const names = [
        ...new Set(
          looked.filter(({ tier }) => tier === last.tier).map(({ policy = '' }) => policyName(policy)),
        ),
      ];
      hints.add(
        `${by} is selected by ${names.join(', ')}, and no rule there matched: what a policy selects is denied at the end of its tier.`,
      );
    }
    if (last?.end === 'profiles')
      hints.add(`No profile of ${by} allows it: an endpoint without policy is as its profiles say.`);
    for (const { policy: key } of looked) {
      const policy = key === undefined ? undefined : program.entries('policy').get(key);
      const rules = (direction === 'ingress' ? policy?.inbound : policy?.outbound) ?? [];
      if (rules.length > 0 && rules.every(({ action }) => action === 'log')) {
        hints.add(
          `${policyName(key ?? '')} has only Log rules: logging decides nothing, and the end of the tier denies.`,
        );
      }
      for (const rule of rules) {
        for (const id of [
          ...rule.source.sets,
          ...rule.destination.sets,
          ...rule.source.namedPortSets,
          ...rule.destination.namedPortSets,
        ]) {
          if (program.entries('ip-set').get(id)?.members.size === 0) {
            hints.add(
              `A selector or named port in rule ${rule.origin.index + 1} of ${policyName(key ?? '')} matches nothing.`,
            );
          }
        }
      }
    }
  }
  const unknownTiers = new Set([...program.entries('policy').values()].map(({ tier }) => tier));
  for (const tier of cluster.resources('Tier')) unknownTiers.delete(tier.metadata.name);
  for (const tier of unknownTiers) hints.add(`There is no Tier "${tier}": its policies are enforced last.`);
  for (const end of [source, destination]) {
    if (end.at !== 'pod') continue;
    const endpoint = cluster
      .resources('WorkloadEndpoint')
      .find(({ spec }) => spec['interfaceName'] === end.interfaceName && spec['node'] === end.host);
    const own = Object.keys(endpoint?.metadata.labels ?? {}).filter(
      (name) => !name.startsWith('projectcalico.org/'),
    );
    if (endpoint && own.length === 0)
      hints.add(`${end.name} has no labels of its own: selectors on labels do not match it.`);
  }
  return [...hints];
}
