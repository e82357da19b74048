/** What is known of a variable of Kubespray: everything about it is said once, in the table. */
import type { Value } from '../values/value.ts';

/**
 * Whose value counts. `cluster`: the first control-plane host's, for everybody (a resource or the daemon's
 * environment); `play`: the first host's of the k8s-cluster group; `host`: each host's own; `reflector`: each route
 * reflector's own.
 */
export type Scope = 'cluster' | 'play' | 'host' | 'reflector';

/** One row of the table. */
export interface VariableSpec {
  readonly name: string;
  readonly type: 'text' | 'boolean' | 'integer' | 'list' | 'mapping' | 'cidr' | 'address' | 'as-number';
  /** `[since, default]`; text may be a template. No entry: undefined unless set. */
  readonly defaults: readonly (readonly [since: string, value: Value])[];
  /** Values that pass. */
  readonly allowed?: readonly string[];
  /** Kubespray's own words when the check fails; `{value}` stands for the value. */
  readonly message?: string;
  /** Names of resources' fields, environment entries or files that it becomes. */
  readonly effect: string;
  readonly scope: Scope;
  /** First and last release that reads it. */
  readonly since?: string;
  readonly until?: string;
  /** One sentence for the reference page. */
  readonly doc: string;
  /** Set where nothing of this program reads it yet. */
  readonly unused?: 'deploy' | 'typha' | 'upgrade';
}

/** A row with the common parts filled in. */
export function row(
  name: string,
  type: VariableSpec['type'],
  scope: Scope,
  defaults: VariableSpec['defaults'] | Value | undefined,
  effect: string,
  doc: string,
  more: Partial<VariableSpec> = {},
): VariableSpec {
  const table =
    defaults === undefined
      ? []
      : Array.isArray(defaults) && defaults.every((one) => Array.isArray(one) && one.length === 2)
        ? (defaults as VariableSpec['defaults'])
        : ([['2.14', defaults as Value]] as const);
  return { name, type, scope, defaults: table, effect, doc, ...more };
}
