import type { Clock, Timer } from '../clock.js';

/** Somebody who will not wait for ever. */
export interface Impatient {
  expire(): void;
}

/** How long somebody waits. */
export interface Deadline {
  readonly at: number;
  /** Undefined once it is over or was cancelled. */
  who: Impatient | undefined;
}

/** Below this many cancelled deadlines there is nothing to gain. */
const COMPACT_AT = 1024;

/**
 * Deadlines of one length, so that they come in the order in which they were set: one timer serves all
 * of them, where a timer each would cost as much as the rest of a send.
 */
export class Deadlines {
  readonly #clock: Clock;
  readonly #ms: number;
  #queue: Deadline[] = [];
  /** How many in the queue were cancelled. */
  #cancelled = 0;
  #timer: Timer | undefined;

  constructor(clock: Clock, ms: number) {
    this.#clock = clock;
    this.#ms = ms;
  }

  add(who: Impatient): Deadline {
    const deadline: Deadline = { at: this.#clock.monotonic() + this.#ms, who };
    this.#queue.push(deadline);
    this.#timer ??= this.#clock.schedule(this.#fire, this.#ms);
    return deadline;
  }

  cancel(deadline: Deadline): void {
    if (deadline.who === undefined) return;
    deadline.who = undefined;
    this.#cancelled += 1;
    // The oldest may wait for a slow sink while thousands come and go behind it.
    if (this.#cancelled >= COMPACT_AT && this.#cancelled * 2 >= this.#queue.length) {
      this.#queue = this.#queue.filter(isPending);
      this.#cancelled = 0;
    }
  }

  readonly #fire = (): void => {
    this.#timer = undefined;
    const now = this.#clock.monotonic();
    const pending = this.#queue.filter(isPending);
    const due = pending.filter(({ at }) => at <= now);
    this.#queue = pending.slice(due.length);
    this.#cancelled = 0;
    const [next] = this.#queue;
    if (next !== undefined) this.#timer = this.#clock.schedule(this.#fire, next.at - now);
    for (const deadline of due) {
      const { who } = deadline;
      deadline.who = undefined;
      who?.expire();
    }
  };
}

function isPending({ who }: Deadline): boolean {
  return who !== undefined;
}
