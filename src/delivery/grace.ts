import type { Clock } from '../clock.js';

const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Waits for work that may take longer, and then goes on without it. */
export function withinGrace(clock: Clock, ms: number, work: Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = clock.schedule(resolve, Math.min(Math.max(0, ms), LONGEST_TIMER_MS));
    work.finally(() => timer.cancel()).then(resolve, reject);
  });
}
