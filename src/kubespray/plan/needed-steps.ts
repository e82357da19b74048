/** Which writes an existing object needs, and which of its fields are others'. */
import type { Resource } from '../../resources/index.ts';
import type { ResourceStep } from '../cluster-plan.ts';
import { isFields } from './state.ts';

/** What tells objects apart. */
export const keyOf = (one: Resource) => `${one.kind} ${one.metadata.name}`;

/** Fields of a pool that may change while it is in use. */
const mutablePoolFields = ['ipipMode', 'vxlanMode', 'natOutgoing'];

/** The step, if it would change the object. Of an existing pool only what may change is written. */
export function neededStep(step: ResourceStep, existing: Resource | undefined): readonly ResourceStep[] {
  if (!existing) return [step];
  const { resource } = step;
  if (step.how === 'create') {
    const fields = mutablePoolFields.filter(
      (name) => !covers(existing.spec[name] ?? false, resource.spec[name]),
    );
    if (fields.length === 0) return [];
    const spec = Object.fromEntries(fields.map((name) => [name, resource.spec[name]]));
    return [
      {
        ...step,
        how: 'apply',
        resource: { ...resource, spec },
        reason: 'the pool stays, these fields change',
      },
    ];
  }
  const wanted = step.how === 'label' ? { ...resource.metadata.labels } : resource.spec;
  const actual = step.how === 'label' ? { ...existing.metadata.labels } : existing.spec;
  return covers(actual, wanted) ? [] : [step];
}

function covers(actual: unknown, wanted: unknown): boolean {
  if (isFields(wanted))
    return isFields(actual) && Object.entries(wanted).every(([name, one]) => covers(actual[name], one));
  return JSON.stringify(actual) === JSON.stringify(wanted);
}

/** `Kind name: field, …` for fields that only the existing object has. */
export function keptFields(existing: ReadonlyMap<string, Resource>, wanted: readonly Resource[]): string[] {
  return wanted.flatMap((one) => {
    const before = existing.get(keyOf(one));
    if (!before) return [];
    const extra = extraFields(before.spec, one.spec);
    return extra.length === 0 ? [] : [`${keyOf(one)}: ${extra.join(', ')}`];
  });
}

function extraFields(
  before: Readonly<Record<string, unknown>>,
  wanted: Readonly<Record<string, unknown>>,
): string[] {
  return Object.entries(before).flatMap(([name, value]) => {
    const mine = wanted[name];
    if (mine === undefined) return [name];
    return isFields(value) && isFields(mine) ? extraFields(value, mine).map((one) => `${name}.${one}`) : [];
  });
}
