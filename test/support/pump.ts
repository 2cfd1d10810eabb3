import type { FakeClock } from './fake-clock.js';

/** How often nothing must be under way before all is taken to be quiet. */
const QUIET_TURNS = 3;

/** Lets everything run that is ready, calls to the file system included; no virtual time passes. */
export async function idle(): Promise<void> {
  for (let quiet = 0; quiet < QUIET_TURNS; quiet += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    if (isBusy()) quiet = 0;
  }
}

/** Lives through some time, step by step, so that whatever is due is done in between. */
export async function live(clock: FakeClock, ms: number, stepMs: number): Promise<void> {
  for (let left = ms; left > 0; left -= stepMs) {
    await idle();
    clock.advance(Math.min(stepMs, left));
  }
  await idle();
}

/** Lives until the promise is settled. */
export async function pump<T>(clock: FakeClock, promise: Promise<T>, stepMs = 100): Promise<T> {
  let isSettled = false;
  const settle = () => {
    isSettled = true;
  };
  promise.then(settle, settle);
  await idle();
  while (!isSettled) await live(clock, stepMs, stepMs);
  return promise;
}

function isBusy(): boolean {
  return process.getActiveResourcesInfo().some((name) => /^FSReq|^CloseReq/.test(name));
}
