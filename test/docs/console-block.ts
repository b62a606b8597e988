import type { CodeBlock } from './markdown.js';

/** A command of a transcript and what it prints. */
export interface Exchange {
  /** Behind `$ `, lines that are continued with a backslash joined. */
  readonly command: string;
  readonly output: readonly string[];
}

/** The commands of a ```console block, in order, each with the lines behind it. */
export function exchangesOf({ page, line, code }: CodeBlock): readonly Exchange[] {
  const exchanges: { command: string; output: string[] }[] = [];
  let isContinued = false;
  for (const text of code.trimEnd().split('\n')) {
    const last = exchanges.at(-1);
    if (isContinued && last !== undefined) last.command += ` ${text.trim()}`;
    else if (text.startsWith('$ ')) exchanges.push({ command: text.slice(2), output: [] });
    else if (last === undefined) throw new Error(`${page.path}:${line} begins without a command`);
    else last.output.push(text);
    const current = exchanges.at(-1);
    isContinued = current !== undefined && current.output.length === 0 && current.command.endsWith('\\');
    if (isContinued && current !== undefined) current.command = current.command.slice(0, -1).trimEnd();
  }
  return exchanges;
}

/**
 * Whether a transcript shows this output: `…` in a line stands for any text in it, a line of `…` alone for
 * any lines.
 */
export function shows(expected: readonly string[], actual: readonly string[]): boolean {
  const pattern = trimmed(expected).map((line) => {
    if (line.trim() === '…') return '(?:.*\n)*?';
    return `${line.trimEnd().split('…').map(escapeRegExp).join('.*')} *\n`;
  });
  return new RegExp(`^${pattern.join('')}$`).test(
    trimmed(actual)
      .map((line) => `${line}\n`)
      .join(''),
  );
}

/** Without empty lines at the end. */
function trimmed(lines: readonly string[]): readonly string[] {
  return lines.slice(0, lines.findLastIndex((line) => line.trim() !== '') + 1);
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
