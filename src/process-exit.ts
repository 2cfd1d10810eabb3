// One listener for however many exporters: each listener of its own would bring Node's warning of a
// leak from the eleventh on.

const listeners = { exit: new Set<() => void>(), beforeExit: new Set<() => void>() };

function run(event: keyof typeof listeners): void {
  // Who came last may stand on who came first, as an exporter on its ledger.
  for (const callback of [...listeners[event]].reverse()) {
    try {
      callback();
    } catch {
      // Whoever calls back here tells its own faults; one must not keep the others from theirs.
    }
  }
}

const onExit = (): void => run('exit');
const onBeforeExit = (): void => run('beforeExit');

/** Calls back, synchronously, when the process exits. Returns what takes that back. */
export function whenProcessExits(callback: () => void): () => void {
  return add('exit', onExit, callback);
}

/** Calls back whenever the process has nothing left to do. Returns what takes that back. */
export function whenProcessIdles(callback: () => void): () => void {
  return add('beforeExit', onBeforeExit, callback);
}

function add(
  event: keyof typeof listeners,
  listener: () => void,
  callback: () => void,
): () => void {
  const callbacks = listeners[event];
  if (callbacks.size === 0) process.on(event, listener);
  callbacks.add(callback);
  return () => {
    callbacks.delete(callback);
    if (callbacks.size === 0) process.off(event, listener);
  };
}
