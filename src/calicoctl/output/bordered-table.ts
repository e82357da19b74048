/** Bordered tables as tablewriter v0.0.5 draws them: `node status` and all of `ipam`. */

const wrapWidth = 30;
const decimal = /^-?(\d{1,3}(,\d{3})*|\d+)(\.\d+)?$/;

/** How a bordered table deviates from the usual. */
export interface BorderedOptions {
  /** Columns (by index) whose numbers stay left-aligned. */
  readonly left?: readonly number[];
  /** Heading texts are printed as they are. */
  readonly keepCase?: boolean;
}

/** Draws a table with rules, upper-cased centred headings and cells wrapped at 30 columns. */
export function borderedTable(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  options: BorderedOptions = {},
): string {
  const titles = options.keepCase ? headings : headings.map((heading) => heading.toUpperCase());
  const wrapped = rows.map((row) => row.map(wrapCell));
  const widths = titles.map((title, column) =>
    Math.max(
      title.length,
      ...wrapped.map((row) => Math.max(0, ...(row[column] ?? ['']).map((line) => [...line].length))),
    ),
  );
  const rule = `+${widths.map((width) => '-'.repeat(width + 2)).join('+')}+\n`;
  const head = `|${titles.map((title, column) => ` ${centre(title, widths[column]!)} `).join('|')}|\n`;
  const body = wrapped.map((row) => {
    const height = Math.max(1, ...row.map((lines) => lines.length));
    let text = '';
    for (let line = 0; line < height; line++) {
      const cells = widths.map((width, column) => {
        const cell = row[column]?.[line] ?? '';
        const pad = ' '.repeat(width - [...cell].length);
        const right = decimal.test(cell.trim()) && !options.left?.includes(column);
        return ` ${right ? pad + cell : cell + pad} `;
      });
      text += `|${cells.join('|')}|\n`;
    }
    return text;
  });
  return rule + head + rule + body.join('') + rule;
}

function centre(text: string, width: number): string {
  const gap = width - text.length;
  const left = Math.floor(gap / 2);
  return ' '.repeat(left) + text + ' '.repeat(gap - left);
}

/** Wraps at blanks so that the squared room left over, summed over all lines but the last, is least. */
export function wrapCell(text: string): string[] {
  return text.split('\n').flatMap((line) => wrapLine(line));
}

function wrapLine(line: string): string[] {
  if ([...line].length <= wrapWidth) return [line];
  const words = line.trim().split(/\s+/);
  const limit = Math.max(wrapWidth, ...words.map((word) => word.length));
  const best: { cost: number; next: number }[] = [];
  for (let from = words.length - 1; from >= 0; from--) {
    let length = -1;
    let choice = { cost: Number.POSITIVE_INFINITY, next: words.length };
    for (let to = from; to < words.length; to++) {
      length += words[to]!.length + 1;
      if (length > limit) break;
      const rest = best[to + 1]?.cost ?? 0;
      const cost = to === words.length - 1 ? 0 : (limit - length) ** 2 + rest;
      if (cost < choice.cost) choice = { cost, next: to + 1 };
    }
    best[from] = choice;
  }
  const lines: string[] = [];
  for (let from = 0; from < words.length; from = best[from]!.next) {
    lines.push(words.slice(from, best[from]!.next).join(' '));
  }
  return lines;
}
