/** Python's `shlex.split(line, comments=True)`, by which Ansible takes a host line apart. */

/** A token and where it starts in the line. */
export interface Token {
  readonly text: string;
  readonly offset: number;
}

/** Splits a line; the error is Python's words for it. */
export function splitHostLine(line: string): readonly Token[] | { readonly error: string } {
  const tokens: Token[] = [];
  let text = '';
  let start = -1;
  const finish = () => {
    if (start >= 0) tokens.push({ text, offset: start });
    text = '';
    start = -1;
  };
  for (let at = 0; at < line.length; at++) {
    const char = line[at] ?? '';
    if (/[ \t\r\n]/.test(char)) {
      finish();
      continue;
    }
    // An unquoted # ends the line even inside a word.
    if (char === '#') break;
    if (start < 0) start = at;
    if (char === '\\') {
      at++;
      if (at >= line.length) return { error: 'No escaped character' };
      text += line[at];
    } else if (char === "'") {
      const end = line.indexOf("'", at + 1);
      if (end < 0) return { error: 'No closing quotation' };
      text += line.slice(at + 1, end);
      at = end;
    } else if (char === '"') {
      for (at++; line[at] !== '"'; at++) {
        if (at >= line.length) return { error: 'No closing quotation' };
        if (line[at] === '\\' && (line[at + 1] === '"' || line[at + 1] === '\\')) at++;
        text += line[at] ?? '';
      }
    } else text += char;
  }
  finish();
  return tokens;
}
