import { AuditError } from '../errors.js';
import type { LedgerRecord } from '../ledger/record.js';
import type { Gatherer } from './gatherer.js';
import type { LaneReport } from './lane-report.js';
import type { Piece } from './piece.js';
import type { Reading } from './reading.js';

/** What an intake needs. */
export interface IntakeOptions {
  readonly gatherer: Gatherer;
  readonly reading: Reading;
  readonly report: LaneReport;
  /** How long records wait for company while nobody waits for them. */
  readonly maxDelayMs: number;
}

/** Where a lane's batches come from: read, and held back for company, or not. */
export class Intake {
  readonly #gatherer: Gatherer;
  readonly #reading: Reading;
  readonly #report: LaneReport;
  readonly #maxDelayMs: number;
  #hurriedTo = 0;

  constructor({ gatherer, reading, report, maxDelayMs }: IntakeOptions) {
    this.#gatherer = gatherer;
    this.#reading = reading;
    this.#report = report;
    this.#maxDelayMs = maxDelayMs;
  }

  /** The first record that is looked at and kept here, or not looked at yet. */
  get first(): number {
    return this.#gatherer.first;
  }

  /** Nothing keeps it from reading, were there something to read. */
  isOpen(now: number): boolean {
    return this.#reading.nextAt <= now;
  }

  hasMore(now: number): boolean {
    return this.#gatherer.wantsMore && this.isOpen(now);
  }

  /** Reads some of what there is. Returns whether it passed over anything. */
  async read(): Promise<boolean> {
    await this.#reading.try(() => this.#gatherer.fill());
    const { rejected, malformed } = this.#gatherer.takePassedOver();
    this.#report.passedOver(rejected, malformed);
    return rejected + malformed > 0;
  }

  /** The next batch; nothing while that waits for company. */
  take(now: number): readonly Piece[] {
    const gatherer = this.#gatherer;
    if (gatherer.isEmpty) return [];
    const isAwaited = gatherer.first <= this.#hurriedTo || this.#reading.isFailing;
    if (!gatherer.isFull && !isAwaited && this.#lingersUntil > now) return [];
    const pieces = gatherer.take();
    for (const { records, doom } of pieces) {
      if (doom?.cause instanceof AuditError) this.#report.checkerFailed(doom.cause, records);
    }
    return pieces;
  }

  /** When there is something to do, if nobody comes before. */
  nextAt(now: number): number {
    if (!this.isOpen(now)) return this.#reading.nextAt;
    return this.#gatherer.isEmpty ? Number.POSITIVE_INFINITY : this.#lingersUntil;
  }

  /** Everything that is still to be delivered and not taken, read once more. */
  async *rest(): AsyncGenerator<readonly LedgerRecord[]> {
    const gatherer = this.#gatherer.again();
    while (gatherer.wantsMore || !gatherer.isEmpty) {
      await gatherer.fill();
      for (const { records } of gatherer.take()) yield records;
    }
  }

  /** Somebody waits for everything up to this record. Returns whether that is news. */
  hurry(upTo: number): boolean {
    if (upTo <= this.#hurriedTo) return false;
    this.#hurriedTo = upTo;
    return true;
  }

  get #lingersUntil(): number {
    return this.#gatherer.since + this.#maxDelayMs;
  }
}
