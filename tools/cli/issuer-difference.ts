/**
 * How an identifier differs from the expected one, for the differences that are mistakes rather than another party: they are compared character by character
 * (RFC 8414 §3.3, RFC 9068 §4).
 *
 * @returns a clause such as `they differ only by a trailing slash`, or undefined where they differ otherwise
 */
export function describeDifference(one: string, other: string): string | undefined {
  if (one === `${other}/` || other === `${one}/`) return 'they differ only by a trailing slash';
  if (one.trim() === other.trim()) return 'they differ only by spaces around them';
  if (one.toLowerCase() === other.toLowerCase()) return 'they differ only by upper and lower case';
  if (withoutScheme(one) === withoutScheme(other)) return 'they differ only by http and https';
  if (URL.canParse(one) && URL.canParse(other)) {
    const [first, second] = [new URL(one), new URL(other)];
    if (first.href === second.href) return 'they are two spellings of one URL, and have to be spelt alike';
    if (first.origin === second.origin) return 'they are on the same host and differ by the path';
    if (first.hostname === second.hostname) return 'they are on the same host and differ by the port';
  }
  return undefined;
}

function withoutScheme(identifier: string): string {
  return identifier.replace(/^https?:/i, '');
}
