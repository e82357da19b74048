/** Parses Go's text/template: the actions and pipelines that users of calicoctl write. */

/** A template that cannot be parsed or run; the message is Go's. */
export class TemplateError extends Error {}

/** An operand or call of a pipeline. */
export type Term =
  | { readonly kind: 'field'; readonly path: readonly string[]; readonly at: number; readonly text: string }
  | {
      readonly kind: 'variable';
      readonly name: string;
      readonly path: readonly string[];
      readonly at: number;
      readonly text: string;
    }
  | { readonly kind: 'literal'; readonly value: unknown }
  | { readonly kind: 'nil' }
  | { readonly kind: 'function'; readonly name: string }
  | { readonly kind: 'pipe'; readonly pipe: Pipeline; readonly path: readonly string[]; readonly at: number };

/** Commands joined by `|`; each is a term with arguments. */
export interface Pipeline {
  readonly declare?: { readonly names: readonly string[]; readonly assign: boolean };
  readonly commands: readonly (readonly Term[])[];
}

/** A node of a template. */
export type Node =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'action'; readonly pipe: Pipeline }
  | {
      readonly kind: 'if' | 'with' | 'range';
      readonly pipe: Pipeline;
      readonly body: readonly Node[];
      readonly other: readonly Node[];
    }
  | { readonly kind: 'break' | 'continue' };

interface Piece {
  readonly kind: 'text' | 'action';
  readonly text: string;
  /** Offset of the text in the template. */
  readonly at: number;
}

/** Parses a template called `get`, as calicoctl names it. @throws TemplateError */
export function parseTemplate(text: string): readonly Node[] {
  const pieces = split(text);
  const nodes = parseList(pieces, text, []);
  if (pieces.length > 0) throw fail(text, pieces[0]!.at, `unexpected {{${pieces[0]!.text.trim()}}}`);
  return nodes;
}

function fail(text: string, at: number, message: string): TemplateError {
  const line = text.slice(0, at).split('\n').length;
  return new TemplateError(`template: get:${line}: ${message}`);
}

function split(text: string): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  let trimNext = false;
  for (;;) {
    const open = text.indexOf('{{', at);
    let plain = open < 0 ? text.slice(at) : text.slice(at, open);
    if (trimNext) plain = plain.replace(/^\s+/, '');
    if (open < 0) {
      if (plain !== '') pieces.push({ kind: 'text', text: plain, at });
      return pieces;
    }
    const trimBefore = /^\{\{- /.test(text.slice(open, open + 4));
    if (trimBefore) plain = plain.replace(/\s+$/, '');
    if (plain !== '') pieces.push({ kind: 'text', text: plain, at });
    const start = open + (trimBefore ? 3 : 2);
    const close = closing(text, start);
    if (close < 0) throw fail(text, text.length, 'unclosed action');
    let body = text.slice(start, close);
    trimNext = / -$/.test(body);
    if (trimNext) body = body.slice(0, -1);
    if (!/^\s*\/\*/.test(body)) pieces.push({ kind: 'action', text: body, at: start });
    at = close + 2;
  }
}

/** The end of an action; quotes hide braces. */
function closing(text: string, start: number): number {
  for (let at = start; at < text.length; at++) {
    const char = text[at];
    if (char === '"' || char === '`') {
      const end = char === '`' ? text.indexOf('`', at + 1) : endOfString(text, at);
      if (end < 0) return -1;
      at = end;
    } else if (text.startsWith('}}', at)) return at;
  }
  return -1;
}

function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === '"') return at;
  }
  return -1;
}

function parseList(pieces: Piece[], source: string, ends: readonly string[]): Node[] {
  const nodes: Node[] = [];
  for (;;) {
    const piece = pieces[0];
    if (piece === undefined) {
      if (ends.length > 0) throw fail(source, source.length, 'unexpected EOF');
      return nodes;
    }
    const word = /^\s*(\S+)/.exec(piece.text)?.[1] ?? '';
    if (piece.kind === 'action' && ends.includes(word)) return nodes;
    pieces.shift();
    if (piece.kind === 'text') nodes.push({ kind: 'text', text: piece.text });
    else if (word === 'if' || word === 'with' || word === 'range')
      nodes.push(parseBlock(word, piece, pieces, source));
    else if (word === 'break' || word === 'continue') nodes.push({ kind: word });
    else if (['end', 'else'].includes(word)) throw fail(source, piece.at, `unexpected {{${word}}}`);
    else if (['define', 'template', 'block'].includes(word)) {
      throw fail(source, piece.at, `{{${word}}} is not supported here: write the template in one piece`);
    } else nodes.push({ kind: 'action', pipe: parsePipeline(piece, piece.text, 0, source) });
  }
}

function parseBlock(kind: 'if' | 'with' | 'range', piece: Piece, pieces: Piece[], source: string): Node {
  const skip = piece.text.indexOf(kind) + kind.length;
  const pipe = parsePipeline(piece, piece.text.slice(skip), skip, source);
  const body = parseList(pieces, source, ['else', 'end']);
  const end = pieces.shift()!;
  const rest = /^\s*else\s*(.*?)\s*$/s.exec(end.text)?.[1];
  if (rest === undefined) return { kind, pipe, body, other: [] };
  const chained = /^(if|with)\b/.exec(rest)?.[1] as 'if' | 'with' | undefined;
  if (chained) {
    const at = end.at + end.text.indexOf(rest);
    return {
      kind,
      pipe,
      body,
      other: [parseBlock(chained, { kind: 'action', text: rest, at }, pieces, source)],
    };
  }
  const other = parseList(pieces, source, ['end']);
  pieces.shift();
  return { kind, pipe, body, other };
}

interface Lexeme {
  readonly text: string;
  readonly at: number;
}

function parsePipeline(piece: Piece, text: string, offset: number, source: string): Pipeline {
  const lexemes: Lexeme[] = [];
  const pattern =
    /\s+|"(?:\\.|[^"\\])*"|`[^`]*`|'(?:\\.|[^'\\])*'|:=|[=,|()]|\$?[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*|\$(?:\.[A-Za-z_]\w*)*|(?:\.[A-Za-z_]\w*)+|-?\d[\w.+-]*|\./gy;
  let at = 0;
  while (at < text.length) {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (!found)
      throw fail(source, piece.at + offset + at, `unexpected ${JSON.stringify(text[at])} in operand`);
    if (found[0].trim() !== '') lexemes.push({ text: found[0], at: piece.at + offset + at });
    at += found[0].length;
  }
  if (lexemes.length === 0) throw fail(source, piece.at, 'missing value for command');
  const pipe = parseCommands(lexemes, source);
  if (lexemes.length > 0)
    throw fail(source, lexemes[0]!.at, `unexpected ${JSON.stringify(lexemes[0]!.text)} in operand`);
  return pipe;
}

function parseCommands(lexemes: Lexeme[], source: string): Pipeline {
  const equals = lexemes.findIndex((lexeme) => lexeme.text === ':=' || lexeme.text === '=');
  let declare: Pipeline['declare'];
  if (equals > 0 && lexemes[0]!.text.startsWith('$')) {
    const names = lexemes
      .splice(0, equals + 1)
      .filter((lexeme) => lexeme.text.startsWith('$'))
      .map((lexeme) => lexeme.text);
    declare = { names, assign: false };
  }
  const commands: Term[][] = [[]];
  while (lexemes.length > 0 && lexemes[0]!.text !== ')') {
    const lexeme = lexemes.shift()!;
    if (lexeme.text === '|') commands.push([]);
    else commands.at(-1)!.push(parseTerm(lexeme, lexemes, source));
  }
  return declare ? { declare, commands } : { commands };
}

function parseTerm(lexeme: Lexeme, lexemes: Lexeme[], source: string): Term {
  const { text, at } = lexeme;
  if (text === '(') {
    const pipe = parseCommands(lexemes, source);
    const close = lexemes.shift();
    if (close?.text !== ')') throw fail(source, at, 'unclosed left paren');
    const next = lexemes[0];
    const attached = next?.text.startsWith('.') && next.text !== '.' && next.at === close.at + 1;
    const path = attached ? lexemes.shift()!.text.slice(1).split('.') : [];
    return { kind: 'pipe', pipe, path, at };
  }
  if (text === '.') return { kind: 'field', path: [], at, text };
  if (text.startsWith('.')) return { kind: 'field', path: text.slice(1).split('.'), at, text };
  if (text.startsWith('$')) {
    const [name = '$', ...path] = text.split('.');
    return { kind: 'variable', name, path, at, text };
  }
  if (text.startsWith('"')) return { kind: 'literal', value: JSON.parse(text) };
  if (text.startsWith('`')) return { kind: 'literal', value: text.slice(1, -1) };
  if (/^-?\d/.test(text)) return { kind: 'literal', value: Number(text) };
  if (text === 'true' || text === 'false') return { kind: 'literal', value: text === 'true' };
  if (text === 'nil') return { kind: 'nil' };
  return { kind: 'function', name: text };
}
