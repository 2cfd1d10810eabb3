import type { Clock } from '../clock.js';
import type { PositionStore } from '../delivery/source.js';
import { AuditError } from '../errors.js';
import type { Checkpointer } from '../evidence/checkpointer.js';
import type { Ledger } from '../ledger/ledger.js';
import type { RecordContent } from '../ledger/record.js';
import type { Waiter } from '../ledger/waiters.js';
import { atEndOfTurn } from '../turn.js';
import type { Destination, LaneStore } from './destination.js';
import { laneStore } from './lane-store.js';
import type { Store } from './store.js';

/** The exporter's own ledger, with the cursors of its sinks. */
export class LedgerStore implements Store {
  readonly ledger: Ledger;
  readonly #clock: Clock;
  readonly #checkpointer: Checkpointer | undefined;
  readonly #positions: PositionStore[] = [];
  #retiresSoon = false;

  constructor(ledger: Ledger, clock: Clock, checkpointer?: Checkpointer) {
    this.ledger = ledger;
    this.#clock = clock;
    this.#checkpointer = checkpointer;
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
    retire(this.ledger, this.#positions, this.#checkpointer);
  }

  endIntake(): void {}

  abandon(): void {
    this.#checkpointer?.abandon();
    this.ledger.abandon();
  }

  close(): Promise<void> {
    return closeLedger(this.ledger, this.#checkpointer, this.#clock);
  }
}

const ENDED = new Set(['shutdown', 'ledger-locked']);

/** Removes what is old enough and neither a sink nor the tree of checkpoints needs. */
export function retire(
  ledger: Ledger,
  positions: readonly PositionStore[],
  checkpointer: Checkpointer | undefined,
): void {
  const covered = checkpointer?.covered ?? Number.POSITIVE_INFINITY;
  ledger.retire(Math.min(neededFrom(positions), covered));
  checkpointer?.forgetBefore(ledger.first);
}

/** How long the last records may take to become durable before the last checkpoint goes without them. */
const SETTLE_MS = 1000;

/**
 * Closes a ledger behind a last checkpoint, and waits until that is published.
 *
 * @throws {AuditError} as the ledger's `close`
 */
export async function closeLedger(
  ledger: Ledger,
  checkpointer: Checkpointer | undefined,
  clock: Clock,
): Promise<void> {
  if (checkpointer === undefined) return ledger.close();
  await settle(ledger, clock);
  await checkpointer.close();
  await ledger.close();
  await checkpointer.published();
}

/** Waits until what was recorded is durable, if it will be soon. */
async function settle(ledger: Ledger, clock: Clock): Promise<void> {
  ledger.flush();
  if (ledger.trouble !== undefined || ledger.deliverable === ledger.newest) return;
  await new Promise<void>((resolve) => {
    const waiter: Waiter = {
      settle: () => {
        timer.cancel();
        ledger.forget(waiter);
        resolve();
      },
    };
    const timer = clock.schedule(() => waiter.settle(), SETTLE_MS);
    ledger.onDurable(ledger.newest, waiter);
  });
}

/** The newest record that no sink needs any more, as its cursor on the disk says. */
function neededFrom(positions: readonly PositionStore[]): number {
  let upTo = Number.POSITIVE_INFINITY;
  for (const { position } of positions) {
    const { acknowledged, waiting } = position;
    upTo = Math.min(upTo, acknowledged, (waiting[0] ?? Number.POSITIVE_INFINITY) - 1);
  }
  return upTo;
}
