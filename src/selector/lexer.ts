/** Splits a selector into tokens. Upstream: lib/selector/tokenizer. */

/** A token; `at` is its offset in the text. */
export type Token = { readonly at: number } & (
  | { readonly kind: 'label'; readonly text: string }
  | { readonly kind: 'string'; readonly text: string }
  | { readonly kind: 'has'; readonly text: string }
  | { readonly kind: 'operator'; readonly text: Operator }
  | { readonly kind: Punctuation | 'all' | 'global' | 'end' }
);

/** Words and signs between a label and its operand. */
export type Operator = '==' | '!=' | 'contains' | 'starts with' | 'ends with' | 'in' | 'not in';

type Punctuation = '(' | ')' | '{' | '}' | ',' | '&&' | '||' | '!';

/** Where the text stops being a selector, and why. */
export interface SyntaxProblem {
  readonly at: number;
  readonly problem: string;
}

const blanks = /[ \t]*/y;
const signs = /&&|\|\||[(){},!]/y;
const quoted = /"([^"]*)"|'([^']*)'/y;
const call = /(has|all|global)\([ \t]*/y;
const label = /[a-zA-Z0-9_./-]{1,512}/y;
const operator = /==|!=|contains\b|starts[ \t]*with\b|ends[ \t]*with\b|not[ \t]*in\b|in\b/y;

/** Tokens of the text, ending in one of kind `end`. */
export function tokenize(text: string): readonly Token[] | SyntaxProblem {
  const tokens: Token[] = [];
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match) at = pattern.lastIndex;
    return match;
  };
  while (true) {
    take(blanks);
    const start = at;
    if (at === text.length) return [...tokens, { kind: 'end', at }];
    // What may follow depends on the token before: after a label stands an operator, else `in` is a label itself.
    if (tokens.at(-1)?.kind === 'label') {
      const match = take(operator);
      if (!match) return { at, problem: 'expected an operator after the label' };
      tokens.push({ kind: 'operator', text: operatorOf(match[0]), at: start });
      continue;
    }
    const sign = take(signs);
    if (sign) {
      tokens.push({ kind: sign[0] as Punctuation, at: start });
      continue;
    }
    const string = take(quoted);
    if (string) {
      tokens.push({ kind: 'string', text: string[1] ?? string[2] ?? '', at: start });
      continue;
    }
    const called = take(call);
    if (called) {
      const name = called[1] as 'has' | 'all' | 'global';
      const argument = name === 'has' ? take(label)?.[0] : '';
      take(blanks);
      if (argument === undefined || text[at] !== ')') {
        return { at, problem: `expected ${argument === undefined ? 'a label' : '")"'} in ${name}()` };
      }
      at++;
      tokens.push(name === 'has' ? { kind: 'has', text: argument, at: start } : { kind: name, at: start });
      continue;
    }
    const name = take(label);
    if (!name) return { at, problem: `unexpected ${JSON.stringify(text[at])}` };
    tokens.push({ kind: 'label', text: name[0], at: start });
  }
}

function operatorOf(text: string): Operator {
  if (text.startsWith('starts')) return 'starts with';
  if (text.startsWith('ends')) return 'ends with';
  return text.startsWith('not') ? 'not in' : (text as Operator);
}
