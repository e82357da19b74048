/**
 * Python's `ast.literal_eval`, by which Ansible types every value of an INI inventory.
 *
 * Returns undefined for what Python refuses: the caller keeps the text. Tuples and sets are lists here; complex
 * numbers keep their text, because no variable of this network can mean one.
 */
import { Float, integer, type Value } from './value.ts';

/** Deeper nesting makes Python give up as well; it also bounds our own stack. */
const maximumDepth = 90;

class NotLiteral extends Error {}

/** Evaluates `source`; undefined if it is not a literal. */
export function parsePythonLiteral(source: string): Value | undefined {
  try {
    return new Parser(source.replace(/^[ \t]+/, '')).whole();
  } catch (error) {
    if (error instanceof NotLiteral) return undefined;
    throw error;
  }
}

const number =
  /(?:0[xX](?:_?[0-9a-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+|(?:(?:\d(?:_?\d)*)?\.\d(?:_?\d)*|\d(?:_?\d)*\.?)(?:[eE][+-]?\d(?:_?\d)*)?)[jJ]?/y;
const stringStart = /([bBuUrR]|[bB][rR]|[rR][bB])?('''|"""|'|")/y;
const blank = /[ \t\f]+/y;

class Parser {
  private at = 0;
  private depth = 0;
  private brackets = 0;

  constructor(private readonly source: string) {}

  whole(): Value {
    const value = this.list();
    this.skip();
    // A line end and comments may follow, nothing else.
    while (this.source[this.at] === '\n') {
      this.at++;
      this.skip();
    }
    if (this.at < this.source.length) throw new NotLiteral();
    return value;
  }

  /** A top-level expression: `1, 2` is a tuple. */
  private list(): Value {
    const first = this.value();
    this.skip();
    if (this.source[this.at] !== ',') return first;
    const items = [first];
    while (this.eat(',')) {
      this.skip();
      if (this.at >= this.source.length || this.source[this.at] === '\n' || this.source[this.at] === ')')
        break;
      items.push(this.value());
    }
    return items;
  }

  private value(): Value {
    const left = this.unary();
    this.skip();
    // Only `1+2j` is allowed by literal_eval: a number plus or minus a complex one.
    const sign = this.source[this.at];
    if (sign !== '+' && sign !== '-') return left;
    const start = this.at;
    this.at++;
    const right = this.unary();
    if (typeof right !== 'string' || !right.endsWith('j') || typeof left === 'string') {
      this.at = start;
      throw new NotLiteral();
    }
    return `(${left instanceof Float ? left.value : String(left)}${sign}${right})`;
  }

  private unary(): Value {
    this.skip();
    const sign = this.source[this.at];
    if (sign !== '+' && sign !== '-') return this.atom();
    this.at++;
    this.skip();
    if (!/[\d.]/.test(this.source[this.at] ?? '')) throw new NotLiteral();
    const value = this.atom();
    if (sign === '+') return value;
    if (value instanceof Float) return new Float(-value.value);
    if (typeof value === 'number') return value === 0 ? 0 : -value;
    if (typeof value === 'bigint') return -value;
    return typeof value === 'string' ? `(-0-${value})` : value;
  }

  private atom(): Value {
    if (++this.depth > maximumDepth) throw new NotLiteral();
    try {
      const char = this.source[this.at] ?? '';
      if (char === '[') return this.sequence('[', ']');
      if (char === '(') return this.parenthesis();
      if (char === '{') return this.braces();
      const text = this.strings();
      if (text !== undefined) return text;
      if (/[\d.]/.test(char)) return this.number();
      for (const [word, value] of [
        ['None', null],
        ['True', true],
        ['False', false],
      ] as const) {
        if (
          this.source.startsWith(word, this.at) &&
          !/[\w\u0080-\uffff]/.test(this.source[this.at + word.length] ?? '')
        ) {
          this.at += word.length;
          return value;
        }
      }
      if (/^set\(\s*\)/.test(this.source.slice(this.at, this.at + 20))) {
        this.at = this.source.indexOf(')', this.at) + 1;
        return [];
      }
      throw new NotLiteral();
    } finally {
      this.depth--;
    }
  }

  private number(): Value {
    number.lastIndex = this.at;
    const match = number.exec(this.source);
    if (!match || match[0] === '' || match[0] === '.') throw new NotLiteral();
    this.at += match[0].length;
    if (/[\w.]/.test(this.source[this.at] ?? '')) throw new NotLiteral();
    const digits = match[0].replaceAll('_', '');
    if (/[jJ]$/.test(digits)) return digits.toLowerCase();
    if (/^0[xXoObB]/.test(digits)) return integer(BigInt(digits.toLowerCase()));
    if (/[.eE]/.test(digits)) return new Float(Number(digits));
    // Python 3: no leading zeros, except in zero itself.
    if (/^0+[1-9]/.test(digits)) throw new NotLiteral();
    if (digits.length > 4300) throw new NotLiteral();
    return integer(BigInt(digits));
  }

  private strings(): string | undefined {
    let result: string | undefined;
    let bytes: boolean | undefined;
    for (;;) {
      this.skip();
      stringStart.lastIndex = this.at;
      const match = stringStart.exec(this.source);
      if (!match) return result;
      const prefix = (match[1] ?? '').toLowerCase();
      const isBytes = prefix.includes('b');
      if (bytes !== undefined && bytes !== isBytes) throw new NotLiteral();
      bytes = isBytes;
      this.at += match[0].length;
      result = (result ?? '') + this.stringBody(match[2] ?? "'", prefix.includes('r'), isBytes);
    }
  }

  private stringBody(mark: string, raw: boolean, bytes: boolean): string {
    let result = '';
    for (;;) {
      const char = this.source[this.at];
      if (char === undefined || (char === '\n' && mark.length === 1)) throw new NotLiteral();
      if (this.source.startsWith(mark, this.at)) {
        this.at += mark.length;
        return result;
      }
      this.at++;
      if (char !== '\\') {
        if (bytes && char > '\u007f') throw new NotLiteral();
        result += char;
        continue;
      }
      const next = this.source[this.at];
      if (next === undefined) throw new NotLiteral();
      this.at++;
      result += raw ? `\\${next}` : this.escape(next, bytes);
    }
  }

  private escape(char: string, bytes: boolean): string {
    const simple: Readonly<Record<string, string>> = {
      '\n': '',
      '\\': '\\',
      "'": "'",
      '"': '"',
      a: '\u0007',
      b: '\b',
      f: '\f',
      n: '\n',
      r: '\r',
      t: '\t',
      v: '\v',
    };
    const known = simple[char];
    if (known !== undefined) return known;
    if (char === 'x') return this.hex(2);
    if (char === 'u' && !bytes) return this.hex(4);
    if (char === 'U' && !bytes) return this.hex(8);
    if (char === 'N' && !bytes) throw new NotLiteral();
    if (/[0-7]/.test(char)) {
      const more = /^[0-7]{0,2}/.exec(this.source.slice(this.at, this.at + 2))?.[0] ?? '';
      this.at += more.length;
      return String.fromCodePoint(Number.parseInt(char + more, 8));
    }
    return `\\${char}`;
  }

  private hex(length: number): string {
    const digits = this.source.slice(this.at, this.at + length);
    if (digits.length < length || !/^[0-9a-fA-F]+$/.test(digits)) throw new NotLiteral();
    const code = Number.parseInt(digits, 16);
    if (code > 0x10ffff) throw new NotLiteral();
    this.at += length;
    return String.fromCodePoint(code);
  }

  private parenthesis(): Value {
    this.open();
    this.skip();
    if (this.eat(')')) {
      this.brackets--;
      return [];
    }
    const value = this.list();
    this.close(')');
    return value;
  }

  private sequence(_open: string, end: string): Value[] {
    this.open();
    const items: Value[] = [];
    for (;;) {
      this.skip();
      if (this.source[this.at] === end) break;
      items.push(this.value());
      this.skip();
      if (!this.eat(',')) break;
    }
    this.close(end);
    return items;
  }

  private braces(): Value {
    this.open();
    const entries = new Map<string, Value>();
    const members: Value[] = [];
    let kind: 'mapping' | 'set' | undefined;
    for (;;) {
      this.skip();
      if (this.source[this.at] === '}') break;
      const key = this.value();
      this.skip();
      const found = this.source[this.at] === ':' ? 'mapping' : 'set';
      if (kind !== undefined && kind !== found) throw new NotLiteral();
      kind = found;
      // Lists and mappings cannot be keys or members: Python raises TypeError, which Ansible does not catch.
      if (Array.isArray(key) || key instanceof Map) throw new NotLiteral();
      if (found === 'mapping') {
        this.at++;
        entries.set(keyText(key), this.value());
      } else members.push(key);
      this.skip();
      if (!this.eat(',')) break;
    }
    this.close('}');
    return kind === 'set' ? members : entries;
  }

  private open(): void {
    this.at++;
    this.brackets++;
  }

  private close(end: string): void {
    this.skip();
    if (!this.eat(end)) throw new NotLiteral();
    this.brackets--;
  }

  private eat(char: string): boolean {
    if (this.source[this.at] !== char) return false;
    this.at++;
    return true;
  }

  /** Blanks and comments; inside brackets also line ends. */
  private skip(): void {
    for (;;) {
      blank.lastIndex = this.at;
      const match = blank.exec(this.source);
      if (match) this.at += match[0].length;
      else if (this.source[this.at] === '#') {
        const end = this.source.indexOf('\n', this.at);
        this.at = end < 0 ? this.source.length : end;
      } else if (this.brackets > 0 && /[\r\n]/.test(this.source[this.at] ?? '')) this.at++;
      else if (this.source.startsWith('\\\n', this.at)) this.at += 2;
      else return;
    }
  }
}

/** A key as `json.dumps` makes it text. */
export function keyText(key: Value): string {
  if (key === null) return 'null';
  if (typeof key === 'boolean') return key ? 'true' : 'false';
  if (key instanceof Float) return String(key.value);
  return typeof key === 'object' ? '' : String(key);
}
