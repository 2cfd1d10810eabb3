import { whenProcessExits } from '../../process-exit.js';

let waiting: (() => void)[] = [];
let stopListening = (): void => {};

/**
 * Does what is to be done once the answers of this turn of the event loop have left, all of it in one go: Node
 * hands them to the socket at the end of the turn, and an exporter writes what it got in one go at once. Also
 * done when the process exits before.
 *
 * @param work must not throw
 */
export function afterAnswers(work: () => void): void {
  if (waiting.push(work) > 1) return;
  setImmediate(doWaiting);
  stopListening = whenProcessExits(doWaiting);
}

/** Does at once what waits for that. */
export function doWaiting(): void {
  const work = waiting;
  waiting = [];
  stopListening();
  for (const one of work) one();
}
