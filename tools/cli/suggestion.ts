const MAX_DISTANCE = 2;
/** What is longer than that is no slip of the fingers. */
const MAX_LENGTH = 40;

/** The candidate that was probably meant by a misspelt word, or undefined when none is close. */
export function closestTo(word: string, candidates: readonly string[]): string | undefined {
  if (word.length < 2 || word.length > MAX_LENGTH) return undefined;
  const beginning = candidates.find((candidate) => candidate.startsWith(word));
  if (beginning !== undefined) return beginning;
  const [best] = candidates
    .map((candidate) => ({ candidate, distance: editDistance(word, candidate) }))
    .sort((one, other) => one.distance - other.distance);
  return best !== undefined && best.distance <= MAX_DISTANCE ? best.candidate : undefined;
}

/** How many characters have to be put in, taken out or replaced to make one word of the other (Levenshtein). */
function editDistance(one: string, other: string): number {
  let previous = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (const [row, character] of [...one].entries()) {
    const current = [row + 1];
    for (let column = 0; column < other.length; column += 1) {
      const replaced = (previous[column] ?? 0) + (character === other[column] ? 0 : 1);
      const shorter = Math.min(previous[column + 1] ?? 0, current[column] ?? 0) + 1;
      current.push(Math.min(replaced, shorter));
    }
    previous = current;
  }
  return previous.at(-1) ?? 0;
}
