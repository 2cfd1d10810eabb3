import type { Clock } from '../clock.js';
import type { Lane } from '../delivery/lane.js';
import { AuditError } from '../errors.js';
import type { Waiter } from '../ledger/waiters.js';
import type { Deliveries } from './deliveries.js';
import type { Destination } from './destination.js';
import type { Store } from './store.js';
import type { Turns } from './turns.js';

/** What flushes share. */
export interface FlushesParts {
  readonly turns: Turns;
  readonly store: Store;
  readonly lanes: readonly Lane[];
  readonly deliveries: Deliveries;
  readonly destinations: readonly Destination[];
  readonly clock: Clock;
}

/** Waits until every sink has all that was recorded. */
export class Flushes {
  readonly #parts: FlushesParts;

  constructor(parts: FlushesParts) {
    this.#parts = parts;
  }

  /**
   * @throws {AuditError} `timeout`, naming what is behind; `dead-letter` or `sink-failed` when a sink
   * refused an event meanwhile or, without a ledger, one was given up.
   */
  flush(timeoutMs: number): Promise<void> {
    const { turns, store, lanes, deliveries, clock } = this.#parts;
    turns.end();
    const last = store.newest;
    if (last === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      let isOver = false;
      let endWait: (() => void) | undefined;
      const timer = clock.schedule(() => {
        isOver = true;
        endWait?.();
        store.ledger?.forget(recorded);
        reject(this.#lateness(last, timeoutMs));
      }, timeoutMs);
      const settle = (error?: Error) => {
        if (isOver) return;
        isOver = true;
        timer.cancel();
        if (error === undefined) resolve();
        else reject(error);
      };
      const deliver = () => {
        for (const lane of lanes) lane.retryNow();
        endWait = deliveries.waitUpTo(last, settle);
      };
      const recorded: Waiter = {
        settle: (error) => {
          if (error !== undefined) settle(error);
          else if (!isOver) deliver();
        },
      };
      if (store.ledger === undefined) deliver();
      else store.ledger.onDurable(last, recorded);
    });
  }

  #lateness(last: number, timeoutMs: number): AuditError {
    const { store, deliveries, destinations } = this.#parts;
    const { ledger } = store;
    if (ledger !== undefined && ledger.deliverable < last) {
      const reason = ledger.trouble?.message ?? 'the disk is too slow';
      return new AuditError('timeout', `not in the ledger within ${timeoutMs} ms: ${reason}`);
    }
    const faults = deliveries.behind(last).map((name) => {
      const trouble = destinations.find((destination) => destination.name === name)?.trouble;
      return `sink ${name} is behind${trouble === undefined ? '' : ` (${trouble.message})`}`;
    });
    return new AuditError('timeout', `not delivered within ${timeoutMs} ms: ${faults.join('; ')}`);
  }
}
