import type { Clock } from '../clock.js';
import { type Backoff, backoffMs } from './backoff.js';

/** What every wait of a lane goes by. */
export interface Pacing {
  readonly backoff: Backoff;
  readonly clock: Clock;
  /** Numbers from 0 inclusive to 1 exclusive. */
  readonly random: () => number;
}

/** What a wait is at least, in milliseconds. */
export interface LeastWait {
  /** For our own reasons. */
  readonly pauseMs?: number;
  /** Because the far side asked for it; left out where it was not asked. */
  readonly askedMs?: number;
}

const AT_ONCE = Number.NEGATIVE_INFINITY;

/** When something that may fail is tried next: the more failures in a row, the later. */
export class RetryTime {
  readonly #pacing: Pacing;
  #failures = 0;
  #at = AT_ONCE;
  /** The part of `#at` that the far side asked for. */
  #askedAt = AT_ONCE;

  constructor(pacing: Pacing) {
    this.#pacing = pacing;
  }

  /** Not before this moment, in the clock's monotonic time. */
  get at(): number {
    return this.#at;
  }

  get isFailing(): boolean {
    return this.#failures > 0;
  }

  /** It failed once more. */
  fail({ pauseMs = 0, askedMs }: LeastWait = {}): void {
    const { backoff, clock, random } = this.#pacing;
    const now = clock.monotonic();
    this.#failures += 1;
    if (askedMs !== undefined) this.ask(askedMs);
    const waitMs = Math.max(backoffMs(this.#failures, backoff, random), pauseMs);
    this.#at = Math.max(now + waitMs, this.#askedAt);
  }

  /** The far side asked for a wait. */
  ask(ms: number): void {
    this.#askedAt = this.#pacing.clock.monotonic() + ms;
    this.#at = Math.max(this.#at, this.#askedAt);
  }

  /** It works: the next failure is the first one. A wait under way stays. */
  succeed(): void {
    this.#failures = 0;
  }

  /** Whatever is tried next is something else, for which there is nothing to wait. */
  renew(): void {
    this.#failures = 0;
    this.#at = this.#pacing.clock.monotonic();
  }

  notBefore(at: number): void {
    this.#at = Math.max(this.#at, at);
  }

  notAfter(at: number): void {
    this.#at = Math.min(this.#at, at);
  }

  /** Ends the wait under way, but for what the far side asked for. */
  hurry(): void {
    this.#at = Math.min(this.#at, this.#askedAt);
  }

  /** The same wait for something that has failed so often by itself. */
  fork(failures: number): RetryTime {
    const fork = new RetryTime(this.#pacing);
    fork.#failures = failures;
    fork.#at = this.#at;
    fork.#askedAt = this.#askedAt;
    return fork;
  }
}
