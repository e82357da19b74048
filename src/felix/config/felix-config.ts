/** The agent's configuration as typed values: one property per parameter. */
import type { Parameter, ParameterName } from './parameters.ts';

/** Inclusive range of ports. */
export interface ConfigPortRange {
  readonly first: number;
  readonly last: number;
}

/** An entry of the failsafe lists; `net` confines it to peers of that CIDR (and so to one IP version). */
export interface FailsafePort {
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
  readonly net?: string;
}

/** What a parameter's text becomes, by the parameter's type. Types not named here stay text. */
interface ValueByType {
  readonly bool: boolean;
  readonly '*bool': boolean | undefined;
  readonly int: number;
  readonly seconds: number;
  readonly millis: number;
  readonly 'mark-bitmask': number;
  readonly 'port-list': readonly FailsafePort[];
  readonly portrange: ConfigPortRange | undefined;
  readonly 'portrange-list': readonly ConfigPortRange[];
  readonly 'cidr-list': readonly string[];
  readonly 'iface-list': readonly string[];
  readonly 'iface-list-regexp': readonly string[];
  readonly 'iface-filter-slice': readonly string[];
  readonly 'endpoint-list': readonly string[];
  readonly keyvaluelist: Readonly<Record<string, string>>;
  /** Milliseconds by name. */
  readonly keydurationlist: Readonly<Record<string, number>>;
}

/** Value type of one row of the table. */
type ValueOf<P extends Parameter> = P extends { readonly type: 'oneof'; readonly typeParams: infer Choices }
  ? Choices extends readonly (infer Choice)[]
    ? Choice
    : never
  : P['type'] extends keyof ValueByType
    ? ValueByType[P['type']]
    : string;

/** Every parameter's value in force. Immutable: a change of configuration restarts the agent. */
export type FelixConfig = {
  readonly [N in ParameterName]: ValueOf<Extract<Parameter, { readonly name: N }>>;
};
