/**
 * The model over which reachability is proved: speakers, sessions between them, and what each announces. It knows
 * nothing of BIRD; the peering graph and Kubespray's plan both make one.
 */

/** A BGP speaker. */
export interface Speaker {
  readonly name: string;
  /** A host of the cluster, or a router outside it. */
  readonly kind: 'host' | 'router';
  readonly asNumber: number;
  /** Reflects for clients of this cluster. */
  readonly clusterId?: string;
  /** Has blocks of pods that the others must learn. Reflectors without pods have none. */
  readonly originates: boolean;
  /** Must learn the blocks of all that originate. */
  readonly needs: boolean;
}

/** One direction-less session. Both ends must have it configured: `a` and `b` are names of speakers. */
export interface ModelSession {
  readonly a: string;
  readonly b: string;
  readonly aAS: number;
  readonly bAS: number;
  /** `a` treats `b` as its client, `b` treats `a` as its client. */
  readonly clientOfA: boolean;
  readonly clientOfB: boolean;
  /** Times the own AS may occur in a path that `a`, `b` accepts. */
  readonly allowLocalA?: number;
  readonly allowLocalB?: number;
}

/** Everything the proof looks at. */
export interface ReachabilityModel {
  readonly speakers: readonly Speaker[];
  readonly sessions: readonly ModelSession[];
}

/** Something whose failure the proof tries: one speaker or one session. */
export type Failure =
  | { readonly kind: 'speaker'; readonly name: string }
  | { readonly kind: 'session'; readonly a: string; readonly b: string };

/** A host that does not learn the blocks of some others. */
export interface Loss {
  readonly receiver: string;
  /** How many originators' blocks it lacks, and a few of them by name. */
  readonly missing: number;
  readonly examples: readonly string[];
}

/** What the proof found for a model, or for it with one failure. */
export interface Reachability {
  readonly failure?: Failure;
  /** Empty: every speaker that needs routes learns those of every originator. */
  readonly losses: readonly Loss[];
}
