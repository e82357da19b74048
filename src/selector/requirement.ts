/** What labels must have at least for a selector to match: the keys of the index. */
import type { Selector } from './syntax.ts';

/** A label that must be there, with this value or with any. */
export interface Requirement {
  readonly label: string;
  readonly value?: string;
}

/**
 * Alternatives for indexing a selector. Each alternative is a list of requirements of which every match satisfies at
 * least one; `undefined` when some match needs no label at all. A list without entries: nothing matches.
 */
export type Alternatives = readonly (readonly Requirement[])[] | undefined;

/** How many values a requirement of mere presence weighs. */
const presenceWeight = 64;

/** The alternatives of a selector. */
export function alternativesOf(selector: Selector): Alternatives {
  switch (selector.op) {
    case 'has':
    case 'contains':
    case 'starts with':
    case 'ends with':
      return [[{ label: selector.label }]];
    case '==':
      return [[{ label: selector.label, value: selector.value }]];
    case 'in':
      return [selector.values.map((value) => ({ label: selector.label, value }))];
    case 'and': {
      const all = selector.operands.flatMap((operand) => alternativesOf(operand) ?? []);
      return all.length > 0 ? all : undefined;
    }
    case 'or': {
      // One alternative per operand is enough: the shortest, and one with values before one without.
      const chosen = selector.operands.map((operand) => shortest(alternativesOf(operand)));
      return chosen.every((list) => list !== undefined) ? [chosen.flat()] : undefined;
    }
    case 'not':
      return selector.operand.op === 'not' ? alternativesOf(selector.operand.operand) : undefined;
    default:
      return undefined;
  }
}

function shortest(alternatives: Alternatives): readonly Requirement[] | undefined {
  if (!alternatives) return undefined;
  return alternatives.reduce((best, list) => (weight(list) < weight(best) ? list : best));
}

function weight(list: readonly Requirement[]): number {
  return list.reduce((sum, { value }) => sum + (value === undefined ? presenceWeight : 1), 0);
}
