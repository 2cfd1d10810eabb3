// Measures contenders side by side: one round runs each of them once, in a new order, so that what
// disturbs the machine disturbs them all. Ratios are taken within a round; the median is the result.

/**
 * @param {Record<string, () => number | Promise<number>>} contenders each does its work once and
 *   returns how long it took, in any unit common to all
 * @param {number} rounds
 * @returns {Promise<Record<string, number[]>>} per contender its time in every round
 */
export async function measure(contenders, rounds) {
  const names = Object.keys(contenders);
  for (const name of names) await contenders[name](); // warm up
  const times = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    const order = round % 2 === 0 ? names : [...names].reverse();
    for (const name of order) {
      globalThis.gc?.();
      times[name].push(await contenders[name]());
    }
  }
  return times;
}

/** The ratios `a / b` round by round. */
export function ratios(a, b) {
  return a.map((time, round) => time / b[round]);
}

/** Times `work(count)` and returns nanoseconds for each of `count`. */
export function nanosEach(count, work) {
  const start = process.hrtime.bigint();
  work(count);
  return Number(process.hrtime.bigint() - start) / count;
}

/** A goal on the median of some ratios. */
export class Goal {
  /**
   * @param {string} what
   * @param {number[]} values
   * @param {({ atMost: number } | { atLeast: number }) & { isOpen?: boolean }} bound open: never met so far,
   *   so a short run, which guards against getting worse, has nothing to guard
   * @param {string} unit
   */
  constructor(what, values, bound, unit = 'x') {
    this.what = what;
    this.sorted = [...values].sort((a, b) => a - b);
    this.bound = bound;
    this.isOpen = bound.isOpen === true;
    this.unit = unit;
  }

  get median() {
    return this.sorted[Math.floor(this.sorted.length / 2)];
  }

  /** How well the goal is met: 1 is just met, above is better. */
  get score() {
    return 'atMost' in this.bound
      ? this.bound.atMost / this.median
      : this.median / this.bound.atLeast;
  }

  toString() {
    const show = (n) => n.toFixed(n < 20 ? 2 : 0);
    const goal =
      'atMost' in this.bound ? `at most ${this.bound.atMost}` : `at least ${this.bound.atLeast}`;
    const spread =
      this.sorted.length > 1 ? ` (${show(this.sorted[0])} – ${show(this.sorted.at(-1))})` : '';
    return `${this.score >= 1 ? 'met ' : 'MISS'}  ${this.what}: ${show(this.median)} ${this.unit}${spread}, goal ${goal}`;
  }
}
