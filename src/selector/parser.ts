/** Reads a selector. Upstream: lib/selector/parser. */
import { CalicoError } from '../errors.ts';
import { type SyntaxProblem, type Token, tokenize } from './lexer.ts';
import type { Selector } from './syntax.ts';

/** Reads a selector; the empty text is `all()`. */
export function tryParseSelector(text: string): Selector | SyntaxProblem {
  const tokens = tokenize(text);
  if ('problem' in tokens) return tokens;
  if (tokens.length === 1) return { op: 'all' };
  try {
    const parser = new Parser(tokens);
    const selector = parser.or();
    parser.expect('end');
    return selector;
  } catch (thrown) {
    if (thrown instanceof Unexpected) return { at: thrown.token.at, problem: thrown.message };
    throw thrown;
  }
}

/** Reads a selector. @throws CalicoError INPUT with the position */
export function parseSelector(text: string): Selector {
  const result = tryParseSelector(text);
  if ('op' in result) return result;
  throw new CalicoError(
    'INPUT',
    `selector ${JSON.stringify(text)} is not valid: ${result.problem} at position ${result.at + 1}`,
    { cure: "Write label == 'value', has(label) or label in {'a', 'b'}, joined with && and ||." },
  );
}

/** Whether the text is a selector. */
export function isSelector(text: string): boolean {
  return 'op' in tryParseSelector(text);
}

class Unexpected extends Error {
  readonly token: Token;
  constructor(token: Token, expected: string) {
    super(`expected ${expected}, found ${token.kind === 'end' ? 'the end' : describeToken(token)}`);
    this.token = token;
  }
}

class Parser {
  readonly #tokens: readonly Token[];
  #next = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  or(): Selector {
    return this.#joined('or', '||', () => this.#joined('and', '&&', () => this.#operation()));
  }

  expect<K extends Token['kind']>(kind: K): Extract<Token, { readonly kind: K }> {
    const token = this.#peek();
    if (token.kind !== kind) throw new Unexpected(token, kind === 'end' ? '&& or ||' : kind);
    this.#next++;
    return token as Extract<Token, { readonly kind: K }>;
  }

  #peek(): Token {
    return this.#tokens[this.#next]!;
  }

  #accept(kind: Token['kind']): boolean {
    if (this.#peek().kind !== kind) return false;
    this.#next++;
    return true;
  }

  #joined(op: 'and' | 'or', sign: '&&' | '||', operand: () => Selector): Selector {
    const operands = [operand()];
    while (this.#accept(sign)) operands.push(operand());
    return operands.length === 1 ? operands[0]! : { op, operands };
  }

  #operation(): Selector {
    let negated = false;
    while (this.#accept('!')) negated = !negated;
    const operand = this.#operand();
    return negated ? { op: 'not', operand } : operand;
  }

  #operand(): Selector {
    const token = this.#peek();
    switch (token.kind) {
      case '(': {
        this.#next++;
        const inner = this.or();
        this.expect(')');
        return inner;
      }
      case 'all':
      case 'global':
        this.#next++;
        return { op: token.kind };
      case 'has':
        this.#next++;
        return { op: 'has', label: token.text };
      case 'label':
        this.#next++;
        return this.#comparison(token.text);
      default:
        throw new Unexpected(token, 'a label, has(), all(), global(), ! or (');
    }
  }

  #comparison(label: string): Selector {
    const operator = this.expect('operator').text;
    if (operator !== 'in' && operator !== 'not in') {
      return { op: operator, label, value: this.expect('string').text };
    }
    this.expect('{');
    const values = new Set<string>();
    while (this.#peek().kind !== '}') {
      values.add(this.expect('string').text);
      if (!this.#accept(',')) break;
    }
    this.expect('}');
    return { op: operator, label, values: [...values].sort(compareText) };
  }
}

function describeToken(token: Token): string {
  return 'text' in token ? JSON.stringify(token.text) : JSON.stringify(token.kind);
}

/** Go's order of strings: by code point, where JavaScript's own is by UTF-16 unit. */
function compareText(a: string, b: string): number {
  const left = [...a];
  const right = [...b];
  for (let i = 0; i < left.length && i < right.length; i++) {
    const difference = left[i]!.codePointAt(0)! - right[i]!.codePointAt(0)!;
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}
