import type { Clock } from '../clock.js';
import { MAX_TIMER_MS } from './options.js';

/** Waits for work that may take longer, and then goes on without it. */
export function withinGrace(clock: Clock, ms: number, work: Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = clock.schedule(resolve, Math.min(Math.max(0, ms), MAX_TIMER_MS));
    work.finally(() => timer.cancel()).then(resolve, reject);
  });
}
