/**
 * @typedef {{ title: string, note?: string, head: string[], rows: string[][] }} Table The first column is text, the others figures.
 */

/** For a terminal. @param {Table} table */
export function toText({ title, note, head, rows }) {
  const widths = widthsOf([head, ...rows]);
  const line = (cells) =>
    cells
      .map((cell, column) => pad(cell, widths[column], column))
      .join('  ')
      .trimEnd();
  const rule = widths.map((width) => '─'.repeat(width)).join('──');
  return ['', title, ...(note ? [note] : []), rule, line(head), rule, ...rows.map(line), ''].join('\n');
}

/** For a page. @param {Table} table */
export function toMarkdown({ title, note, head, rows }) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  const rule = head.map((_, column) => (column === 0 ? '---' : '---:'));
  return [`**${title}**`, ...(note ? [note] : []), [head, rule, ...rows].map(line).join('\n')].join('\n\n');
}

function widthsOf(lines) {
  return lines[0].map((_, column) => Math.max(...lines.map((cells) => cells[column].length)));
}

function pad(cell, width, column) {
  return column === 0 ? cell.padEnd(width) : cell.padStart(width);
}

const NONE = '–';

export function ratio(value) {
  return Number.isFinite(value) ? value.toFixed(2) : NONE;
}

export function micros(value) {
  if (!Number.isFinite(value)) return NONE;
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} µs`;
}

export function count(value) {
  return Number.isFinite(value) ? Math.round(value).toLocaleString('en') : NONE;
}

export function megabytes(bytes) {
  return Number.isFinite(bytes) ? `${(bytes / 2 ** 20).toFixed(2)} MB` : NONE;
}
