import type { Clock, Timer } from '../clock.js';

/** How often old segments, and slots whose writers are gone, are looked for. */
const INTERVAL_MS = 10_000;

/** Does now and then what nobody waits for. */
export class Housekeeping {
  readonly #clock: Clock;
  readonly #chores: readonly (() => void)[];
  #timer: Timer | undefined;

  /** @param chores none may throw */
  constructor(clock: Clock, chores: readonly (() => void)[]) {
    this.#clock = clock;
    this.#chores = chores;
  }

  /** Begins with the first round. */
  start(): void {
    this.#timer = this.#clock.schedule(() => this.start(), INTERVAL_MS);
    for (const chore of this.#chores) chore();
  }

  stop(): void {
    this.#timer?.cancel();
  }
}
