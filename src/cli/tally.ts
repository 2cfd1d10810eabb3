/** Different keys that are counted one by one; what comes after them is counted together. */
const MAX_KEYS = 100_000;
const OTHERS = '(others)';

/** How often a key came. */
export interface Count {
  readonly key: string;
  readonly count: number;
  /** The same by steps of time. */
  readonly over: readonly number[];
}

/** Counts how often each key comes, in each step of time. */
export class Tally {
  readonly #steps: number;
  readonly #counts = new Map<string, Uint32Array>();

  /** @param steps of time. Default: one, for what is counted as a whole */
  constructor(steps = 1) {
    this.#steps = steps;
  }

  get size(): number {
    return this.#counts.size;
  }

  add(key: string, step = 0): void {
    const known = this.#counts.get(key);
    if (known !== undefined) known[step]! += 1;
    else if (this.#counts.size < MAX_KEYS || key === OTHERS) {
      const counts = new Uint32Array(this.#steps);
      counts[step] = 1;
      this.#counts.set(key, counts);
    } else this.add(OTHERS, step);
  }

  /** From the most frequent on, those of one count by name. Not an object: a key may be `__proto__`. */
  top(most = Number.POSITIVE_INFINITY): Count[] {
    return [...this.#counts]
      .map(([key, over]) => ({ key, over, count: over.reduce((sum, n) => sum + n, 0) }))
      .sort((a, b) => b.count - a.count || (a.key < b.key ? -1 : 1))
      .slice(0, most)
      .map((one) => ({ ...one, over: [...one.over] }));
  }
}
