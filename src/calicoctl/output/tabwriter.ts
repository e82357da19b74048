/**
 * Plain tables as Go's text/tabwriter(5, 1, 3, ' ') lays them out: every cell ends with a tab, the last one too, so
 * lines keep trailing blanks.
 */
export function plainTable(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 5, [...cell].length + 3);
    });
  }
  return rows
    .map(
      (row) =>
        `${row.map((cell, column) => cell + ' '.repeat(widths[column]! - [...cell].length)).join('')}\n`,
    )
    .join('');
}
