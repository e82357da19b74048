/** Tables in the layout of upstream's library: headings centred, cells to the left and wrapped at 30 columns. */

const limit = 30;

/** Formats rows below a heading. */
export function formatTable(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) => row.map(wrap));
  const widths = heading.map((text, column) =>
    Math.max(
      text.length,
      // A wrapped cell is as wide as the limit, even when its lines are shorter.
      ...rows.map((row) => Math.min(limit, row[column]!.length)),
      ...cells.flatMap((row) => row[column]!.map((line) => line.length)),
    ),
  );
  const rule = `+${widths.map((width) => '-'.repeat(width + 2)).join('+')}+\n`;
  const line = (texts: readonly string[]) => `| ${texts.join(' | ')} |\n`;
  const body = cells.map((row) => {
    const height = Math.max(...row.map((lines) => lines.length));
    return Array.from({ length: height }, (_, index) =>
      line(row.map((lines, column) => (lines[index] ?? '').padEnd(widths[column]!))),
    ).join('');
  });
  return `${rule}${line(heading.map((text, column) => centre(text, widths[column]!)))}${rule}${body.join('')}${rule}`;
}

function centre(text: string, width: number): string {
  const left = Math.floor((width - text.length) / 2);
  return ' '.repeat(left) + text.padEnd(width - left);
}

/** Lines of least raggedness: the sum of squared gaps is smallest, the last line's gap is free. */
function wrap(text: string): readonly string[] {
  const words = text.split(/\s+/).filter(Boolean);
  if (words.length === 0) return [''];
  const width = Math.max(limit, ...words.map((word) => word.length));
  const count = words.length;
  const cost = new Array<number>(count).fill(Number.POSITIVE_INFINITY);
  const next = new Array<number>(count).fill(count);
  const lengthOf = (from: number, to: number) => words.slice(from, to).join(' ').length;
  for (let from = count - 1; from >= 0; from--) {
    if (lengthOf(from, count) <= width) {
      cost[from] = 0;
      continue;
    }
    for (let to = from + 1; to < count; to++) {
      const gap = width - lengthOf(from, to);
      const total = gap < 0 ? Number.POSITIVE_INFINITY : gap * gap + cost[to]!;
      if (total < cost[from]!) {
        cost[from] = total;
        next[from] = to;
      }
    }
  }
  const lines: string[] = [];
  for (let from = 0; from < count; from = next[from]!) lines.push(words.slice(from, next[from]).join(' '));
  return lines;
}
