/** Tables as Python's PrettyTable draws them: what releases before v2 printed. */

/** How a table deviates from centred cells. */
export interface PrettyOptions {
  readonly align?: 'centre' | 'left';
}

/** Draws a table; cells may have several lines. */
export function prettyTable(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  options: PrettyOptions = {},
): string {
  const cells = rows.map((row) => row.map((cell) => cell.split('\n')));
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...cells.flatMap((row) => (row[column] ?? ['']).map((line) => line.length))),
  );
  const rule = `+${widths.map((width) => '-'.repeat(width + 2)).join('+')}+\n`;
  const line = (texts: readonly string[], align: 'centre' | 'left'): string =>
    `|${texts.map((text, column) => ` ${align === 'left' ? text.padEnd(widths[column]!) : centred(text, widths[column]!)} `).join('|')}|\n`;
  let body = '';
  for (const row of cells) {
    const height = Math.max(1, ...row.map((lines) => lines.length));
    for (let at = 0; at < height; at++) {
      body += line(
        widths.map((_, column) => row[column]?.[at] ?? ''),
        options.align ?? 'centre',
      );
    }
  }
  return rule + line(headings, 'centre') + rule + body + rule;
}

/** Of an odd gap the extra blank goes to the left of texts of even length, to the right of others. */
function centred(text: string, width: number): string {
  const gap = width - text.length;
  const left = Math.floor(gap / 2) + (gap % 2 === 1 && text.length % 2 === 0 ? 1 : 0);
  return ' '.repeat(left) + text + ' '.repeat(gap - left);
}
