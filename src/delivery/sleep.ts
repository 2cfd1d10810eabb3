import type { Clock, Timer } from '../clock.js';
import { MAX_TIMER_MS } from './options.js';

/** The sleep of a lane that has nothing to do. */
export class Sleep {
  readonly #clock: Clock;
  #wake: (() => void) | undefined;
  #isHungry = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Resolves at that moment, in the clock's monotonic time, or when it is woken.
   *
   * @param isHungry whether news of further records wakes it
   */
  until(at: number, isHungry: boolean): Promise<void> {
    this.#isHungry = isHungry;
    return new Promise((resolve) => {
      let timer: Timer | undefined;
      const wake = () => {
        timer?.cancel();
        this.#wake = undefined;
        resolve();
      };
      this.#wake = wake;
      if (at === Number.POSITIVE_INFINITY) return;
      const ms = Math.max(0, Math.ceil(at - this.#clock.monotonic()));
      timer = this.#clock.schedule(wake, Math.min(ms, MAX_TIMER_MS));
    });
  }

  /** There are more records, or somebody waits for some. */
  feed(): void {
    if (this.#isHungry) this.#wake?.();
  }

  wake(): void {
    this.#wake?.();
  }
}
