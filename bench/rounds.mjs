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

/**
 * Measures cells in several starts, each with processes of its own: one process of the same program may cost some per cent more than another.
 *
 * @template {{ name: string }} Entry
 * @param {{ starts: number, roundsPerStart: number }} size
 * @param {Cell[]} cells with `takes`, which says who has a part in it, unless all have
 * @param {(count: number) => Promise<{ entries: Entry[], stop: () => Promise<void> }>} start
 * @param {(entry: Entry, round: number, cell: Cell) => Promise<object>} take
 * @returns {Promise<{ cell: Cell, rounds: Map<string, any>[], entries: Entry[] }[]>} the rounds of all starts, and who was in all of them
 */
export async function inStarts({ starts, roundsPerStart }, cells, start, take) {
  const measured = cells.map((cell) => ({ cell, rounds: [], entries: [] }));
  for (let count = 1; count <= starts; count++) {
    const { entries, stop } = await start(count);
    try {
      for (const one of measured) {
        const { cell, rounds } = one;
        const taking = entries.filter((entry) => cell.takes?.(entry) ?? true);
        rounds.push(...(await inRounds(roundsPerStart, taking, (entry, round) => take(entry, round, cell))));
        one.entries = taking.filter(({ name }) => rounds.every((round) => round.has(name)));
      }
    } finally {
      await stop();
    }
  }
  return measured;
}

/** How many rounds a figure of {@link inStarts} is the median of. */
export function sizeOf({ starts, roundsPerStart }) {
  return { starts, rounds: starts * roundsPerStart };
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
