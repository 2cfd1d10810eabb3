import type { Clock } from './clock.js';

/** A quiet time of this length ends a burst. */
const QUIET_MS = 5000;
/** One that does not end is told of again. */
const REMIND_MS = 60_000;

/** Speaks once a burst, so that a flood of faults does not become a flood of log lines. */
export class Burst {
  readonly #clock: Clock;
  readonly #tell: (message: string) => void;
  #lastAt = Number.NEGATIVE_INFINITY;
  #toldAt = Number.NEGATIVE_INFINITY;
  #unsaid = 0;

  constructor(clock: Clock, tell: (message: string) => void) {
    this.#clock = clock;
    this.#tell = tell;
  }

  /** Tells the first message of a burst, with how many the last burst left unsaid. */
  add(message: string): void {
    const now = this.#clock.monotonic();
    if (now - this.#lastAt > QUIET_MS || now - this.#toldAt >= REMIND_MS) {
      this.#toldAt = now;
      const more = this.#unsaid === 0 ? '' : ` (and ${this.#unsaid} more like it before)`;
      this.#unsaid = 0;
      this.#tell(`${message}${more}`);
    } else {
      this.#unsaid += 1;
    }
    this.#lastAt = now;
  }
}
