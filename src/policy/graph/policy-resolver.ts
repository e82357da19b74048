/** Which policies apply to which local endpoint, in order. Upstream source: felix/calc/policy_resolver.go. */
import { LabelIndex, parseSelector } from '../../selector/index.ts';
import type { ParsedPolicy } from '../model/translate-policy.ts';
import { comparePolicies, type PolicyEntry, type TierInfo, type TierLists, tierLists } from './tier-lists.ts';

interface Endpoint {
  /** In the order of {@link comparePolicies}. */
  readonly policies: PolicyEntry[];
}

interface ResolvedPolicy extends PolicyEntry {
  readonly endpoints: Set<string>;
}

/** Is told what must be looked at again. */
export interface ResolverListener {
  endpoint(id: string): void;
  /** The policy selects its first endpoint, or its last one went. */
  policyActivity(key: string): void;
}

const noTiers: TierLists = { normal: [], untracked: [], preDnat: [], forward: [] };

/**
 * Keeps each endpoint's policies sorted by insertion, so that a change costs what it touches. What became dirty is told
 * through the callbacks; the owner asks again at its flush.
 */
export class PolicyResolver {
  readonly #index: LabelIndex<string, string>;
  readonly #policies = new Map<string, ResolvedPolicy>();
  readonly #endpoints = new Map<string, Endpoint>();
  readonly #tiers = new Map<string, PolicyEntry['tier']>();
  readonly #shared = new Map<number, { policies: readonly PolicyEntry[]; lists: TierLists }[]>();
  readonly #changed: ResolverListener;
  #serial = 0;

  constructor(listener: ResolverListener) {
    this.#changed = listener;
    this.#index = new LabelIndex<string, string>({
      matchStarted: (key, id) => this.#start(key, id),
      matchStopped: (key, id) => this.#stop(key, id),
    });
  }

  setEndpoint(id: string, labels: Readonly<Record<string, string>>, parents: readonly string[]): void {
    if (!this.#endpoints.has(id)) this.#endpoints.set(id, { policies: [] });
    this.#index.setItem(id, labels, parents);
  }

  deleteEndpoint(id: string): void {
    this.#index.deleteItem(id);
    this.#endpoints.delete(id);
  }

  setParent(name: string, labels: Readonly<Record<string, string>> | undefined): void {
    if (labels) this.#index.setParent(name, labels);
    else this.#index.deleteParent(name);
  }

  /** Adds or replaces a policy; `undefined` deletes it. */
  setPolicy(key: string, policy: ParsedPolicy | undefined): void {
    const existing = this.#policies.get(key);
    if (!policy) {
      if (!existing) return;
      this.#index.deleteSelector(key);
      this.#policies.delete(key);
      return;
    }
    const tier = this.#tier(policy.tier);
    if (existing) {
      const before = existing.policy;
      if (sameShape(before, policy)) existing.policy = policy;
      else {
        this.#reorder([existing], () => {
          existing.policy = policy;
          existing.tier = tier;
        });
      }
      if (before.selector !== policy.selector) this.#index.setSelector(key, parseSelector(policy.selector));
      return;
    }
    const { id } = policy;
    const tieBreak = `${id.name}/${id.namespace ?? ''}/${id.kind}`;
    this.#policies.set(key, { policy, tier, tieBreak, serial: ++this.#serial, endpoints: new Set() });
    this.#index.setSelector(key, parseSelector(policy.selector));
  }

  /** Adds or replaces a Tier; `undefined` deletes it, which leaves its policies enforced, last and with deny. */
  setTier(name: string, tier: TierInfo | undefined): void {
    const next = tier ? { ...tier, known: true } : unknownTier(name);
    const members = [...this.#policies.values()].filter((entry) => entry.policy.tier === name);
    this.#reorder(members, () => {
      this.#tiers.set(name, next);
      for (const entry of members) entry.tier = next;
    });
  }

  /** Whether a local endpoint is selected. */
  isActive(key: string): boolean {
    return (this.#policies.get(key)?.endpoints.size ?? 0) > 0;
  }

  /** Endpoints that a policy selects. */
  endpointsOf(key: string): ReadonlySet<string> {
    return this.#policies.get(key)?.endpoints ?? new Set();
  }

  policy(key: string): ParsedPolicy | undefined {
    return this.#policies.get(key)?.policy;
  }

  /** The endpoint's policies; endpoints with the same ones get the same value. */
  listsOf(id: string): TierLists {
    const policies = this.#endpoints.get(id)?.policies;
    if (!policies || policies.length === 0) return noTiers;
    let hash = 17;
    for (const entry of policies) hash = (Math.imul(hash, 31) + entry.serial) | 0;
    let bucket = this.#shared.get(hash);
    if (!bucket) {
      bucket = [];
      this.#shared.set(hash, bucket);
    }
    for (const known of bucket) {
      if (known.policies.length === policies.length && known.policies.every((p, i) => p === policies[i])) {
        return known.lists;
      }
    }
    if (this.#shared.size > 10_000) this.#shared.clear();
    const lists = tierLists(policies);
    bucket.push({ policies: [...policies], lists });
    return lists;
  }

  #tier(name: string): PolicyEntry['tier'] {
    let tier = this.#tiers.get(name);
    if (!tier) {
      tier = unknownTier(name);
      this.#tiers.set(name, tier);
    }
    return tier;
  }

  /** Takes the policies out of their endpoints' lists, changes what orders them, and puts them back. */
  #reorder(entries: readonly ResolvedPolicy[], change: () => void): void {
    const touched = new Map<string, Endpoint>();
    for (const entry of entries) {
      for (const id of entry.endpoints) {
        const endpoint = this.#endpoints.get(id);
        if (!endpoint) continue;
        touched.set(id, endpoint);
        remove(endpoint.policies, entry);
      }
    }
    change();
    this.#shared.clear();
    for (const entry of entries) {
      for (const id of entry.endpoints) {
        const endpoint = touched.get(id);
        if (endpoint) insert(endpoint.policies, entry);
      }
    }
    for (const id of touched.keys()) this.#changed.endpoint(id);
  }

  #start(key: string, id: string): void {
    const entry = this.#policies.get(key);
    const endpoint = this.#endpoints.get(id);
    if (!entry || !endpoint || entry.endpoints.has(id)) return;
    entry.endpoints.add(id);
    insert(endpoint.policies, entry);
    this.#changed.endpoint(id);
    if (entry.endpoints.size === 1) this.#changed.policyActivity(key);
  }

  #stop(key: string, id: string): void {
    const entry = this.#policies.get(key);
    if (!entry?.endpoints.delete(id)) return;
    const endpoint = this.#endpoints.get(id);
    if (endpoint) remove(endpoint.policies, entry);
    this.#changed.endpoint(id);
    if (entry.endpoints.size === 0) this.#changed.policyActivity(key);
  }
}

function unknownTier(name: string): PolicyEntry['tier'] {
  return { name, order: Number.POSITIVE_INFINITY, defaultAction: 'deny', known: false };
}

/** Whether endpoints need not be looked at again when one replaces the other. */
function sameShape(a: ParsedPolicy, b: ParsedPolicy): boolean {
  return (
    a.tier === b.tier &&
    a.order === b.order &&
    a.ingress === b.ingress &&
    a.egress === b.egress &&
    a.untracked === b.untracked &&
    a.preDnat === b.preDnat &&
    a.applyOnForward === b.applyOnForward
  );
}

function position(list: readonly PolicyEntry[], entry: PolicyEntry): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (comparePolicies(list[middle]!, entry) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function insert(list: PolicyEntry[], entry: PolicyEntry): void {
  list.splice(position(list, entry), 0, entry);
}

function remove(list: PolicyEntry[], entry: PolicyEntry): void {
  const at = position(list, entry);
  if (list[at] === entry) list.splice(at, 1);
}
