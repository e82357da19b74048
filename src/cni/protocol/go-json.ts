/** What Go's JSON decoder says of a broken text, which runtimes and people see in upstream's errors. */

const literals = ['true', 'false', 'null'] as const;

/** Go's message for a text that is no JSON; `undefined` when it is. */
export function goJsonProblem(text: string): string | undefined {
  const scanner = new Scanner(text);
  try {
    scanner.value();
    scanner.end();
    return undefined;
  } catch (thrown) {
    if (thrown instanceof Problem) return thrown.message;
    throw thrown;
  }
}

class Problem extends Error {}

class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(): void {
    this.#blanks();
    const char = this.#peek();
    if (char === '{') this.#object();
    else if (char === '[') this.#array();
    else if (char === '"') this.#string();
    else if (char === '-' || /\d/.test(char)) this.#number();
    else this.#literal();
  }

  end(): void {
    this.#blanks();
    if (this.#at < this.#text.length) this.#refuse('after top-level value');
  }

  #peek(): string {
    const char = this.#text[this.#at];
    if (char === undefined) throw new Problem('unexpected end of JSON input');
    return char;
  }

  #refuse(where: string): never {
    const char = this.#peek();
    const shown = char === "'" ? `'\\''` : char === '"' ? `'"'` : `'${JSON.stringify(char).slice(1, -1)}'`;
    throw new Problem(`invalid character ${shown} ${where}`);
  }

  #blanks(): void {
    while (/[ \t\r\n]/.test(this.#text[this.#at] ?? '')) this.#at++;
  }

  #object(): void {
    this.#at++;
    this.#blanks();
    if (this.#peek() === '}') {
      this.#at++;
      return;
    }
    for (;;) {
      this.#blanks();
      if (this.#peek() !== '"') this.#refuse('looking for beginning of object key string');
      this.#string();
      this.#blanks();
      if (this.#peek() !== ':') this.#refuse('after object key');
      this.#at++;
      this.value();
      this.#blanks();
      const char = this.#peek();
      if (char !== ',' && char !== '}') this.#refuse('after object key:value pair');
      this.#at++;
      if (char === '}') return;
    }
  }

  #array(): void {
    this.#at++;
    this.#blanks();
    if (this.#peek() === ']') {
      this.#at++;
      return;
    }
    for (;;) {
      this.value();
      this.#blanks();
      const char = this.#peek();
      if (char !== ',' && char !== ']') this.#refuse('after array element');
      this.#at++;
      if (char === ']') return;
    }
  }

  #string(): void {
    this.#at++;
    for (;;) {
      const char = this.#peek();
      if (char < ' ') this.#refuse('in string literal');
      this.#at++;
      if (char === '"') return;
      if (char !== '\\') continue;
      if (!/["\\/bfnrtu]/.test(this.#peek())) this.#refuse('in string escape code');
      this.#at++;
    }
  }

  #number(): void {
    if (this.#peek() === '-') this.#at++;
    if (!/\d/.test(this.#peek())) this.#refuse('in numeric literal');
    const match = /^(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?/.exec(this.#text.slice(this.#at));
    this.#at += match?.[0].length ?? 0;
  }

  #literal(): void {
    const char = this.#peek();
    const literal = literals.find((one) => one.startsWith(char));
    if (!literal) this.#refuse('looking for beginning of value');
    for (let i = 1; i < literal.length; i++) {
      this.#at++;
      if (this.#peek() !== literal[i]) this.#refuse(`in literal ${literal} (expecting '${literal[i]}')`);
    }
    this.#at++;
  }
}
