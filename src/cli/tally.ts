/** Different keys that are counted one by one; what comes after them is counted together. */
const MAX_KEYS = 100_000;
const OTHERS = '(others)';

/** Counts how often each key comes. */
export class Tally {
  readonly #counts = new Map<string, number>();

  get size(): number {
    return this.#counts.size;
  }

  add(key: string): void {
    const known = this.#counts.get(key);
    if (known !== undefined) this.#counts.set(key, known + 1);
    else if (this.#counts.size < MAX_KEYS) this.#counts.set(key, 1);
    else this.#counts.set(OTHERS, (this.#counts.get(OTHERS) ?? 0) + 1);
  }

  /** The most frequent, those of one count by name. */
  top(count: number): { readonly key: string; readonly count: number }[] {
    return [...this.#counts]
      .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
      .slice(0, count)
      .map(([key, n]) => ({ key, count: n }));
  }

  /** Pairs, not an object: a key may be `__proto__`. */
  toJson(): { readonly key: string; readonly count: number }[] {
    return this.top(this.#counts.size);
  }
}
