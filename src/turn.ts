/**
 * Calls back at the end of this turn of the event loop, once every promise that is already settled
 * has been heard: a microtask alone would run between those who record, and split what they record.
 */
export function atEndOfTurn(callback: () => void): void {
  queueMicrotask(() => process.nextTick(callback));
}
