/** Shapes of the recordings below `bgp`; see the README of the recordings. */

/** A condition of a recorded filter. */
export type RecordedCondition = {
  readonly net?: 'in' | 'notIn' | 'equal' | 'notEqual';
  readonly cidr?: string;
  readonly length?: readonly [number, number];
  readonly source?: string;
  readonly interface?: string;
  readonly community?: string;
  readonly asPathPrefix?: readonly number[];
  readonly localPref?: string;
  readonly metric?: string;
  readonly nextHop?: string;
  readonly value?: number | string;
  readonly known?: string;
  readonly not?: readonly RecordedCondition[];
  readonly any?: readonly (readonly RecordedCondition[])[];
};

/** A statement of a recorded filter. */
export type RecordedStatement =
  | 'accept'
  | 'reject'
  | {
      readonly if: readonly RecordedCondition[];
      readonly do: readonly RecordedStatement[];
      readonly else?: readonly RecordedStatement[];
    }
  | { readonly part: string; readonly rules: readonly RecordedStatement[] }
  | { readonly part: 'calicoExport'; readonly of: 'iBGP' | 'eBGP' }
  | { readonly set: string; readonly to: unknown }
  | { readonly addCommunity: string }
  | { readonly prepend: number | readonly number[] };

/** A session of the recordings. */
export interface RecordedSession {
  readonly name: string;
  readonly kind: string;
  readonly type: 'iBGP' | 'eBGP';
  readonly multihop: boolean | number;
  readonly ttlSecurity: boolean | null;
  readonly importFilter: string;
  readonly exportFilter: string;
  readonly [field: string]: unknown;
}

/** One family of one node. */
export interface RecordedFamily {
  readonly enabled: boolean;
  readonly birdAccepts?: boolean;
  readonly unreadable?: string;
  readonly routerID: string;
  readonly listen: { readonly address: string | null; readonly port: number | null } | null;
  readonly debug: string | null;
  readonly directInterfaces: readonly string[];
  readonly sessions: readonly RecordedSession[];
  readonly static: readonly { readonly cidr: string; readonly via?: string }[];
  readonly filters: Readonly<Record<string, readonly RecordedStatement[]>>;
  readonly kernelExport: readonly RecordedStatement[];
  readonly calicoExport: Readonly<Record<'iBGP' | 'eBGP', readonly RecordedStatement[]>>;
  readonly allSessions: { readonly localAS: number };
}

/** One node. */
export interface RecordedNode {
  readonly exit?: number;
  readonly ipv4: RecordedFamily | null;
  readonly ipv6: RecordedFamily | null;
  readonly unstable?: boolean;
  readonly variants?: readonly {
    readonly ipv4: RecordedFamily | null;
    readonly ipv6: RecordedFamily | null;
  }[];
}

/** A stored object. */
export interface RecordedResource {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly [other: string]: unknown;
}

/** What a case was made from. */
export interface RecordedInput {
  readonly resources?: readonly RecordedResource[];
  readonly delete?: readonly (readonly [kind: string, name: string])[];
  readonly blocks?: Readonly<
    Record<string, readonly (string | { readonly cidr: string; readonly value: unknown })[]>
  >;
  readonly env?: Readonly<Record<string, string>>;
  /** Files of the agent for local workload peers. */
  readonly endpointStatus?: unknown;
  readonly nodeEnv?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly kubernetes?: {
    readonly secrets?: readonly {
      readonly metadata: { readonly name: string };
      readonly data: Readonly<Record<string, string>>;
    }[];
    readonly services?: readonly RecordedResource[];
    readonly endpointslices?: readonly RecordedResource[];
  };
}

/** A configuration case. */
export interface RecordedCase {
  readonly case: string;
  readonly input: RecordedInput;
  readonly nodes: Readonly<Record<string, RecordedNode>>;
  readonly refusedByCalicoctl?: readonly { readonly kind: string; readonly name: string }[];
}
