/**
 * The line between the agent and what programs packet filters: `felix/nft` and `felix/iptables` implement
 * {@link RuleDataplane}, the agent calls it and knows nothing of tables.
 *
 * A dataplane is made with its configuration (a change of configuration restarts the agent) and touches nothing of the
 * kernel before the first {@link RuleDataplane.apply}. That first call carries the whole program, comes after in-sync,
 * and is the moment to read what an earlier run left, make it right in one transaction and sweep what is ours and stray.
 */
import type { ProgramUpdate } from '../policy/program.ts';

/** An interface of the host. The list always holds all of them, workload interfaces and `lo` included. */
export interface HostInterface {
  readonly name: string;
  readonly index: number;
  readonly up: boolean;
  /** Addresses without prefix, sorted. */
  readonly ipv4: readonly string[];
  readonly ipv6: readonly string[];
}

/** Which tunnels exist on this host: the accept rules for encapsulated packets and the masquerade follow it. */
export interface Encapsulation {
  readonly ipip: boolean;
  readonly vxlan: boolean;
  readonly vxlanV6: boolean;
}

/** What changed since the last call that succeeded; everything, on the first one. */
export interface RuleChange {
  readonly updates: readonly ProgramUpdate[];
  /** Present when it changed: the complete new list (this-host set, host endpoints by expected address). */
  readonly interfaces?: readonly HostInterface[];
  /** Present when it changed. */
  readonly encapsulation?: Encapsulation;
}

/** An object of the program that could not be programmed; all others are. */
export interface RuleProblem {
  /** `kind key` of the program entry. */
  readonly subject: string;
  readonly reason: string;
}

/** What an apply achieved. */
export interface RuleOutcome {
  readonly problems: readonly RuleProblem[];
  /** Per host endpoint id the interfaces that it took effect on; none means status `error`. */
  readonly hostEndpoints: ReadonlyMap<string, readonly string[]>;
}

/** What a comparison with the kernel found and repaired. */
export interface DriftReport {
  /** Objects that were missing, different or stray, named as a person would look them up. */
  readonly missing: readonly string[];
  readonly different: readonly string[];
  readonly stray: readonly string[];
}

/** Nothing differed. */
export const noDrift: DriftReport = { missing: [], different: [], stray: [] };

/** Monotonic counters and gauges under Felix's metric names (`felix_nft_calls`, `felix_nft_chains{ip_version="4"}`). */
export type MetricValues = ReadonlyMap<string, number>;

/** A packet filter that follows the program. Calls never overlap: the agent awaits each before the next. */
export interface RuleDataplane {
  readonly name: 'nftables' | 'iptables';
  /**
   * Makes the change true. Rejects when the kernel could not be brought to the desired state; the dataplane has then
   * kept the change, and the agent calls again (perhaps with further updates) after a backoff.
   */
  apply(change: RuleChange): Promise<RuleOutcome>;
  /** Reads the kernel, repairs what differs and says what it was. */
  resync(): Promise<DriftReport>;
  /**
   * Calls back when somebody else changed our tables (nft generation events that are not our own). Returns the
   * function that ends the subscription. Absent where the kernel has no such event: the agent then polls.
   */
  onForeignChange?(listener: () => void): () => void;
  metrics(): MetricValues;
  /** Releases sockets; leaves the kernel as it is. */
  close(): void;
}
