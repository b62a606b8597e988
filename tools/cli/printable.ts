import { printable } from '../core.js';

export { printable };

const MAX_LENGTH = 200;
/** Far deeper than anyone reads. */
const MAX_DEPTH = 32;

/**
 * A value from a token or document as JSON, printable and shortened. What JSON can't express, such as
 * Infinity, is written as in JavaScript.
 */
export function show(value: unknown): string {
  if (value === undefined) return 'none';
  const text = typeof value === 'number' ? String(value) : (JSON.stringify(cutOff(value)) ?? String(value));
  return showText(text);
}

/** Foreign text without quotation marks, printable and shortened. */
export function showText(text: string): string {
  const shown = printable(text);
  return shown.length > MAX_LENGTH ? `${shown.slice(0, MAX_LENGTH)}…` : shown;
}

/** Foreign text as a TypeScript string, printable and shortened. */
export function quote(text: string): string {
  return `'${showText(text.replace(/['\\]/g, '\\$&'))}'`;
}

/** `["a", "b"]` → `"a", "b"`; an empty list → `none`. */
export function showList(values: readonly unknown[]): string {
  return values.length === 0 ? 'none' : values.map(show).join(', ');
}

/** JSON for programs, on several lines, in printable characters. */
export function toJson(value: unknown): string {
  return JSON.stringify(cutOff(value), null, 2).split('\n').map(printable).join('\n');
}

/**
 * A value without its deepest levels, which become `…`. JSON.parse can read what nests deeper than the stack,
 * but JSON.stringify would crash on it.
 */
function cutOff(value: unknown, levels: number = MAX_DEPTH): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (levels === 0) return '…';
  if (Array.isArray(value)) return value.map((element) => cutOff(element, levels - 1));
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, cutOff(member, levels - 1)]),
  );
}
