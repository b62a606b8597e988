/**
 * Runs every entry once per round, so that whatever else the machine does hits all alike. The order rotates. A round more than asked
 * for comes first, to warm up, and is dropped.
 *
 * @template {{ name: string }} Entry
 * @param {number} count
 * @param {Entry[]} entries
 * @param {(entry: Entry, round: number) => Promise<object>} take
 * @returns {Promise<Map<string, any>[]>} per round the samples by name
 */
export async function inRounds(count, entries, take) {
  const rounds = [];
  for (let round = 0; round <= count; round++) {
    const samples = new Map();
    const start = round % entries.length;
    for (const entry of [...entries.slice(start), ...entries.slice(0, start)]) {
      samples.set(entry.name, await take(entry, round));
    }
    if (round > 0) rounds.push(samples);
  }
  return rounds;
}

/** The median over the rounds of what `figure` reads from the samples of a round; undefined where it reads nothing. */
export function medianOver(rounds, figure) {
  return median(rounds.map(figure).filter((value) => Number.isFinite(value)));
}

export function median(values) {
  if (values.length === 0) return undefined;
  const sorted = values.toSorted((one, other) => one - other);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
