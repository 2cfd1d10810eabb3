/** Time, as an option: a test hands in its own and lives an hour in a millisecond. */
export interface Clock {
  /** Milliseconds since the Unix epoch; may jump when the host's clock is set. */
  now(): number;
  /** Milliseconds that never run backwards, from an arbitrary zero; for deadlines and ages. */
  monotonic(): number;
  /** Calls back once after `ms` milliseconds. The timer must not keep the process alive. */
  schedule(callback: () => void, ms: number): Timer;
}

/** A scheduled call. */
export interface Timer {
  cancel(): void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  schedule(callback, ms) {
    const timer = setTimeout(callback, ms).unref();
    return { cancel: () => clearTimeout(timer) };
  },
};
