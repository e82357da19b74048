/** The part of BIRD 2's configuration language that is used here, as values. `render.ts` writes it, `evaluate.ts` runs it. */
import type { IpVersion } from '../../ip/index.ts';
import type { Community } from '../model/state.ts';

/** A condition on a route. */
export type Condition =
  /** Compares the network; with `length` also the prefix length (inclusive). */
  | {
      readonly kind: 'net';
      readonly operator: '=' | '!=' | '~' | '!~';
      readonly cidr: string;
      readonly length?: readonly [number, number];
    }
  /** Lies in one of the networks. */
  | { readonly kind: 'net-in'; readonly cidrs: readonly string[] }
  | { readonly kind: 'source'; readonly is: 'bgp' | 'connected' }
  | { readonly kind: 'unreachable' }
  /** Has an interface whose name fits the pattern. */
  | { readonly kind: 'interface'; readonly pattern: string }
  | { readonly kind: 'community'; readonly community: Community }
  | { readonly kind: 'as-path-prefix'; readonly path: readonly number[] }
  | { readonly kind: 'local-pref'; readonly value: number }
  /** The session's both ends have one AS number; only inside functions that take it. */
  | { readonly kind: 'same-as' }
  | { readonly kind: 'not'; readonly condition: Condition };

/** A statement of a filter or function. */
export type Statement =
  | { readonly kind: 'accept' }
  | { readonly kind: 'reject' }
  /** All conditions hold. */
  | { readonly kind: 'if'; readonly all: readonly Condition[]; readonly body: readonly Statement[] }
  /** Calls a function, which may end the evaluation. `sameAs` is its argument, if it takes one. */
  | { readonly kind: 'call'; readonly name: string; readonly sameAs?: boolean }
  | { readonly kind: 'add-community'; readonly community: Community }
  | { readonly kind: 'prepend'; readonly asNumber: number }
  | { readonly kind: 'set-local-pref'; readonly value: number };

/** A function without result. */
export interface BirdFunction {
  readonly name: string;
  readonly takesSameAs: boolean;
  readonly body: readonly Statement[];
}

/** A named filter. */
export interface BirdFilter {
  readonly name: string;
  readonly body: readonly Statement[];
}

/** A static route. */
export interface StaticRoute {
  readonly cidr: string;
  /** Absent: blackhole. */
  readonly via?: string;
}

/** A BGP protocol; what is not here stands in the template. */
export interface BgpProtocol {
  readonly name: string;
  readonly version: IpVersion;
  readonly neighbor: string;
  readonly port: number;
  readonly peerAS: number;
  /** Differs from the template's. */
  readonly localAS?: number;
  readonly sourceAddress?: string;
  readonly passive: boolean;
  readonly hops?: number;
  readonly password?: string;
  readonly rrClusterID?: string;
  readonly restartTime?: number;
  readonly keepaliveTime?: number;
  readonly allowLocalAS?: number;
  readonly nextHop: 'auto' | 'self' | 'keep';
  readonly import: readonly Statement[];
  readonly export: readonly Statement[];
}

/** What all BGP protocols share. */
export interface BgpTemplate {
  readonly debug: 'all' | 'states' | undefined;
  readonly localAS: number;
  readonly listenPort: number | undefined;
  readonly strictBind: boolean;
}

/** One family's routes and filters. */
export interface FamilyConfig {
  readonly version: IpVersion;
  readonly statics: readonly StaticRoute[];
  /** Kernel → BIRD. */
  readonly learn: BirdFilter;
  /** BIRD → kernel. */
  readonly program: BirdFilter;
}

/** A whole configuration file. */
export interface BirdConfig {
  readonly routerId: string;
  readonly functions: readonly BirdFunction[];
  readonly families: readonly FamilyConfig[];
  /** Interfaces whose subnets resolve next hops; `-` in front excludes. */
  readonly directInterfaces: readonly string[];
  readonly template: BgpTemplate;
  readonly protocols: readonly BgpProtocol[];
}
