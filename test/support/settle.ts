import type { Clock } from '../../src/clock.js';
import { fakeClock } from './fake-clock.js';

/** Lets everything run that can without time passing, to the end of what the disk is asked for. */
export async function settle(): Promise<void> {
  for (let quiet = 0; quiet < 6; quiet = isDiskBusy() ? 0 : quiet + 1) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Whether some asynchronous call of `fs` is under way. */
const isDiskBusy = (): boolean =>
  process.getActiveResourcesInfo().some((resource) => resource.startsWith('FSReq'));

/** Lets things run until it is so, as for what another process does. The test's timeout bounds it. */
export async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
}

/** A fake clock that stops at every timer, so that what it set off can set timers of its own. */
export interface Timeline extends Clock {
  /** Lets this much time pass. */
  pass(ms: number): Promise<void>;
  /** Timers that are set. */
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
    async pass(ms) {
      const end = clock.monotonic() + ms;
      await settle();
      for (;;) {
        const next = Math.min(end, ...[...pending].map(({ at }) => at));
        clock.advance(Math.max(0, next - clock.monotonic()));
        await settle();
        if (clock.monotonic() >= end && ![...pending].some(({ at }) => at <= end)) return;
      }
    },
    get waiting() {
      return clock.waiting;
    },
  };
}
