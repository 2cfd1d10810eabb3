/** Exponential backoff. */
export interface Backoff {
  /** The first wait's bound. */
  readonly initialMs: number;
  /** Every wait's bound. */
  readonly maxMs: number;
  readonly factor: number;
}

/** The longest wait that a far side may ask for. */
const MAX_RETRY_AFTER_MS = 60 * 60 * 1000;

/** A wait of nothing would keep the event loop from turning. */
const LEAST_MS = 1;

/**
 * How long to wait after this many failures in a row, with full jitter: anything from next to nothing
 * to the bound, so that many writers do not come back at the same moment.
 *
 * @see https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export function backoffMs(failures: number, backoff: Backoff, random: () => number): number {
  const { initialMs, maxMs, factor } = backoff;
  const boundMs = Math.min(maxMs, initialMs * factor ** Math.max(0, failures - 1));
  return Math.max(LEAST_MS, boundMs * share(random));
}

/** At least as long as the far side asks for, up to an hour. What is no time counts as not asked. */
export function askedMs(retryAfterMs: unknown): number {
  return typeof retryAfterMs === 'number' && retryAfterMs > 0
    ? Math.min(retryAfterMs, MAX_RETRY_AFTER_MS)
    : 0;
}

/** `random` is the user's: what is no share of one must not become a wait of NaN, that is of none. */
function share(random: () => number): number {
  try {
    const value = random();
    if (value >= 0 && value <= 1) return value;
  } catch {
    // Without chance the longest wait is the safe one.
  }
  return 1;
}
