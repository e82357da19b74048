/** The table of variables: parsing, checks, the reference page and `calico plan --variables` come from it. */
import type { Value } from '../values/value.ts';
import { agentVariables } from './agent.ts';
import { bgpVariables } from './bgp.ts';
import { calicoVariables } from './calico.ts';
import { clusterVariables } from './cluster.ts';
import { featureVariables } from './features.ts';
import { isSince, parseRelease, type Release, valueSince } from './release.ts';
import type { VariableSpec } from './variable.ts';

export * from './release.ts';
export type { Scope, VariableSpec } from './variable.ts';

/** All rows. */
export const variableTable: readonly VariableSpec[] = [
  ...calicoVariables,
  ...agentVariables,
  ...featureVariables,
  ...bgpVariables,
  ...clusterVariables,
];

const byName = new Map(variableTable.map((one) => [one.name, one]));

/** A row by name. */
export function variableNamed(name: string): VariableSpec | undefined {
  return byName.get(name);
}

/** True if the release reads the variable. */
export function isRead(spec: VariableSpec, release: Release): boolean {
  if (spec.since !== undefined && !isSince(release, spec.since)) return false;
  return (
    spec.until === undefined ||
    release.number <= parseRelease(spec.until).number + (spec.until.split('.').length === 2 ? 999 : 0)
  );
}

/** Defaults of a release, as role defaults stand below every variable of the inventory. */
export function defaultsOf(release: Release): ReadonlyMap<string, Value> {
  const result = new Map<string, Value>();
  for (const spec of variableTable) {
    const value = isRead(spec, release) ? valueSince(spec.defaults, release) : undefined;
    if (value !== undefined) result.set(spec.name, value);
  }
  return result;
}
