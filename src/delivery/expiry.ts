/** How much longer than its deadline an attempt may take before it is given up without a ledger. */
const HEED_MS = 1000;

/** What it goes by. */
export interface ExpiryOptions {
  readonly hasLedger: boolean;
  /** How long events may fail without a ledger. */
  readonly maxElapsedMs: number;
  /** Deadline of one attempt. */
  readonly timeoutMs: number;
}

/**
 * When events that keep failing are given up. With a ledger that is never: a lane can wait as long as it
 * takes. Without one memory would fill behind a sink that is down or hangs.
 *
 * All moments are in the clock's monotonic time.
 */
export class Expiry {
  readonly #maxElapsedMs: number;
  readonly #hungAfterMs: number;

  constructor({ hasLedger, maxElapsedMs, timeoutMs }: ExpiryOptions) {
    this.#maxElapsedMs = hasLedger ? Number.POSITIVE_INFINITY : maxElapsedMs;
    this.#hungAfterMs = hasLedger ? Number.POSITIVE_INFINITY : timeoutMs + HEED_MS;
  }

  /** When events that failed first at that moment, if ever, are given up; they are tried once more then. */
  of(firstFailedAt: number | undefined): number {
    return (firstFailedAt ?? Number.POSITIVE_INFINITY) + this.#maxElapsedMs;
  }

  /** How long an attempt that begins now may take, its sink's silence included. */
  hungAfterMs(firstFailedAt: number | undefined, now: number): number {
    return Math.max(this.of(firstFailedAt ?? now) - now, this.#hungAfterMs);
  }
}
