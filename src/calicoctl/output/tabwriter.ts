/**
 * Plain tables as Go's text/tabwriter(5, 1, 3, ' ') lays them out: every cell ends with a tab, the last one too, so
 * lines keep trailing blanks.
 */
export function plainTable(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (let column = 0; column < row.length; column++) {
      const width = runes(row[column]!) + 3;
      if (width > (widths[column] ?? 5)) widths[column] = width;
      else widths[column] ??= 5;
    }
  }
  const blanks = ' '.repeat(Math.max(0, ...widths));
  let text = '';
  for (const row of rows) {
    for (let column = 0; column < row.length; column++) {
      const cell = row[column]!;
      text += cell;
      text += blanks.slice(0, widths[column]! - runes(cell));
    }
    text += '\n';
  }
  return text;
}

/** Number of runes; for all but a few cells that is the length. */
function runes(cell: string): number {
  for (let at = 0; at < cell.length; at++) if (cell.charCodeAt(at) > 127) return [...cell].length;
  return cell.length;
}
