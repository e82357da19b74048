/** Tokens and expressions of the Jinja subset. */
import { Float, integer } from '../values/value.ts';
import { type Call, type Expression, TemplateError } from './syntax.ts';

interface Token {
  readonly kind: 'name' | 'string' | 'number' | 'operator' | 'end';
  readonly text: string;
}

const token =
  /\s*(?:([\p{L}_][\p{L}\p{N}_]*)|("(?:[^"\\]|\\[\s\S])*"|'(?:[^'\\]|\\[\s\S])*')|(\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?)|(\/\/|\*\*|==|!=|<=|>=|[-+*/%~<>()[\]{},:.|=]))/uy;

function tokenize(source: string): Token[] {
  const tokens: Token[] = [];
  token.lastIndex = 0;
  while (source.slice(token.lastIndex).trim() !== '') {
    const at = token.lastIndex;
    const match = token.exec(source);
    if (!match)
      throw new TemplateError(`unexpected ${JSON.stringify(source.slice(at).trim().slice(0, 10))}`, 'syntax');
    const [, name, string, number, operator] = match;
    if (name !== undefined) tokens.push({ kind: 'name', text: name });
    else if (string !== undefined) tokens.push({ kind: 'string', text: unquote(string) });
    else if (number !== undefined) tokens.push({ kind: 'number', text: number.replaceAll('_', '') });
    else tokens.push({ kind: 'operator', text: operator ?? '' });
  }
  tokens.push({ kind: 'end', text: 'end of expression' });
  return tokens;
}

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '\n': '' };

function unquote(text: string): string {
  return text
    .slice(1, -1)
    .replace(/\\([\s\S])/g, (whole, char: string) => (/['"\\]/.test(char) ? char : (escapes[char] ?? whole)));
}

/** Deep nesting would exhaust the stack. */
const maximumDepth = 100;

/** Parses expressions out of one piece of source. */
export class ExpressionParser {
  private readonly tokens: readonly Token[];
  private at = 0;
  private depth = 0;

  constructor(source: string) {
    this.tokens = tokenize(source);
  }

  /** The whole source as one expression. */
  whole(): Expression {
    const expression = this.expression();
    this.end();
    return expression;
  }

  end(): void {
    if (this.peek().kind !== 'end') throw this.unexpected();
  }

  /** Takes a word if it is next. */
  word(text: string): boolean {
    const next = this.peek();
    if (next.kind !== 'name' || next.text !== text) return false;
    this.at++;
    return true;
  }

  operator(text: string): boolean {
    const next = this.peek();
    if (next.kind !== 'operator' || next.text !== text) return false;
    this.at++;
    return true;
  }

  name(): string {
    const next = this.peek();
    if (next.kind !== 'name') throw this.unexpected();
    this.at++;
    return next.text;
  }

  expression(): Expression {
    if (++this.depth > maximumDepth) throw new TemplateError('nested too deeply', 'syntax');
    const then = this.or();
    let result = then;
    if (this.word('if')) {
      const test = this.or();
      const otherwise = this.word('else') ? this.expression() : undefined;
      result = { kind: 'conditional', test, then, otherwise };
    }
    this.depth--;
    return result;
  }

  /** An expression without the inline `if`: what stands after `in` of a loop. */
  or(): Expression {
    let left = this.and();
    while (this.word('or')) left = { kind: 'binary', operator: 'or', left, right: this.and() };
    return left;
  }

  private and(): Expression {
    let left = this.not();
    while (this.word('and')) left = { kind: 'binary', operator: 'and', left, right: this.not() };
    return left;
  }

  private not(): Expression {
    if (++this.depth > maximumDepth) throw new TemplateError('nested too deeply', 'syntax');
    const result: Expression = this.word('not') ? { kind: 'not', operand: this.not() } : this.comparison();
    this.depth--;
    return result;
  }

  private comparison(): Expression {
    let left = this.binary(0);
    for (;;) {
      const operator = ['==', '!=', '<=', '>=', '<', '>'].find((one) => this.operator(one));
      if (operator !== undefined) left = { kind: 'binary', operator, left, right: this.binary(0) };
      else if (this.word('in')) left = { kind: 'binary', operator: 'in', left, right: this.binary(0) };
      else if (this.peek().text === 'not' && this.tokens[this.at + 1]?.text === 'in') {
        this.at += 2;
        left = {
          kind: 'not',
          operand: { kind: 'binary', operator: 'in', left, right: this.binary(0) },
        };
      } else return left;
    }
  }

  private binary(level: number): Expression {
    const operators = [['+', '-'], ['~'], ['*', '//', '/', '%']][level];
    if (operators === undefined) return this.unary();
    let left = this.binary(level + 1);
    for (;;) {
      const operator = operators.find((one) => this.operator(one));
      if (operator === undefined) return left;
      left = { kind: 'binary', operator, left, right: this.binary(level + 1) };
    }
  }

  private unary(): Expression {
    if (this.operator('-')) return this.filters({ kind: 'negate', operand: this.primary() });
    return this.filters(this.primary());
  }

  private filters(start: Expression): Expression {
    let result = start;
    for (;;) {
      if (this.operator('|'))
        result = { kind: 'filter', input: result, name: this.dotted(), call: this.optionalCall() };
      else if (this.word('is')) {
        const negated = this.word('not');
        const name = this.dotted();
        result = { kind: 'test', input: result, name, call: this.testCall(), negated };
      } else return result;
    }
  }

  /** `ansible.builtin.x` and `ansible.utils.x` are x. */
  private dotted(): string {
    let name = this.operator('==') ? '==' : this.name();
    while (this.peek().text === '.' && this.tokens[this.at + 1]?.kind === 'name') {
      this.at++;
      name = `${name}.${this.name()}`;
    }
    return name.replace(/^ansible\.(?:builtin|utils|netcommon)\./, '');
  }

  private optionalCall(): Call {
    return this.operator('(') ? this.arguments() : { positional: [], named: new Map() };
  }

  /** A test may take one argument without parentheses: `is divisibleby 2`. */
  private testCall(): Call {
    if (this.operator('(')) return this.arguments();
    const next = this.peek();
    const starts =
      next.kind === 'string' ||
      next.kind === 'number' ||
      (next.kind === 'name' && !['and', 'or', 'not', 'if', 'else', 'is', 'in'].includes(next.text));
    return { positional: starts ? [this.primary()] : [], named: new Map() };
  }

  private arguments(): Call {
    const positional: Expression[] = [];
    const named = new Map<string, Expression>();
    while (!this.operator(')')) {
      if (this.peek().kind === 'name' && this.tokens[this.at + 1]?.text === '=') {
        const name = this.name();
        this.at++;
        named.set(name, this.expression());
      } else positional.push(this.expression());
      if (!this.operator(',') && this.peek().text !== ')') throw this.unexpected();
    }
    return { positional, named };
  }

  private primary(): Expression {
    let result = this.atom();
    for (;;) {
      if (this.operator('.')) {
        const next = this.peek();
        this.at++;
        if (next.kind === 'number')
          result = {
            kind: 'index',
            object: result,
            index: { kind: 'literal', value: Number(next.text) },
          };
        else if (next.kind === 'name') result = { kind: 'attribute', object: result, name: next.text };
        else throw this.unexpected();
      } else if (this.operator('[')) result = this.subscript(result);
      else if (this.operator('(')) result = { kind: 'call', callee: result, call: this.arguments() };
      else return result;
    }
  }

  private subscript(object: Expression): Expression {
    const from = this.peek().text === ':' ? undefined : this.expression();
    if (!this.operator(':')) {
      this.expect(']');
      return { kind: 'index', object, index: from ?? { kind: 'literal', value: null } };
    }
    const to = this.peek().text === ']' ? undefined : this.expression();
    this.expect(']');
    return { kind: 'slice', object, from, to };
  }

  private atom(): Expression {
    const next = this.peek();
    this.at++;
    if (next.kind === 'string') {
      let text = next.text;
      while (this.peek().kind === 'string') {
        text += this.peek().text;
        this.at++;
      }
      return { kind: 'literal', value: text };
    }
    if (next.kind === 'number')
      return {
        kind: 'literal',
        value: /[.eE]/.test(next.text) ? new Float(Number(next.text)) : integer(BigInt(next.text)),
      };
    if (next.kind === 'name') {
      const constants: Readonly<Record<string, boolean | null>> = {
        true: true,
        True: true,
        false: false,
        False: false,
        none: null,
        None: null,
      };
      if (Object.hasOwn(constants, next.text))
        return { kind: 'literal', value: constants[next.text] ?? null };
      return { kind: 'name', name: next.text };
    }
    if (next.text === '(') return this.group();
    if (next.text === '[') {
      const items: Expression[] = [];
      while (!this.operator(']')) {
        items.push(this.expression());
        if (!this.operator(',') && this.peek().text !== ']') throw this.unexpected();
      }
      return { kind: 'list', items };
    }
    if (next.text === '{') {
      const entries: [Expression, Expression][] = [];
      while (!this.operator('}')) {
        const key = this.expression();
        this.expect(':');
        entries.push([key, this.expression()]);
        if (!this.operator(',') && this.peek().text !== '}') throw this.unexpected();
      }
      return { kind: 'mapping', entries };
    }
    this.at--;
    throw this.unexpected();
  }

  private group(): Expression {
    if (this.operator(')')) return { kind: 'list', items: [] };
    const first = this.expression();
    if (this.operator(')')) return first;
    const items = [first];
    while (this.operator(',')) if (this.peek().text !== ')') items.push(this.expression());
    this.expect(')');
    return { kind: 'list', items };
  }

  private expect(text: string): void {
    if (!this.operator(text)) throw this.unexpected();
  }

  private peek(): Token {
    return this.tokens[this.at] ?? { kind: 'end', text: 'end of expression' };
  }

  private unexpected(): TemplateError {
    return new TemplateError(`unexpected ${JSON.stringify(this.peek().text)}`, 'syntax');
  }
}
