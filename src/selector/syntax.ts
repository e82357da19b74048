/** The syntax tree of a selector. */

/** A parsed selector. `and` and `or` have two operands or more; sets are sorted and have no duplicates. */
export type Selector =
  | { readonly op: 'all' }
  /** Matches like `all`; rules' namespace selectors read it as "not in a namespace". */
  | { readonly op: 'global' }
  | { readonly op: 'has'; readonly label: string }
  | { readonly op: Comparison; readonly label: string; readonly value: string }
  | { readonly op: 'in' | 'not in'; readonly label: string; readonly values: readonly string[] }
  | { readonly op: 'not'; readonly operand: Selector }
  | { readonly op: 'and' | 'or'; readonly operands: readonly Selector[] };

/** Operators that compare a label with one text. */
export type Comparison = '==' | '!=' | 'contains' | 'starts with' | 'ends with';
