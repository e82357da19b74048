/** The one text of a selector, and the identity made of it. */
import { createHash } from 'node:crypto';
import { assertNever } from '../errors.ts';
import { parseSelector } from './parser.ts';
import type { Selector } from './syntax.ts';

/** Canonical text: equal for selectors that differ only in blanks, quotes, order of sets or spare parentheses. */
export function formatSelector(selector: Selector): string {
  switch (selector.op) {
    case 'all':
      return 'all()';
    case 'global':
      return 'global()';
    case 'has':
      return `has(${selector.label})`;
    case '==':
    case '!=':
    case 'contains':
    case 'starts with':
    case 'ends with':
      return `${selector.label} ${selector.op} ${quote(selector.value)}`;
    case 'in':
    case 'not in':
      return `${selector.label} ${selector.op} {${selector.values.map(quote).join(', ')}}`;
    case 'not':
      return `!${formatSelector(selector.operand)}`;
    case 'and':
    case 'or':
      return `(${selector.operands.map(formatSelector).join(selector.op === 'and' ? ' && ' : ' || ')})`;
    default:
      return assertNever(selector);
  }
}

/** Upstream's unique id, which names IP sets: `s:` and the base64url SHA-224 of `s:` and the canonical text. */
export function selectorId(selector: Selector): string {
  return `s:${createHash('sha224')
    .update(`s:${formatSelector(selector)}`)
    .digest('base64url')}`;
}

/** The selector with `prefix` before every label. */
export function prefixLabels(selector: Selector, prefix: string): Selector {
  switch (selector.op) {
    case 'all':
    case 'global':
      return selector;
    case 'not':
      return { op: 'not', operand: prefixLabels(selector.operand, prefix) };
    case 'and':
    case 'or':
      return { ...selector, operands: selector.operands.map((operand) => prefixLabels(operand, prefix)) };
    default:
      return { ...selector, label: prefix + selector.label };
  }
}

/** Canonical text of the selector in `text` with `prefix` before every label. @throws CalicoError INPUT */
export function prefixSelectorLabels(text: string, prefix: string): string {
  return formatSelector(prefixLabels(parseSelector(text), prefix));
}

/** Whether `global()` occurs in it. */
export function usesGlobal(selector: Selector): boolean {
  switch (selector.op) {
    case 'global':
      return true;
    case 'not':
      return usesGlobal(selector.operand);
    case 'and':
    case 'or':
      return selector.operands.some(usesGlobal);
    default:
      return false;
  }
}

function quote(value: string): string {
  return value.includes('"') ? `'${value}'` : `"${value}"`;
}
