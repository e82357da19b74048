/** Whether labels match a selector. */
import { assertNever } from '../errors.ts';
import type { Selector } from './syntax.ts';

/** Labels as resources carry them. */
export type Labels = Readonly<Record<string, string>>;

/** The value of a label; `undefined` when it is absent. */
export type LabelLookup = (label: string) => string | undefined;

/** A look-up in a record, safe for labels called like properties of objects. */
export function lookupIn(labels: Labels): LabelLookup {
  return (label) => (Object.hasOwn(labels, label) ? labels[label] : undefined);
}

/** Whether the labels match. A missing label fails every operator but `!=`, `not in` and `!`. */
export function matchesLabels(selector: Selector, labels: Labels): boolean {
  return evaluate(selector, lookupIn(labels));
}

/** As {@link matchesLabels}, with labels from anywhere. */
export function evaluate(selector: Selector, lookup: LabelLookup): boolean {
  switch (selector.op) {
    case 'all':
    case 'global':
      return true;
    case 'has':
      return lookup(selector.label) !== undefined;
    case '==':
      return lookup(selector.label) === selector.value;
    case '!=':
      return lookup(selector.label) !== selector.value;
    case 'contains':
      return lookup(selector.label)?.includes(selector.value) ?? false;
    case 'starts with':
      return lookup(selector.label)?.startsWith(selector.value) ?? false;
    case 'ends with':
      return lookup(selector.label)?.endsWith(selector.value) ?? false;
    case 'in': {
      const value = lookup(selector.label);
      return value !== undefined && selector.values.includes(value);
    }
    case 'not in': {
      const value = lookup(selector.label);
      return value === undefined || !selector.values.includes(value);
    }
    case 'not':
      return !evaluate(selector.operand, lookup);
    case 'and':
      return selector.operands.every((operand) => evaluate(operand, lookup));
    case 'or':
      return selector.operands.some((operand) => evaluate(operand, lookup));
    default:
      return assertNever(selector);
  }
}
