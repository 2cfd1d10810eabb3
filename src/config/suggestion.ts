/** The word that somebody most likely meant, or undefined where none is near. */
export function nearest(given: string, words: readonly string[]): string | undefined {
  const folded = fold(given.slice(0, MAX_LENGTH));
  let best: string | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const word of words) {
    const distance = distanceOf(folded, fold(word));
    if (distance < least) {
      least = distance;
      best = word;
    }
  }
  // A third of the word, so that short words do not stand for each other, and never more than three.
  return least <= Math.max(1, Math.min(3, Math.floor(folded.length / 3))) ? best : undefined;
}

const MAX_LENGTH = 64;

/** `max_batch`, `max-batch` and `maxBatch` are one word. */
const fold = (word: string): string => word.toLowerCase().replace(/[_-]/g, '');

/**
 * How many letters to insert, remove, replace or swap with their neighbour.
 *
 * @see https://en.wikipedia.org/wiki/Damerau%E2%80%93Levenshtein_distance, optimal string alignment
 */
function distanceOf(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const same = a[row - 1] === b[column - 1];
      let cost = Math.min(
        last[column]! + 1,
        current[column - 1]! + 1,
        last[column - 1]! + (same ? 0 : 1),
      );
      const swapped = a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (row > 1 && column > 1 && swapped) cost = Math.min(cost, beforeLast[column - 2]! + 1);
      current.push(cost);
    }
    beforeLast = last;
    last = current;
  }
  return last[b.length]!;
}
