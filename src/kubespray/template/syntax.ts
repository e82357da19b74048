/** The syntax tree of the Jinja subset that inventories use. */
import type { Value } from '../values/value.ts';

/** An expression. */
export type Expression =
  | { readonly kind: 'literal'; readonly value: Value }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'list'; readonly items: readonly Expression[] }
  | { readonly kind: 'mapping'; readonly entries: readonly (readonly [Expression, Expression])[] }
  | { readonly kind: 'attribute'; readonly object: Expression; readonly name: string }
  | { readonly kind: 'index'; readonly object: Expression; readonly index: Expression }
  | {
      readonly kind: 'slice';
      readonly object: Expression;
      readonly from: Expression | undefined;
      readonly to: Expression | undefined;
    }
  | { readonly kind: 'call'; readonly callee: Expression; readonly call: Call }
  | { readonly kind: 'filter'; readonly input: Expression; readonly name: string; readonly call: Call }
  | {
      readonly kind: 'test';
      readonly input: Expression;
      readonly name: string;
      readonly call: Call;
      readonly negated: boolean;
    }
  | { readonly kind: 'not'; readonly operand: Expression }
  | { readonly kind: 'negate'; readonly operand: Expression }
  | {
      readonly kind: 'binary';
      readonly operator: string;
      readonly left: Expression;
      readonly right: Expression;
    }
  | {
      readonly kind: 'conditional';
      readonly test: Expression;
      readonly then: Expression;
      readonly otherwise: Expression | undefined;
    };

/** Arguments of a call, a filter or a test. */
export interface Call {
  readonly positional: readonly Expression[];
  readonly named: ReadonlyMap<string, Expression>;
}

/** A piece of a template. */
export type Piece =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'output'; readonly expression: Expression }
  | { readonly kind: 'set'; readonly name: string; readonly expression: Expression }
  | { readonly kind: 'do'; readonly expression: Expression }
  | {
      readonly kind: 'if';
      readonly branches: readonly { readonly test: Expression; readonly body: readonly Piece[] }[];
      readonly otherwise: readonly Piece[];
    }
  | {
      readonly kind: 'for';
      readonly names: readonly string[];
      readonly list: Expression;
      readonly filter: Expression | undefined;
      readonly body: readonly Piece[];
      readonly otherwise: readonly Piece[];
    };

/** A template that this subset cannot evaluate; the caller adds the variable and its place. */
export class TemplateError extends Error {
  constructor(
    message: string,
    /** `undefined-variable` is what Ansible reports in these words; `unsupported` is ours. */
    readonly reason: 'syntax' | 'unsupported' | 'undefined-variable' | 'failed' | 'vault',
  ) {
    super(message);
  }
}
