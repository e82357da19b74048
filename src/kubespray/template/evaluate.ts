/** Evaluates the Jinja subset over variables that are looked up lazily. Nothing outside the inventory is reached. */
import {
  equal,
  Float,
  integer,
  isList,
  isMapping,
  text,
  truthy,
  type Value,
  Vault,
} from '../values/value.ts';
import { applyFilter } from './filters.ts';
import {
  arithmetic,
  compare,
  contains,
  member,
  method,
  numeric,
  type Result,
  Undefined,
} from './operators.ts';
import { type Call, type Expression, type Piece, TemplateError } from './syntax.ts';
import { applyTest } from './tests.ts';

/** Where names are looked up. */
export interface Scope {
  lookup(name: string): Result;
}

/** Loops of a document that was written to hang us. */
const maximumSteps = 200_000;

/** Evaluates expressions and pieces; one per template. */
export class Evaluator {
  private steps = 0;

  constructor(private readonly scope: Scope) {}

  /** The text of a template. */
  render(pieces: readonly Piece[], locals: Map<string, Result> = new Map()): string {
    let result = '';
    for (const piece of pieces) {
      this.step();
      switch (piece.kind) {
        case 'text':
          result += piece.text;
          break;
        case 'output':
          result += text(this.value(piece.expression, locals));
          break;
        case 'do':
          this.evaluate(piece.expression, locals);
          break;
        case 'set':
          locals.set(piece.name, this.evaluate(piece.expression, locals));
          break;
        case 'if': {
          const branch = piece.branches.find(({ test }) => this.truth(test, locals));
          result += this.render(branch?.body ?? piece.otherwise, locals);
          break;
        }
        case 'for':
          result += this.loop(piece, locals);
          break;
      }
    }
    return result;
  }

  private loop(piece: Extract<Piece, { kind: 'for' }>, locals: Map<string, Result>): string {
    const bind = (inner: Map<string, Result>, item: Value) => {
      if (piece.names.length === 1) inner.set(piece.names[0] ?? '', item);
      else if (isList(item))
        piece.names.forEach((name, at) => {
          inner.set(name, item[at] ?? null);
        });
      else throw new TemplateError('cannot unpack the items of a loop', 'failed');
    };
    const items = this.items(this.value(piece.list, locals)).filter((item) => {
      if (!piece.filter) return true;
      const inner = new Map(locals);
      bind(inner, item);
      return this.truth(piece.filter, inner);
    });
    if (items.length === 0) return this.render(piece.otherwise, locals);
    let result = '';
    items.forEach((item, index) => {
      const inner = new Map(locals);
      bind(inner, item);
      const loop: [string, Value][] = [
        ['index', index + 1],
        ['index0', index],
        ['first', index === 0],
        ['last', index === items.length - 1],
        ['length', items.length],
      ];
      inner.set('loop', new Map(loop));
      result += this.render(piece.body, inner);
    });
    return result;
  }

  /** What a loop or a filter goes through. */
  items(value: Value): readonly Value[] {
    if (isList(value)) return value;
    if (isMapping(value)) return [...value.keys()];
    if (typeof value === 'string') return [...value];
    throw new TemplateError(`'${text(value)}' is not iterable`, 'failed');
  }

  /** A value; an undefined one is an error. */
  value(expression: Expression, locals: Map<string, Result>): Value {
    const result = this.evaluate(expression, locals);
    if (result instanceof Undefined) throw new TemplateError(result.message, 'undefined-variable');
    if (result instanceof Vault) throw new TemplateError('the value is vault-encrypted', 'vault');
    return result;
  }

  private truth(expression: Expression, locals: Map<string, Result>): boolean {
    return truthy(this.value(expression, locals));
  }

  evaluate(expression: Expression, locals: Map<string, Result>): Result {
    this.step();
    switch (expression.kind) {
      case 'literal':
        return expression.value;
      case 'name':
        return locals.get(expression.name) ?? this.scope.lookup(expression.name);
      case 'list':
        return expression.items.map((item) => this.value(item, locals));
      case 'mapping':
        return new Map(
          expression.entries.map(([key, value]) => [
            text(this.value(key, locals)),
            this.value(value, locals),
          ]),
        );
      case 'attribute':
        return member(this.object(expression.object, locals), expression.name);
      case 'index':
        return member(this.object(expression.object, locals), this.value(expression.index, locals));
      case 'slice':
        return this.slice(expression, locals);
      case 'call':
        return this.call(expression, locals);
      case 'filter':
        return applyFilter(
          expression.name,
          this.evaluate(expression.input, locals),
          this.argumentsOf(expression.call, locals),
          this,
          this.scope,
        );
      case 'test': {
        const outcome = applyTest(
          expression.name,
          this.evaluate(expression.input, locals),
          this.argumentsOf(expression.call, locals).positional,
        );
        return outcome !== expression.negated;
      }
      case 'not':
        return !this.truth(expression.operand, locals);
      case 'negate': {
        const value = numeric(this.value(expression.operand, locals));
        return typeof value === 'bigint' ? integer(-value) : new Float(-value);
      }
      case 'conditional': {
        if (this.truth(expression.test, locals)) return this.evaluate(expression.then, locals);
        return expression.otherwise
          ? this.evaluate(expression.otherwise, locals)
          : new Undefined('the inline if-expression evaluated to false and no else section was defined.');
      }
      case 'binary':
        return this.binary(expression, locals);
    }
  }

  private object(expression: Expression, locals: Map<string, Result>): Value {
    return this.value(expression, locals);
  }

  private slice(expression: Extract<Expression, { kind: 'slice' }>, locals: Map<string, Result>): Value {
    const object = this.value(expression.object, locals);
    const bound = (one: Expression | undefined) => {
      if (one === undefined) return undefined;
      const value = this.value(one, locals);
      if (typeof value !== 'number') throw new TemplateError('slice indices must be integers', 'failed');
      return value;
    };
    const [from, to] = [bound(expression.from), bound(expression.to)];
    if (typeof object === 'string' || isList(object)) return object.slice(from, to);
    throw new TemplateError('only text and lists can be sliced', 'failed');
  }

  private binary(expression: Extract<Expression, { kind: 'binary' }>, locals: Map<string, Result>): Value {
    const { operator } = expression;
    const left = this.value(expression.left, locals);
    if (operator === 'or') return truthy(left) ? left : this.value(expression.right, locals);
    if (operator === 'and') return truthy(left) ? this.value(expression.right, locals) : left;
    const right = this.value(expression.right, locals);
    switch (operator) {
      case '==':
        return equal(left, right);
      case '!=':
        return !equal(left, right);
      case '~':
        return text(left) + text(right);
      case 'in':
        return contains(right, left);
      case '<':
      case '>':
      case '<=':
      case '>=':
        return compare(operator, left, right);
      default:
        return arithmetic(operator, left, right);
    }
  }

  private call(expression: Extract<Expression, { kind: 'call' }>, locals: Map<string, Result>): Result {
    const { callee } = expression;
    if (callee.kind === 'name') {
      if (callee.name === 'range') {
        const [a, b] = this.argumentsOf(expression.call, locals).positional.map(Number);
        const [from, to] = b === undefined ? [0, a ?? 0] : [a ?? 0, b];
        if (!(to - from < 100_000)) throw new TemplateError('range is too long', 'failed');
        return Array.from({ length: Math.max(0, to - from) }, (_, index) => from + index);
      }
      throw new TemplateError(`${callee.name}(…) is not evaluated here`, 'unsupported');
    }
    if (callee.kind !== 'attribute') throw new TemplateError('this call is not supported', 'unsupported');
    const object = this.value(callee.object, locals);
    const args = this.argumentsOf(expression.call, locals).positional.map((one) => {
      if (one instanceof Undefined) throw new TemplateError(one.message, 'undefined-variable');
      return one;
    });
    if (callee.name === 'append' && isList(object)) {
      (object as Value[]).push(args[0] ?? null);
      return null;
    }
    return method(object, callee.name, args);
  }

  private argumentsOf(call: Call, locals: Map<string, Result>): Arguments {
    return {
      positional: call.positional.map((one) => this.evaluate(one, locals)),
      named: new Map([...call.named].map(([name, one]) => [name, this.evaluate(one, locals)])),
    };
  }

  private step(): void {
    if (++this.steps > maximumSteps) throw new TemplateError('the template does not end', 'failed');
  }
}

/** Evaluated arguments. */
export interface Arguments {
  readonly positional: readonly Result[];
  readonly named: ReadonlyMap<string, Result>;
}
