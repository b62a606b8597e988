const MAX_LENGTH = 200;

/**
 * Control characters, which can rewrite a terminal, characters that nobody sees or that turn the direction of text, halves of surrogate pairs, and the
 * separators of lines and paragraphs.
 */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/gu;

/** Text from elsewhere that a terminal shows as it is: what is not printable is escaped, `\u001b`. Leaves JSON the same JSON where its strings have such characters. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, escapeCharacter);
}

/** A value from a token or a document as JSON, printable and shortened. What JSON cannot write, such as Infinity, as JavaScript does. */
export function show(value: unknown): string {
  if (value === undefined) return 'none';
  const text = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value));
  return showText(text);
}

/** Text from elsewhere without quotation marks, printable and shortened. */
export function showText(text: string): string {
  const shown = printable(text);
  return shown.length > MAX_LENGTH ? `${shown.slice(0, MAX_LENGTH)}…` : shown;
}

/** `["a", "b"]` → `"a", "b"`; an empty list → `none`. */
export function showList(values: readonly unknown[]): string {
  return values.length === 0 ? 'none' : values.map(show).join(', ');
}

/** JSON for a program to read, on several lines, in printable characters. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, null, 2).split('\n').map(printable).join('\n');
}

/** A character outside of the basic plane becomes two escapes, as JSON writes it. */
function escapeCharacter(character: string): string {
  let escaped = '';
  for (let index = 0; index < character.length; index += 1) {
    escaped += `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`;
  }
  return escaped;
}
