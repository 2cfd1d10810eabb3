import type { Clock } from '../../src/clock.js';
import { fakeClock } from '../support/fake-clock.js';

/** A fake clock that stops at every timer, so that what it set off can set timers of its own. */
export interface Timeline extends Clock {
  /** Lets this much time pass; `idle` waits until nothing is left to run at a moment. */
  pass(ms: number, idle: () => Promise<void>): Promise<void>;
  readonly waiting: number;
}

export function timeline(): Timeline {
  const clock = fakeClock();
  const pending = new Set<{ readonly at: number }>();
  return {
    now: clock.now,
    monotonic: clock.monotonic,
    schedule(callback, ms) {
      const entry = { at: clock.monotonic() + ms };
      pending.add(entry);
      const timer = clock.schedule(() => {
        pending.delete(entry);
        callback();
      }, ms);
      return {
        cancel() {
          pending.delete(entry);
          timer.cancel();
        },
      };
    },
    async pass(ms, idle) {
      const end = clock.monotonic() + ms;
      await idle();
      for (;;) {
        const next = Math.min(end, ...[...pending].map(({ at }) => at));
        clock.advance(Math.max(0, next - clock.monotonic()));
        await idle();
        if (clock.monotonic() >= end && ![...pending].some(({ at }) => at <= end)) return;
      }
    },
    get waiting() {
      return clock.waiting;
    },
  };
}

/** Lets everything run that can, without time passing. */
export async function untilIdle(fingerprint: () => unknown): Promise<void> {
  for (let still = 0, before: unknown; still < 2; ) {
    await new Promise((resolve) => setImmediate(resolve));
    const now = JSON.stringify(fingerprint());
    still = now === before ? still + 1 : 0;
    before = now;
  }
}
