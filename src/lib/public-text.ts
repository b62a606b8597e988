const MAX_LENGTH = 200;

/**
 * Control characters, which can rewrite a terminal; invisible characters and those that reverse the direction
 * of text; halves of surrogate pairs; separators of lines and paragraphs.
 */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/gu;
/** Anything that could be meant as a URL. */
const URL_LIKE = /^\s*(?:https?:|(?:[a-z][a-z0-9+.-]*:)?[\\/]{2})/i;
/** A host name without a scheme: `auth.example.com/realms/shop`, `localhost:4400`. */
const HOST_LIKE = new RegExp(
  /^(?:localhost|(?:[a-z0-9-]{1,40}\.){1,8}[a-z]{2,24}|\d{1,3}(?:\.\d{1,3}){3})/.source +
    /(?::\d{1,5})?(?:\/[\w./~-]{0,100})?$/.source,
);
/** Where the password of a URL ends, even if the at sign is encoded. */
const AT_SIGN = /@|%40/;

/**
 * Makes foreign text safe for a terminal and a log: special characters are escaped, `\u001b`. JSON with such
 * characters in its strings stays the same JSON.
 */
export function printable(text: string): string {
  // A character outside the basic plane becomes two escapes, as in JSON.
  const escapeUnit = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return text.replace(UNPRINTABLE, (character) => character.split('').map(escapeUnit).join(''));
}

/** A public identifier for a message: in quotation marks, on one line, cut after 200 characters. */
export function quote(identifier: string): string {
  const text = printable(JSON.stringify(withoutCredentials(identifier)));
  return text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…"` : text;
}

/** A URL for a message, or undefined if the value might be something else, such as a misplaced secret. */
export function quoteUrl(value: unknown): string | undefined {
  return typeof value === 'string' && (URL_LIKE.test(value) || HOST_LIKE.test(value))
    ? quote(value)
    : undefined;
}

/** Whether a text is a host name that lacks its scheme. */
export function isHostLike(text: string): boolean {
  return HOST_LIKE.test(text);
}

/**
 * A URL without the parts that may be secret: user name and password, query and fragment.
 *
 * `https://user:secret@a.example/x?token=y` → `https://[…]@a.example/x?[…]`
 */
export function withoutCredentials(url: string): string {
  const end = url.search(/[?#]/);
  const [place, rest] = end === -1 ? [url, ''] : [url.slice(0, end), url.slice(end)];
  const hidden = rest.length > 1 ? `${rest.slice(0, 1)}[…]` : rest;
  const scheme = /^\s*(?:[a-z][a-z0-9+.-]*:)?[\\/]*/i.exec(place)?.[0] ?? '';
  // A password may contain a question mark, so the at sign comes after it.
  if (AT_SIGN.test(rest)) return `${scheme}[…]`;
  const [authority = '', ...path] = place.slice(scheme.length).split(/(?=[\\/])/);
  const host = authority.split(AT_SIGN).at(-1) ?? '';
  const isPath = !AT_SIGN.test(path.join('')) || HOST_LIKE.test(host);
  if (AT_SIGN.test(authority) && isPath) return `${scheme}[…]@${host}${path.join('')}${hidden}`;
  // An at sign in a path, or after a password that contains a slash.
  const isHost = isPath && !(AT_SIGN.test(place) && place.slice(scheme.length).includes(':'));
  return isHost ? `${place}${hidden}` : `${scheme}[…]@${place.split(AT_SIGN).at(-1)}${hidden}`;
}

/**
 * How messages describe a value: a URL without credentials as it is, `"https://a.example"`; of anything else
 * only the type, since it could be a misplaced secret.
 */
export function describeGiven(value: unknown): string {
  if (!Array.isArray(value) || value.length === 0) return quoteUrl(value) ?? typeName(value);
  return `a list with ${[...new Set(Array.from(value, describeGiven))].join(', ')}`;
}

/** The type of a value in words, never the value. */
export function typeName(value: unknown): string {
  if (value === null) return 'null';
  if (value === '') return 'an empty string';
  if (!Array.isArray(value)) return describeKind(value) ?? typeof value;
  return value.length === 0 ? 'an empty list' : `a list with ${[...new Set(value.map(typeName))].join(', ')}`;
}

/** Objects that are given by mistake. By their tag, which is the same in every realm. */
const KINDS: ReadonlyMap<string, string> = new Map([
  ['[object Promise]', 'a promise: await it'],
  ['[object RegExp]', 'a regular expression'],
  ['[object URL]', 'a URL object, not its text'],
]);

/** Which of these objects it is; undefined for anything else. */
export function describeKind(value: unknown): string | undefined {
  return KINDS.get(Object.prototype.toString.call(value));
}
