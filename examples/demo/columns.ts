/** Pads the cells of every line to the widest one of their column. */
export function alignColumns(lines: readonly (readonly string[])[]): readonly string[] {
  const widths: number[] = [];
  for (const cells of lines) {
    for (const [column, { length }] of cells.entries())
      widths[column] = Math.max(widths[column] ?? 0, length);
  }
  return lines.map((cells) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
