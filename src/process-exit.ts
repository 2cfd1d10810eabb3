// One listener for however many exporters: each listener of its own would bring Node's warning of a
// leak from the eleventh on.

const atExit = new Set<() => void>();

function runAll(): void {
  for (const callback of [...atExit]) {
    try {
      callback();
    } catch {
      // The process ends; whoever calls back here tells its own faults.
    }
  }
}

/** Calls back, synchronously, when the process exits. Returns what takes that back. */
export function onProcessExit(callback: () => void): () => void {
  if (atExit.size === 0) process.on('exit', runAll);
  atExit.add(callback);
  return () => {
    atExit.delete(callback);
    if (atExit.size === 0) process.off('exit', runAll);
  };
}
