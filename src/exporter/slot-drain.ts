import type { Clock } from '../clock.js';
import type { Lane } from '../delivery/lane.js';
import type { PositionStore } from '../delivery/source.js';
import { AuditError, messageOf, toError } from '../errors.js';
import type { Checkpointer } from '../evidence/checkpointer.js';
import type { Ledger } from '../ledger/ledger.js';
import type { AbandonedSlots } from '../ledger/slots.js';
import { atEndOfTurn } from '../turn.js';
import type { Follow } from './checkpoints.js';
import type { Destination } from './destination.js';
import { laneStore } from './lane-store.js';
import { closeLedger, retire } from './ledger-store.js';
import type { Reporter } from './reporter.js';

/** Lanes that are done have only their positions left to save. */
const GRACE_MS = 5000;
/** Slots open at once: a sink that is down must not keep the others from what is in further slots. */
const MAX_SLOTS = 64;

/** An abandoned slot that is being delivered. */
interface OpenSlot {
  readonly ledger: Ledger;
  readonly lanes: readonly Lane[];
  readonly positions: readonly PositionStore[];
  readonly checkpointer: Checkpointer | undefined;
}

/** Delivers what writers that are gone have left in their slots. */
export class SlotDrain {
  readonly #slots: AbandonedSlots;
  readonly #destinations: readonly Destination[];
  readonly #follow: Follow;
  readonly #reporter: Reporter;
  readonly #clock: Clock;
  readonly #open = new Set<OpenSlot>();
  readonly #leaving = new Set<Promise<void>>();
  #isStopped = false;

  constructor(
    slots: AbandonedSlots,
    destinations: readonly Destination[],
    follow: Follow,
    reporter: Reporter,
    clock: Clock,
  ) {
    this.#slots = slots;
    this.#destinations = destinations;
    this.#follow = follow;
    this.#reporter = reporter;
    this.#clock = clock;
  }

  /** Looks for slots to deliver, and for those that are done. To be called now and then. */
  proceed(): void {
    try {
      while (!this.#isStopped && this.#open.size < MAX_SLOTS && this.#openNext());
      this.#finishDone();
    } catch (error) {
      this.#report(error);
    }
  }

  /** To be called whenever a lane got on: a slot that is done need not wait for the next look. */
  progressed(): void {
    for (const slot of this.#open) {
      if (isDone(slot)) {
        atEndOfTurn(() => this.#finishDone());
        return;
      }
    }
  }

  /** Lets go of the slots under way; what they still hold stays for the next who finds it. */
  async stop(graceMs: number): Promise<void> {
    this.#isStopped = true;
    const results = await Promise.allSettled([
      ...[...this.#open].map((slot) => this.#leave(slot, graceMs)),
      ...this.#leaving,
    ]);
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }

  /** Whether there was one. */
  #openNext(): boolean {
    const ledger = this.#slots.openOne();
    if (ledger === undefined) return false;
    let checkpointer: Checkpointer | undefined;
    try {
      checkpointer = this.#follow(ledger);
      const stores = this.#destinations.map((each) => laneStore(ledger, each, this.#clock));
      const lanes = this.#destinations.map((each, index) => each.open(stores[index]!));
      const positions = stores.map((store) => store.positions);
      this.#open.add({ ledger, lanes, positions, checkpointer });
      for (const lane of lanes) {
        lane.hurry(ledger.deliverable);
        lane.start();
      }
    } catch (error) {
      checkpointer?.abandon();
      ledger.abandon();
      this.#slots.noteDrained(ledger.directory); // not again before it has changed
      this.#report(error);
    }
    return true;
  }

  #finishDone(): void {
    for (const slot of this.#open) {
      if (!isDone(slot)) continue;
      retire(slot.ledger, slot.positions, slot.checkpointer);
      this.#slots.noteDrained(slot.ledger.directory);
      const left = this.#leave(slot, GRACE_MS).catch((error: unknown) => this.#report(error));
      this.#leaving.add(left);
      left.finally(() => {
        this.#leaving.delete(left);
        if (this.#leaving.size === 0 && this.#open.size === 0) this.proceed();
      });
    }
  }

  async #leave(slot: OpenSlot, graceMs: number): Promise<void> {
    this.#open.delete(slot);
    await Promise.all(slot.lanes.map((lane) => lane.stop(graceMs)));
    for (const lane of slot.lanes) {
      for (const destination of this.#destinations) destination.forget(lane);
    }
    await closeLedger(slot.ledger, slot.checkpointer, this.#clock);
  }

  #report(cause: unknown): void {
    const error =
      cause instanceof AuditError
        ? cause
        : new AuditError('ledger-unavailable', messageOf(cause), { cause: toError(cause) });
    this.#reporter.error('slots', error);
  }
}

function isDone({ ledger, lanes }: OpenSlot): boolean {
  return lanes.every(
    ({ settled, waiting }) => settled >= ledger.deliverable && waiting.length === 0,
  );
}
