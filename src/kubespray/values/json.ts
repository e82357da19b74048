/** JSON as Python reads it: integers stay integers of any size, `NaN` and `Infinity` are accepted, the last key wins. */
import { Float, integer, type Value } from './value.ts';

const maximumDepth = 200;
const numberToken = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids them in strings
const stringToken = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const space = /[ \t\r\n]*/y;

/** A parsed document with the offset of every top-level key; undefined if the text is not JSON. */
export function parsePythonJson(
  source: string,
): { readonly value: Value; readonly keys: ReadonlyMap<string, number> } | undefined {
  const reader = new Reader(source);
  try {
    const value = reader.value(0);
    reader.end();
    return { value, keys: reader.keys };
  } catch (error) {
    if (error instanceof NotJson) return undefined;
    throw error;
  }
}

class NotJson extends Error {}

class Reader {
  readonly keys = new Map<string, number>();
  private at = 0;

  constructor(private readonly source: string) {}

  end(): void {
    this.skip();
    if (this.at < this.source.length) throw new NotJson();
  }

  value(depth: number): Value {
    if (depth > maximumDepth) throw new NotJson();
    this.skip();
    const char = this.source[this.at];
    if (char === '{') return this.object(depth);
    if (char === '[') return this.array(depth);
    if (char === '"') return this.string();
    for (const [word, value] of words) {
      if (this.source.startsWith(word, this.at)) {
        this.at += word.length;
        return value;
      }
    }
    numberToken.lastIndex = this.at;
    const match = numberToken.exec(this.source);
    if (!match) throw new NotJson();
    this.at += match[0].length;
    if (match[1] === undefined && match[2] === undefined) return integer(BigInt(match[0]));
    return new Float(Number(match[0]));
  }

  private object(depth: number): Value {
    this.at++;
    const result = new Map<string, Value>();
    this.skip();
    if (this.eat('}')) return result;
    do {
      this.skip();
      const offset = this.at;
      const key = this.string();
      this.skip();
      if (!this.eat(':')) throw new NotJson();
      result.set(key, this.value(depth + 1));
      if (depth === 0) this.keys.set(key, offset);
      this.skip();
    } while (this.eat(','));
    if (!this.eat('}')) throw new NotJson();
    return result;
  }

  private array(depth: number): Value {
    this.at++;
    const result: Value[] = [];
    this.skip();
    if (this.eat(']')) return result;
    do {
      result.push(this.value(depth + 1));
      this.skip();
    } while (this.eat(','));
    if (!this.eat(']')) throw new NotJson();
    return result;
  }

  private string(): string {
    stringToken.lastIndex = this.at;
    const match = stringToken.exec(this.source);
    if (!match) throw new NotJson();
    this.at += match[0].length;
    return JSON.parse(match[0]) as string;
  }

  private skip(): void {
    space.lastIndex = this.at;
    this.at += space.exec(this.source)?.[0].length ?? 0;
  }

  private eat(char: string): boolean {
    if (this.source[this.at] !== char) return false;
    this.at++;
    return true;
  }
}

const words: readonly (readonly [string, Value])[] = [
  ['null', null],
  ['true', true],
  ['false', false],
  ['NaN', new Float(Number.NaN)],
  ['Infinity', new Float(Number.POSITIVE_INFINITY)],
  ['-Infinity', new Float(Number.NEGATIVE_INFINITY)],
];
