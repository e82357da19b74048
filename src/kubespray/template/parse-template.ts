/** Templates of the Jinja subset: text, output, `set`, `if`, `for`, comments, whitespace control. */
import { ExpressionParser } from './parse-expression.ts';
import { type Piece, TemplateError } from './syntax.ts';

interface Tag {
  readonly kind: 'text' | 'output' | 'statement';
  readonly text: string;
}

/** True if the text needs evaluation at all. */
export function isTemplate(text: string): boolean {
  return text.includes('{{') || text.includes('{%') || text.includes('{#');
}

function split(source: string): Tag[] {
  const tags: Tag[] = [];
  let at = 0;
  let trimNext = false;
  const pushText = (text: string, trimEnd: boolean) => {
    let result = trimNext ? text.trimStart() : text;
    if (trimEnd) result = result.trimEnd();
    if (result !== '') tags.push({ kind: 'text', text: result });
  };
  for (;;) {
    const open = /\{[{%#]/g;
    open.lastIndex = at;
    const match = open.exec(source);
    if (!match) {
      pushText(source.slice(at), false);
      return tags;
    }
    const kind = match[0];
    const close = kind === '{{' ? '}}' : kind === '{%' ? '%}' : '#}';
    const end = closing(source, match.index + 2, close);
    if (end < 0) throw new TemplateError(`${kind} is not closed by ${close}`, 'syntax');
    let inner = source.slice(match.index + 2, end);
    const trimBefore = inner.startsWith('-');
    const trimAfter = inner.endsWith('-');
    inner = inner.replace(/^[-+]/, '').replace(/[-+]$/, '');
    pushText(source.slice(at, match.index), trimBefore);
    trimNext = trimAfter;
    at = end + 2;
    if (kind === '{{') tags.push({ kind: 'output', text: inner });
    else if (kind === '{%') {
      tags.push({ kind: 'statement', text: inner.trim() });
      // Ansible sets trim_blocks: the line end after a statement goes.
      if (!trimAfter && source[at] === '\n') at++;
    }
  }
}

/** The closing mark outside quotation marks and outside brackets of the expression itself. */
function closing(source: string, from: number, close: string): number {
  if (close === '#}') return source.indexOf(close, from);
  let quote = '';
  let open = 0;
  for (let at = from; at < source.length; at++) {
    const char = source[at] ?? '';
    if (quote !== '') {
      if (char === '\\') at++;
      else if (char === quote) quote = '';
    } else if (char === '"' || char === "'") quote = char;
    else if (open === 0 && source.startsWith(close, at)) return at;
    else if ('([{'.includes(char)) open++;
    else if (')]}'.includes(char) && open > 0) open--;
  }
  return -1;
}

/** Parses a template. */
export function parseTemplate(source: string): readonly Piece[] {
  return new TemplateParser(split(source)).whole();
}

class TemplateParser {
  private at = 0;
  private depth = 0;

  constructor(private readonly tags: readonly Tag[]) {}

  whole(): readonly Piece[] {
    const pieces = this.body([]);
    const stray = this.tags[this.at];
    if (stray) throw new TemplateError(`unexpected {% ${stray.text} %}`, 'syntax');
    return pieces;
  }

  /** Pieces up to a statement that begins with one of the words, which is left. */
  private body(until: readonly string[]): Piece[] {
    if (++this.depth > 50) throw new TemplateError('nested too deeply', 'syntax');
    const pieces: Piece[] = [];
    for (; this.at < this.tags.length; ) {
      const tag = this.tags[this.at];
      if (!tag) break;
      if (tag.kind === 'text') pieces.push({ kind: 'text', text: tag.text });
      else if (tag.kind === 'output')
        pieces.push({ kind: 'output', expression: new ExpressionParser(tag.text).whole() });
      else {
        const word = /^\w*/.exec(tag.text)?.[0] ?? '';
        if (until.includes(word)) break;
        const piece = this.statement(word, tag.text.slice(word.length));
        if (piece === undefined) break;
        pieces.push(piece);
        continue;
      }
      this.at++;
    }
    this.depth--;
    return pieces;
  }

  private statement(word: string, rest: string): Piece | undefined {
    const parser = () => new ExpressionParser(rest);
    switch (word) {
      case 'if':
        return this.conditional(rest);
      case 'for':
        return this.loop(rest);
      case 'set': {
        this.at++;
        const inner = parser();
        const name = inner.name();
        if (!inner.operator('=')) throw new TemplateError('{% set %} without "="', 'unsupported');
        const expression = inner.expression();
        inner.end();
        return { kind: 'set', name, expression };
      }
      case 'do':
        this.at++;
        return { kind: 'do', expression: parser().whole() };
      case 'elif':
      case 'else':
      case 'endif':
      case 'endfor':
        return undefined;
      default:
        throw new TemplateError(`{% ${word} %} is not supported`, 'unsupported');
    }
  }

  private conditional(first: string): Piece {
    const branches: { test: ReturnType<ExpressionParser['whole']>; body: Piece[] }[] = [];
    let otherwise: Piece[] = [];
    let rest = first;
    for (;;) {
      this.at++;
      const test = new ExpressionParser(rest).whole();
      branches.push({ test, body: this.body(['elif', 'else', 'endif']) });
      const text = this.tags[this.at]?.text ?? '';
      if (text.startsWith('elif')) {
        rest = text.slice(4);
        continue;
      }
      if (text.startsWith('else')) {
        this.at++;
        otherwise = this.body(['endif']);
      }
      this.close('endif');
      return { kind: 'if', branches, otherwise };
    }
  }

  private loop(rest: string): Piece {
    this.at++;
    const parser = new ExpressionParser(rest);
    const names = [parser.name()];
    while (parser.operator(',')) names.push(parser.name());
    if (!parser.word('in')) throw new TemplateError('{% for %} without "in"', 'syntax');
    const list = parser.or();
    const filter = parser.word('if') ? parser.expression() : undefined;
    parser.end();
    const body = this.body(['else', 'endfor']);
    let otherwise: Piece[] = [];
    if (this.tags[this.at]?.text.startsWith('else')) {
      this.at++;
      otherwise = this.body(['endfor']);
    }
    this.close('endfor');
    return { kind: 'for', names, list, filter, body, otherwise };
  }

  private close(word: string): void {
    const tag = this.tags[this.at];
    if (tag?.kind !== 'statement' || !tag.text.startsWith(word))
      throw new TemplateError(`{% ${word} %} is missing`, 'syntax');
    this.at++;
  }
}
