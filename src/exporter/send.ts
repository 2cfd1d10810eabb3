import type { Clock, Timer } from '../clock.js';
import { keepAlive, letGo } from '../delivery/keep-alive.js';
import { AuditError } from '../errors.js';
import type { Ledger } from '../ledger/ledger.js';
import type { Waiter } from '../ledger/waiters.js';
import type { AuditReceipt } from '../receipt.js';
import type { Deadline, Deadlines, Impatient } from './deadlines.js';
import type { Deliveries } from './deliveries.js';
import { receiptOf } from './receipts.js';

/** What a send waits for, and for how long. */
export interface SendLimits {
  readonly until: 'durable' | 'delivered';
  readonly timeoutMs: number;
  /** Deadlines of this very length, if there are. */
  readonly deadlines: Deadlines | undefined;
}

/** What sends share. */
export interface SendParts {
  readonly ledger: Ledger | undefined;
  readonly deliveries: Deliveries;
  readonly clock: Clock;
}

/** What is known of an event: the record that it is to become durable as, its receipt, or that the checker said no. */
type Place = number | AuditReceipt | null;

/** One call of `sendAudits`, from its first event to its end. */
export class Send implements Waiter, Impatient {
  readonly #parts: SendParts;
  readonly #limits: SendLimits;
  /** Of the right length from the start: an array that grows takes room for 17. */
  readonly #places: Place[];
  #added = 0;
  #received = 0;
  #resolve: ((receipts: (AuditReceipt | null)[]) => void) | undefined;
  #reject: ((error: unknown) => void) | undefined;
  #fault: unknown;
  #isOver = false;
  #deadline: Deadline | undefined;
  #timer: Timer | undefined;
  #endWait: (() => void) | undefined;

  /** @param count of the events that will be added or skipped */
  constructor(parts: SendParts, limits: SendLimits, count: number) {
    this.#parts = parts;
    this.#limits = limits;
    this.#places = new Array<Place>(count);
  }

  /** The next event is kept, as this record. */
  add(sequence: number): void {
    this.#places[this.#added] = sequence;
    this.#added += 1;
    // For each at once: a receipt is at hand when its record becomes durable, and later on the disk.
    this.#parts.ledger?.onDurable(sequence, this);
  }

  /** The checker turned the next event away. */
  skip(): void {
    this.#places[this.#added] = null;
    this.#added += 1;
  }

  /** It failed in the middle: nobody waits for it. */
  abandon(): void {
    this.#isOver = true;
    this.#parts.ledger?.forget(this);
  }

  /** Resolves when every event is where it should be; holds the process until then. */
  wait(): Promise<(AuditReceipt | null)[]> {
    return new Promise((resolve, reject) => {
      const { deadlines, timeoutMs } = this.#limits;
      if (deadlines !== undefined) this.#deadline = deadlines.add(this);
      else this.#timer = this.#parts.clock.schedule(() => this.expire(), timeoutMs);
      this.#resolve = resolve;
      this.#reject = reject;
      keepAlive();
      try {
        this.settle();
      } catch (error) {
        this.#fail(error);
      }
    });
  }

  /** Takes the receipts that are ready, and goes on when all are. */
  settle(error?: AuditError): void {
    if (this.#isOver) return;
    this.#fault ??= error;
    try {
      this.#takeReceipts();
    } catch (thrown) {
      this.#fault ??= thrown;
    }
    if (this.#resolve === undefined) return; // not all events are added yet
    if (this.#fault !== undefined) this.#fail(this.#fault);
    else if (this.#received === this.#added) this.#receive();
  }

  #takeReceipts(): void {
    const { ledger } = this.#parts;
    if (ledger === undefined) this.#received = this.#added; // nothing to wait for, and no receipts
    for (; this.#received < this.#added; this.#received += 1) {
      const place = this.#places[this.#received]!;
      if (typeof place !== 'number' || ledger === undefined) continue;
      if (place > ledger.deliverable) return;
      this.#places[this.#received] = receiptOf(ledger, place);
    }
  }

  #receive(): void {
    const { ledger, deliveries } = this.#parts;
    if (ledger !== undefined && this.#limits.until === 'durable') {
      this.#succeed();
      return;
    }
    if (this.#endWait !== undefined) return;
    const sequences = this.#places.map(sequenceOf).filter((sequence) => sequence > 0);
    this.#endWait = deliveries.waitFor(sequences, (error) => {
      if (error === undefined) this.#succeed();
      else this.#fail(isShutdown(error) ? this.#interrupted(error.message) : error);
    });
  }

  #succeed(): void {
    if (this.#end()) this.#resolve?.(this.#receipts());
  }

  /** To be asked for once there are all of them. */
  #receipts(): (AuditReceipt | null)[] {
    if (this.#parts.ledger === undefined) return this.#places.map(() => null);
    return this.#places as (AuditReceipt | null)[];
  }

  #fail(error: unknown): void {
    if (!this.#end()) return;
    this.#parts.ledger?.forget(this);
    this.#reject?.(error);
  }

  expire(): void {
    this.#fail(this.#lateness());
  }

  #end(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    if (this.#deadline !== undefined) this.#limits.deadlines?.cancel(this.#deadline);
    this.#timer?.cancel();
    this.#endWait?.();
    letGo();
    return true;
  }

  /** What is in the ledger by then is delivered after the next start. */
  #interrupted(message: string): AuditError {
    const { ledger } = this.#parts;
    return new AuditError('shutdown', message, ledger && { receipts: this.#receipts() });
  }

  #lateness(): AuditError {
    const { ledger, deliveries } = this.#parts;
    const { until, timeoutMs } = this.#limits;
    let last = 0;
    for (const place of this.#places) last = Math.max(last, sequenceOf(place));
    const reason =
      ledger !== undefined && ledger.deliverable < last
        ? `not in the ledger: ${ledger.trouble?.message ?? 'the disk is too slow'}`
        : `not with every sink: ${deliveries.behind(last).join(', ')}`;
    const receipts = this.#places.map((place) => {
      if (typeof place !== 'number') return place;
      if (ledger === undefined || place > ledger.deliverable) return undefined;
      return tryReceiptOf(ledger, place);
    });
    return new AuditError('timeout', `not ${until} within ${timeoutMs} ms, ${reason}`, {
      receipts,
    });
  }
}

/** 0 for what the checker turned away. */
function sequenceOf(place: Place): number {
  return typeof place === 'number' ? place : (place?.sequence ?? 0);
}

function isShutdown(error: Error): boolean {
  return error instanceof AuditError && error.code === 'shutdown';
}

function tryReceiptOf(ledger: Ledger, sequence: number): AuditReceipt | undefined {
  try {
    return receiptOf(ledger, sequence);
  } catch {
    return undefined;
  }
}
