interface Waiter {
  readonly upTo: number;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

/** Promises that a number will be reached. */
export class Milestones {
  /** Ascending. */
  readonly #waiters: Waiter[] = [];

  /** @throws the signal's reason once that is aborted */
  wait(upTo: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const leave = () => {
        const at = this.#waiters.indexOf(waiter);
        if (at >= 0) this.#waiters.splice(at, 1);
        reject(signal?.reason);
      };
      const stay = () => signal?.removeEventListener('abort', leave);
      const waiter: Waiter = {
        upTo,
        resolve: () => {
          stay();
          resolve();
        },
        reject: (reason) => {
          stay();
          reject(reason);
        },
      };
      signal?.addEventListener('abort', leave, { once: true });
      // Later callers mostly wait for later records: the place is near the end.
      let at = this.#waiters.length;
      while (at > 0 && this.#waiters[at - 1]!.upTo > upTo) at -= 1;
      this.#waiters.splice(at, 0, waiter);
    });
  }

  reach(value: number): void {
    let reached = 0;
    while (reached < this.#waiters.length && this.#waiters[reached]!.upTo <= value) reached += 1;
    if (reached === 0) return;
    for (const waiter of this.#waiters.splice(0, reached)) waiter.resolve();
  }

  /** None of the others will be reached any more. */
  fail(reason: unknown): void {
    for (const waiter of this.#waiters.splice(0)) waiter.reject(reason);
  }
}
