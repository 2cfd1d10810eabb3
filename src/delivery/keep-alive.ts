// Deadlines do not hold the process, for nobody may be waiting for them. A promise that we returned
// does: without this a process with nothing else to do would end before it settles.

const LONGEST_MS = 2 ** 31 - 1;

/** Keeps the process alive until the promise is settled. */
export async function keepAliveUntil<T>(promise: Promise<T>): Promise<T> {
  const hold = setInterval(() => {}, LONGEST_MS);
  try {
    return await promise;
  } finally {
    clearInterval(hold);
  }
}
