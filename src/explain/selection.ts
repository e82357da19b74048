/** Which policies an endpoint has, and which endpoints a policy has. */
import { CalicoError } from '../errors.ts';
import type { TierProgram } from '../policy/index.ts';
import type { Cluster } from './cluster.ts';
import { policyName } from './format.ts';

/** A listing: for programs, and as lines. */
export interface Listing {
  readonly items: readonly unknown[];
  readonly lines: readonly string[];
}

/** The policies of a workload or host endpoint, in the order in which they are asked. */
export function endpointPolicies(cluster: Cluster, name: string): Listing {
  for (const { metadata } of cluster.resources('Node')) {
    const program = cluster.graph(metadata.name);
    for (const [key, workload] of program.entries('workload')) {
      const pod = workload.id.workload;
      if (![key, pod, key.split('/')[1], pod.split('/')[1], workload.interfaceName].includes(name)) continue;
      return listing([
        {
          endpoint: key,
          node: metadata.name,
          list: 'normal',
          tiers: workload.tiers,
          profiles: workload.profiles,
        },
      ]);
    }
    const endpoint = program.entries('host-endpoint').get(name);
    if (!endpoint) continue;
    const of = (list: string, tiers: readonly TierProgram[]) => ({
      endpoint: name,
      node: metadata.name,
      list,
      tiers,
      profiles: list === 'normal' ? endpoint.profiles : [],
    });
    return listing([
      of('untracked', endpoint.untrackedTiers),
      of('preDNAT', endpoint.preDnatTiers),
      of('normal', endpoint.tiers),
      of('forwarded', endpoint.forwardTiers),
    ]);
  }
  throw new CalicoError('NOT_FOUND', `there is no endpoint "${name}"`);
}

interface EndpointList {
  readonly endpoint: string;
  readonly node: string;
  readonly list: string;
  readonly tiers: readonly TierProgram[];
  readonly profiles: readonly string[];
}

function listing(items: readonly EndpointList[]): Listing {
  const lines: string[] = [];
  for (const { endpoint, node, list, tiers, profiles } of items) {
    lines.push(`${endpoint} on ${node}, ${list}`);
    for (const direction of ['ingress', 'egress'] as const) {
      lines.push(`  ${direction}`);
      for (const tier of tiers) {
        if (tier[direction].length === 0) continue;
        lines.push(`    tier ${tier.name} (then ${tier.defaultAction})`);
        for (const policy of tier[direction]) lines.push(`      ${policyName(policy)}`);
      }
      for (const profile of profiles) lines.push(`    profile ${profile}`);
    }
  }
  return { items, lines };
}

/** The endpoints of the cluster that a policy selects. */
export function selectedEndpoints(cluster: Cluster, name: string): Listing {
  const found = new Set<string>();
  let exists = false;
  const wanted = (key: string) => {
    const [kind = '', namespace = '', ...rest] = key.split('/');
    const own = rest.join('/');
    return [own, `${namespace}/${own}`, key, `${kind}/${own}`].includes(name);
  };
  for (const kind of ['GlobalNetworkPolicy', 'NetworkPolicy']) {
    exists ||= cluster
      .resources(kind)
      .some(({ metadata }) => wanted(`${kind}/${metadata.namespace ?? ''}/${metadata.name}`));
  }
  if (!exists) throw new CalicoError('NOT_FOUND', `there is no policy "${name}"`);
  for (const { metadata } of cluster.resources('Node')) {
    const program = cluster.graph(metadata.name);
    const note = (endpoint: string, tiers: readonly TierProgram[]) => {
      if (tiers.some((tier) => [...tier.ingress, ...tier.egress].some(wanted)))
        found.add(`${endpoint} on ${metadata.name}`);
    };
    for (const [key, { tiers }] of program.entries('workload')) note(`workload endpoint ${key}`, tiers);
    for (const [key, endpoint] of program.entries('host-endpoint')) {
      const { tiers, untrackedTiers, preDnatTiers, forwardTiers } = endpoint;
      note(`host endpoint ${key}`, [...tiers, ...untrackedTiers, ...preDnatTiers, ...forwardTiers]);
    }
  }
  const items = [...found].sort();
  return { items, lines: items.length > 0 ? items : [`${name} selects no endpoint`] };
}
