import type { Clock } from '../clock.js';
import type { Lane } from '../delivery/lane.js';
import type { PositionStore } from '../delivery/source.js';
import { AuditError, messageOf, toError } from '../errors.js';
import type { Ledger } from '../ledger/ledger.js';
import type { AbandonedSlots } from '../ledger/slots.js';
import { atEndOfTurn } from '../turn.js';
import type { Destination } from './destination.js';
import { laneStore } from './lane-store.js';
import { neededFrom } from './ledger-store.js';
import type { Reporter } from './reporter.js';

/** Lanes that are done have only their positions left to save. */
const GRACE_MS = 5000;

/** Delivers what writers that are gone have left in their slots; one slot at a time. */
export class SlotDrain {
  readonly #slots: AbandonedSlots;
  readonly #destinations: readonly Destination[];
  readonly #reporter: Reporter;
  readonly #clock: Clock;
  #ledger: Ledger | undefined;
  #lanes: readonly Lane[] = [];
  #positions: readonly PositionStore[] = [];
  #closing: Promise<void> | undefined;
  #isStopped = false;

  constructor(
    slots: AbandonedSlots,
    destinations: readonly Destination[],
    reporter: Reporter,
    clock: Clock,
  ) {
    this.#slots = slots;
    this.#destinations = destinations;
    this.#reporter = reporter;
    this.#clock = clock;
  }

  /** Looks for a slot to deliver, or whether the present one is done. To be called now and then. */
  proceed(): void {
    try {
      if (this.#ledger === undefined && this.#closing === undefined) this.#openNext();
      if (this.#ledger !== undefined && this.#isDone(this.#ledger)) this.#finish(this.#ledger);
    } catch (error) {
      this.#report(error);
    }
  }

  /** To be called whenever a lane got on: the next slot need not wait for the next look. */
  progressed(): void {
    if (this.#ledger !== undefined && this.#isDone(this.#ledger)) atEndOfTurn(() => this.proceed());
  }

  /** Lets go of the slot under way; what it still holds stays for the next who finds it. */
  stop(graceMs: number): Promise<void> {
    this.#isStopped = true;
    return this.#leave(graceMs);
  }

  #finish(ledger: Ledger): void {
    ledger.retire(neededFrom(this.#positions));
    this.#slots.noteDrained(ledger.directory);
    this.#leave(GRACE_MS).then(
      () => this.proceed(),
      (error: unknown) => this.#report(error),
    );
  }

  #leave(graceMs: number): Promise<void> {
    const ledger = this.#ledger;
    const lanes = this.#lanes;
    this.#ledger = undefined;
    this.#lanes = [];
    this.#closing ??= this.#close(ledger, lanes, graceMs).finally(() => {
      this.#closing = undefined;
    });
    return this.#closing;
  }

  async #close(ledger: Ledger | undefined, lanes: readonly Lane[], graceMs: number): Promise<void> {
    await Promise.all(lanes.map((lane) => lane.stop(graceMs)));
    for (const lane of lanes) {
      for (const destination of this.#destinations) destination.forget(lane);
    }
    await ledger?.close();
  }

  #isDone(ledger: Ledger): boolean {
    return this.#lanes.every(
      ({ settled, waiting }) => settled >= ledger.deliverable && waiting.length === 0,
    );
  }

  #openNext(): void {
    const ledger = this.#isStopped ? undefined : this.#slots.openOne();
    if (ledger === undefined) return;
    try {
      const stores = this.#destinations.map((each) => laneStore(ledger, each, this.#clock));
      this.#positions = stores.map(({ positions }) => positions);
      this.#lanes = this.#destinations.map((each, index) => each.open(stores[index]!));
    } catch (error) {
      ledger.abandon();
      this.#slots.noteDrained(ledger.directory); // not again before it has changed
      throw error;
    }
    this.#ledger = ledger;
    for (const lane of this.#lanes) {
      lane.hurry(ledger.deliverable);
      lane.start();
    }
  }

  #report(cause: unknown): void {
    const error =
      cause instanceof AuditError
        ? cause
        : new AuditError('ledger-unavailable', messageOf(cause), { cause: toError(cause) });
    this.#reporter.error('slots', error);
  }
}
