import type { Clock } from '../../src/clock.js';

/** A clock that a test moves by hand. */
export interface FakeClock extends Clock {
  advance(ms: number): void;
  /** Timers that are set and neither ran nor were cancelled. */
  readonly waiting: number;
}

export function fakeClock(start = Date.UTC(2026, 0, 31, 12)): FakeClock {
  let elapsed = 0;
  const timers = new Set<{ at: number; callback: () => void }>();
  return {
    now: () => start + elapsed,
    monotonic: () => elapsed,
    schedule(callback, ms) {
      const timer = { at: elapsed + ms, callback };
      timers.add(timer);
      return { cancel: () => void timers.delete(timer) };
    },
    advance(ms) {
      elapsed += ms;
      for (const timer of [...timers].sort((a, b) => a.at - b.at)) {
        if (timer.at > elapsed || !timers.delete(timer)) continue;
        timer.callback();
      }
    },
    get waiting() {
      return timers.size;
    },
  };
}
