/**
 * The network as Calico v2.6 data describes it, read straight from the keys: nothing of the conversion is used here, so
 * that a mistake in it cannot hide itself. Pure. Upstream: projectcalico/felix 2.6: calc/.
 */
import type { Packet } from '../../policy/index.ts';
import { matchesLabels, type Selector, tryParseSelector } from '../../selector/index.ts';
import { directoryAt, treeOf, unescapeSegment, type V2Directory, type V2Dump } from '../../upgrade/index.ts';
import { type V2Rule, v2RuleMatches } from './v2-rule.ts';

/** A workload or host endpoint. */
export interface V2Endpoint {
  /** Its key in etcd. */
  readonly key: string;
  readonly kind: 'workload' | 'host';
  readonly host: string;
  readonly addresses: readonly string[];
  readonly profiles: readonly string[];
  /** Its own, over those of its profiles. */
  readonly labels: Readonly<Record<string, string>>;
  readonly tags: ReadonlySet<string>;
  readonly ports: readonly { readonly name?: string; readonly protocol?: string; readonly port?: number }[];
}

/** A decision and where it was made. */
export interface TracedVerdict {
  readonly allowed: boolean;
  readonly by: string;
}

interface Rules {
  readonly inbound_rules?: readonly (V2Rule | null)[];
  readonly outbound_rules?: readonly (V2Rule | null)[];
}

interface V2Policy extends Rules {
  readonly key: string;
  readonly name: string;
  readonly order: number;
  readonly selector: Selector | undefined;
  readonly types: readonly string[];
}

/** See the file's comment. */
export class V2Network {
  readonly endpoints: readonly V2Endpoint[];
  readonly #byAddress = new Map<string, V2Endpoint[]>();
  readonly #tiers: readonly { readonly name: string; readonly policies: readonly V2Policy[] }[];
  readonly #profiles = new Map<string, Rules>();
  readonly #applying = new Map<V2Endpoint, Map<string, readonly V2Policy[]>>();

  constructor(dump: V2Dump) {
    const tree = treeOf(dump);
    const profiles = new Map<string, { labels: Readonly<Record<string, string>>; tags: readonly string[] }>();
    for (const [segment, directory] of directoryAt(tree, 'calico', 'v1', 'policy', 'profile').directories) {
      const name = unescapeSegment(segment);
      profiles.set(name, {
        labels: json(directory.values.get('labels')) as Readonly<Record<string, string>>,
        tags: list(json(directory.values.get('tags'))) as readonly string[],
      });
      this.#profiles.set(name, json(directory.values.get('rules')) as Rules);
    }
    this.endpoints = [...endpointsOf(tree)].map(({ document, ...rest }) => {
      const names = list(document['profile_ids']).map(String);
      const inherited = names.map((name) => profiles.get(name));
      return {
        ...rest,
        profiles: names,
        labels: Object.assign({}, ...inherited.map((one) => one?.labels), document['labels']),
        tags: new Set(inherited.flatMap((one) => one?.tags ?? [])),
        ports: list(document['ports']) as V2Endpoint['ports'],
      };
    });
    for (const endpoint of this.endpoints)
      for (const address of endpoint.addresses)
        this.#byAddress.set(address, [...(this.#byAddress.get(address) ?? []), endpoint]);
    this.#tiers = tiersOf(tree);
  }

  /** Endpoints that have an address. */
  at(address: string): readonly V2Endpoint[] {
    return this.#byAddress.get(address) ?? [];
  }

  /** Every rule that there is. */
  *rules(): Generator<V2Rule> {
    const all: Rules[] = [...this.#profiles.values(), ...this.#tiers.flatMap(({ policies }) => policies)];
    for (const { inbound_rules, outbound_rules } of all)
      for (const rule of [...(inbound_rules ?? []), ...(outbound_rules ?? [])]) if (rule) yield rule;
  }

  /** What a workload endpoint's policies and profiles say of a packet. */
  verdict(endpoint: V2Endpoint, direction: 'ingress' | 'egress', packet: Packet): TracedVerdict {
    const field = direction === 'ingress' ? 'inbound_rules' : 'outbound_rules';
    tiers: for (const tier of this.#tiers) {
      const policies = this.#policiesOf(endpoint, tier).filter(({ types }) => types.includes(direction));
      if (policies.length === 0) continue;
      for (const policy of policies) {
        const found = this.#firstRule(policy[field], packet);
        if (found?.action === 'pass') continue tiers;
        if (found)
          return { allowed: found.action === 'allow', by: `${policy.key}, ${field}[${found.index}]` };
      }
      return {
        allowed: false,
        by: `no rule of ${policies.map(({ key }) => key).join(', ')} (end of tier ${tier.name})`,
      };
    }
    for (const name of endpoint.profiles) {
      const found = this.#firstRule(this.#profiles.get(name)?.[field], packet);
      if (found && found.action !== 'pass')
        return { allowed: found.action === 'allow', by: `profile ${name}, ${field}[${found.index}]` };
    }
    return {
      allowed: false,
      by: `no rule of its profiles (${endpoint.profiles.join(', ') || 'it has none'})`,
    };
  }

  #policiesOf(
    endpoint: V2Endpoint,
    tier: { readonly name: string; readonly policies: readonly V2Policy[] },
  ): readonly V2Policy[] {
    let known = this.#applying.get(endpoint);
    if (!known) {
      known = new Map();
      this.#applying.set(endpoint, known);
    }
    let policies = known.get(tier.name);
    if (!policies) {
      policies = tier.policies.filter(({ selector }) => selector && matchesLabels(selector, endpoint.labels));
      known.set(tier.name, policies);
    }
    return policies;
  }

  #firstRule(
    rules: readonly (V2Rule | null)[] | undefined,
    packet: Packet,
  ): { readonly action: 'allow' | 'deny' | 'pass'; readonly index: number } | undefined {
    for (const [index, rule] of (rules ?? []).entries()) {
      const action = (rule?.action || 'allow').toLowerCase();
      if (action === 'log' || !v2RuleMatches(rule ?? {}, packet, (address) => this.at(address))) continue;
      if (action === 'next-tier' || action === 'pass') return { action: 'pass', index };
      return { action: action === 'allow' ? 'allow' : 'deny', index };
    }
    return undefined;
  }
}

function* endpointsOf(tree: V2Directory): Generator<
  Pick<V2Endpoint, 'key' | 'kind' | 'host' | 'addresses'> & {
    readonly document: Readonly<Record<string, unknown>>;
  }
> {
  for (const [host, directory] of directoryAt(tree, 'calico', 'v1', 'host').directories) {
    const base = `/calico/v1/host/${host}`;
    for (const [orchestrator, workloads] of directoryAt(directory, 'workload').directories) {
      for (const [workload, one] of workloads.directories) {
        for (const [endpoint, value] of directoryAt(one, 'endpoint').values) {
          const document = json(value);
          const key = `${base}/workload/${orchestrator}/${workload}/endpoint/${endpoint}`;
          const nets = [...list(document['ipv4_nets']), ...list(document['ipv6_nets'])].map(String);
          yield { key, kind: 'workload', host, document, addresses: nets.map((net) => net.split('/')[0]!) };
        }
      }
    }
    for (const [name, value] of directoryAt(directory, 'endpoint').values) {
      const document = json(value);
      const addresses = [...list(document['expected_ipv4_addrs']), ...list(document['expected_ipv6_addrs'])];
      yield {
        key: `${base}/endpoint/${name}`,
        kind: 'host',
        host,
        document,
        addresses: addresses.map(String),
      };
    }
  }
}

/** Tiers in order; in each the policies that workloads can have, by order and then by name. */
function tiersOf(
  tree: V2Directory,
): readonly { readonly name: string; readonly policies: readonly V2Policy[] }[] {
  return [...directoryAt(tree, 'calico', 'v1', 'policy', 'tier').directories]
    .map(([name, directory]) => {
      const order = json(directory.values.get('metadata'))['order'];
      const policies = [...directoryAt(directory, 'policy').values].flatMap(([segment, value]) => {
        const document = json(value);
        if (document['untracked'] === true || document['pre_dnat'] === true) return [];
        const selector = tryParseSelector(String(document['selector'] ?? ''));
        const types = list(document['types']).map((one) => String(one).toLowerCase());
        return [
          {
            ...(document as Rules),
            key: `/calico/v1/policy/tier/${name}/policy/${segment}`,
            name: unescapeSegment(segment),
            order: typeof document['order'] === 'number' ? document['order'] : Number.POSITIVE_INFINITY,
            selector: 'op' in selector ? selector : undefined,
            types: types.length > 0 ? types : ['ingress', 'egress'],
          },
        ];
      });
      return {
        name,
        order: typeof order === 'number' ? order : Number.POSITIVE_INFINITY,
        policies: policies.sort(byOrder),
      };
    })
    .sort(byOrder);
}

function byOrder(
  a: { readonly order: number; readonly name: string },
  b: { readonly order: number; readonly name: string },
): number {
  return a.order === b.order ? (a.name < b.name ? -1 : 1) : a.order - b.order;
}

/** A stored document; what cannot be read counts as empty, as v2's own readers pass over it. */
export function json(source: string | undefined): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(source ?? '{}');
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
