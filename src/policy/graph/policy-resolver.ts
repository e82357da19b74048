/** Which policies apply to which local endpoint, in order. Upstream source: felix/calc/policy_resolver.go. */
import { LabelIndex, type Selector } from '../../selector/index.ts';
import type { ParsedPolicy } from '../model/translate-policy.ts';
import { comparePolicies, type PolicyEntry, type TierInfo, type TierLists, tierLists } from './tier-lists.ts';

interface Endpoint {
  readonly policies: Set<PolicyEntry>;
  /** Sum of the fingerprints of its policies, in two halves: equal for equal sets, whatever the order of arrival. */
  low: number;
  high: number;
}

interface ResolvedPolicy extends PolicyEntry {
  readonly endpoints: Set<string>;
  readonly low: number;
  readonly high: number;
}

/** Is told what must be looked at again. */
export interface ResolverListener {
  endpoint(id: string): void;
  /** The policy selects its first endpoint, or its last one went. */
  policyActivity(key: string): void;
}

const noTiers: TierLists = { normal: [], untracked: [], preDnat: [], forward: [] };

/**
 * Endpoints that match the same policies share their lists, so that ordering is done once for all of them. What became dirty is told
 * through the callbacks; the owner asks again at its flush.
 */
export class PolicyResolver {
  readonly #index: LabelIndex<string, string>;
  readonly #policies = new Map<string, ResolvedPolicy>();
  readonly #endpoints = new Map<string, Endpoint>();
  readonly #tiers = new Map<string, PolicyEntry['tier']>();
  /** Lists by fingerprint of the set of policies: 64 bits, so that two sets with one fingerprint never happen. */
  readonly #shared = new Map<string, TierLists>();
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
    if (!this.#endpoints.has(id)) this.#endpoints.set(id, { policies: new Set(), low: 0, high: 0 });
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

  deletePolicy(key: string): void {
    if (!this.#policies.has(key)) return;
    this.#index.deleteSelector(key);
    this.#policies.delete(key);
  }

  /** Adds or replaces a policy, with its selector read. */
  setPolicy(key: string, policy: ParsedPolicy, selector: Selector): void {
    const existing = this.#policies.get(key);
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
      if (before.selector !== policy.selector) this.#index.setSelector(key, selector);
      return;
    }
    const { id } = policy;
    const tieBreak = `${id.name}/${id.namespace ?? ''}/${id.kind}`;
    const serial = ++this.#serial;
    this.#policies.set(key, {
      policy,
      tier,
      tieBreak,
      endpoints: new Set(),
      low: spread(serial),
      high: spread(serial ^ 0x9e3779b9),
    });
    this.#index.setSelector(key, selector);
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
    const endpoint = this.#endpoints.get(id);
    if (!endpoint || endpoint.policies.size === 0) return noTiers;
    const fingerprint = `${endpoint.low} ${endpoint.high} ${endpoint.policies.size}`;
    let lists = this.#shared.get(fingerprint);
    if (!lists) {
      if (this.#shared.size > 10_000) this.#shared.clear();
      lists = tierLists([...endpoint.policies].sort(comparePolicies));
      this.#shared.set(fingerprint, lists);
    }
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

  /** Changes what orders policies, and has their endpoints looked at again. */
  #reorder(entries: readonly ResolvedPolicy[], change: () => void): void {
    change();
    this.#shared.clear();
    for (const entry of entries) for (const id of entry.endpoints) this.#changed.endpoint(id);
  }

  #start(key: string, id: string): void {
    const entry = this.#policies.get(key);
    const endpoint = this.#endpoints.get(id);
    if (!entry || !endpoint || entry.endpoints.has(id)) return;
    entry.endpoints.add(id);
    endpoint.policies.add(entry);
    endpoint.low = (endpoint.low + entry.low) | 0;
    endpoint.high = (endpoint.high + entry.high) | 0;
    this.#changed.endpoint(id);
    if (entry.endpoints.size === 1) this.#changed.policyActivity(key);
  }

  #stop(key: string, id: string): void {
    const entry = this.#policies.get(key);
    if (!entry?.endpoints.delete(id)) return;
    const endpoint = this.#endpoints.get(id);
    if (endpoint) {
      endpoint.policies.delete(entry);
      endpoint.low = (endpoint.low - entry.low) | 0;
      endpoint.high = (endpoint.high - entry.high) | 0;
    }
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

/** Spreads a number over 32 bits (the finalizer of MurmurHash3). */
function spread(number: number): number {
  let hash = number;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
