import type { Clock } from '../clock.js';
import type { PositionStore } from '../delivery/source.js';
import { AuditError } from '../errors.js';
import type { Ledger } from '../ledger/ledger.js';
import type { RecordContent } from '../ledger/record.js';
import { atEndOfTurn } from '../turn.js';
import type { Destination, LaneStore } from './destination.js';
import { laneStore } from './lane-store.js';
import type { Store } from './store.js';

/** The exporter's own ledger, with the cursors of its sinks. */
export class LedgerStore implements Store {
  readonly ledger: Ledger;
  readonly #clock: Clock;
  readonly #positions: PositionStore[] = [];
  #retiresSoon = false;

  constructor(ledger: Ledger, clock: Clock) {
    this.ledger = ledger;
    this.#clock = clock;
    ledger.onRoll = () => {
      if (this.#retiresSoon) return; // one look, however many segments a turn fills
      this.#retiresSoon = true;
      atEndOfTurn(() => {
        this.#retiresSoon = false;
        this.retire();
      });
    };
  }

  get newest(): number {
    return this.ledger.newest;
  }

  append(content: RecordContent): number {
    try {
      return this.ledger.append(content);
    } catch (error) {
      // A ledger that takes nothing more still knows what it holds: processors that share an exporter are
      // shut down side by side, and one may export what another has brought already.
      const isEnded = error instanceof AuditError && ENDED.has(error.code);
      const known = isEnded ? this.ledger.find(content) : undefined;
      if (known !== undefined && known <= this.ledger.deliverable) return known;
      throw error;
    }
  }

  flush(): void {
    this.ledger.flush();
  }

  open(destination: Destination): LaneStore {
    const store = laneStore(this.ledger, destination, this.#clock);
    this.#positions.push(store.positions);
    return store;
  }

  retire(): void {
    this.ledger.retire(neededFrom(this.#positions));
  }

  endIntake(): void {}

  close(): Promise<void> {
    return this.ledger.close();
  }
}

const ENDED = new Set(['shutdown', 'ledger-locked']);

/** The newest record that no sink needs any more, as its cursor on the disk says. */
export function neededFrom(positions: readonly PositionStore[]): number {
  let upTo = Number.POSITIVE_INFINITY;
  for (const { position } of positions) {
    const { acknowledged, waiting } = position;
    upTo = Math.min(upTo, acknowledged, (waiting[0] ?? Number.POSITIVE_INFINITY) - 1);
  }
  return upTo;
}
