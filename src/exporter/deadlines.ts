import type { Clock, Timer } from '../clock.js';

/** Somebody who will not wait for ever. */
export interface Deadline {
  readonly at: number;
  /** Undefined once it is over or was cancelled. */
  expire: (() => void) | undefined;
}

/**
 * Deadlines of one length, so that they come in the order in which they were set: one timer serves all
 * of them, where a timer each would cost as much as the rest of a send.
 */
export class Deadlines {
  readonly #clock: Clock;
  readonly #ms: number;
  #queue: Deadline[] = [];
  #head = 0;
  #timer: Timer | undefined;

  constructor(clock: Clock, ms: number) {
    this.#clock = clock;
    this.#ms = ms;
  }

  add(expire: () => void): Deadline {
    const deadline: Deadline = { at: this.#clock.monotonic() + this.#ms, expire };
    this.#queue.push(deadline);
    this.#timer ??= this.#clock.schedule(this.#fire, this.#ms);
    return deadline;
  }

  cancel(deadline: Deadline): void {
    deadline.expire = undefined;
    while (this.#head < this.#queue.length && this.#queue[this.#head]!.expire === undefined) {
      this.#head += 1;
    }
    if (this.#head === this.#queue.length) {
      this.#queue = [];
      this.#head = 0;
    } else if (this.#head > 4096 && this.#head * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
  }

  readonly #fire = (): void => {
    this.#timer = undefined;
    const now = this.#clock.monotonic();
    for (;;) {
      const deadline = this.#queue[this.#head];
      if (deadline === undefined) return;
      if (deadline.expire !== undefined && deadline.at > now) {
        this.#timer = this.#clock.schedule(this.#fire, deadline.at - now);
        return;
      }
      const { expire } = deadline;
      this.cancel(deadline);
      expire?.();
    }
  };
}
