// Deadlines do not hold the process, for nobody may be waiting for them. A promise that we returned
// does: without this a process with nothing else to do would end before it settles.

const LONGEST_MS = 2 ** 31 - 1;
let held = 0;
let hold: NodeJS.Timeout | undefined;

/** Keeps the process alive until {@link letGo} is called as often. One timer serves all. */
export function keepAlive(): void {
  held += 1;
  hold ??= setInterval(() => {}, LONGEST_MS);
}

export function letGo(): void {
  held -= 1;
  if (held > 0) return;
  clearInterval(hold);
  hold = undefined;
}

/** Keeps the process alive until the promise is settled. */
export async function keepAliveUntil<T>(promise: Promise<T>): Promise<T> {
  keepAlive();
  try {
    return await promise;
  } finally {
    letGo();
  }
}
