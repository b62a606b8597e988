/** Longer words aren't typos. */
const MAX_LENGTH = 40;
const MAX_DISTANCE = 3;
/** How long a word must be to match the end of another one: `secret` for `clientSecret`. */
const MIN_END_LENGTH = 5;
/** How long a word must be to match the beginning of another one. */
const MIN_BEGINNING_LENGTH = 3;

/**
 * The word that a misspelled one was probably meant to be: one that differs only in case and punctuation, the
 * only one that begins or ends the same way, or the nearest one if at most every third letter differs.
 *
 * @returns undefined if none is near, or several are: no suggestion is better than a wrong one
 */
export function closestTo<T extends string>(word: string, candidates: readonly T[]): T | undefined {
  if (word.length < 2 || word.length > MAX_LENGTH) return undefined;
  const meant = letters(word);
  const spelled = candidates.map((candidate) => ({ candidate, text: letters(candidate) }));
  const only = (matches: typeof spelled) => (matches.length === 1 ? matches[0]?.candidate : undefined);
  const same = spelled.find(({ text }) => text === meant);
  if (same !== undefined) return same.candidate;
  // `HS256` isn't a misspelled `RS256`: names with digits are codes.
  if (/\d/.test(meant)) return undefined;
  const beginning =
    meant.length < MIN_BEGINNING_LENGTH ? [] : spelled.filter(({ text }) => text.startsWith(meant));
  const end = meant.length < MIN_END_LENGTH ? [] : spelled.filter(({ text }) => text.endsWith(meant));
  const distances = spelled.map(({ text }) => editDistance(meant, text));
  const least = Math.min(...distances);
  const near = spelled.filter(
    ({ text }, index) =>
      distances[index] === least && least <= Math.min(MAX_DISTANCE, Math.max(text.length, meant.length) / 3),
  );
  return beginning.length > 0 ? only(beginning) : (only(near) ?? only(end));
}

/** Ignores case and punctuation: `client_id`, `clientID` and `client-id` are one word. */
function letters(word: string): string {
  return word.toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, '');
}

/**
 * How many characters must be inserted, removed, replaced or swapped with their neighbor to turn one word
 * into the other (Damerau and Levenshtein).
 */
function editDistance(one: string, other: string): number {
  let beforePrevious: readonly number[] = [];
  let previous: readonly number[] = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let row = 1; row <= one.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= other.length; column += 1) {
      const isEqual = one[row - 1] === other[column - 1];
      const isSwapped = one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1];
      const replaced = (previous[column - 1] ?? 0) + (isEqual ? 0 : 1);
      const swapped = isSwapped ? (beforePrevious[column - 2] ?? row) + 1 : replaced;
      const shorter = Math.min(previous[column] ?? 0, current[column - 1] ?? 0) + 1;
      current.push(Math.min(replaced, swapped, shorter));
    }
    beforePrevious = previous;
    previous = current;
  }
  return previous.at(-1) ?? 0;
}
