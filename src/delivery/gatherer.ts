import type { EventPairChecker } from '../checker.js';
import type { Clock } from '../clock.js';
import { AuditError, messageOf } from '../errors.js';
import type { LedgerRecord } from '../ledger/record.js';
import { newPiece, type Piece } from './piece.js';
import type { ReadLimits, Source, SourceReader } from './source.js';

/** Reads between two pauses in which the event loop may do something else. */
const READS_A_TURN = 8;

/** What a gatherer needs. */
export interface GathererOptions {
  readonly name: string;
  readonly source: Source;
  readonly reader: SourceReader;
  readonly checker: EventPairChecker | undefined;
  readonly limits: ReadLimits;
  readonly clock: Clock;
  /** The first record to look at. */
  readonly from: number;
}

/** Collects the next batch of one lane, passing over what is not for its sink. */
export class Gatherer {
  readonly #options: GathererOptions;
  /** The first record not looked at. */
  #next: number;
  #records: LedgerRecord[] = [];
  #bytes = 0;
  /** When the first of the records came. */
  #since = 0;
  /** A record that did not fit, or one that the checker failed at: it comes after the records. */
  #apart: Piece | undefined;
  #reads = 0;
  #rejected = 0;
  #malformed = 0;

  constructor(options: GathererOptions) {
    this.#options = options;
    this.#next = options.from;
  }

  /** The first record that is looked at and kept here, or not looked at yet. */
  get first(): number {
    return (this.#records[0] ?? this.#apart?.records[0])?.sequence ?? this.#next;
  }

  get isEmpty(): boolean {
    return this.#records.length === 0 && this.#apart === undefined;
  }

  get isFull(): boolean {
    const { count, bytes } = this.#options.limits;
    return this.#apart !== undefined || this.#records.length >= count || this.#bytes >= bytes;
  }

  /** Whether there is something to read, and room for it. */
  get wantsMore(): boolean {
    return !this.isFull && this.#next <= this.#options.source.deliverable;
  }

  /** Since when the oldest record waits here, in the clock's monotonic time. */
  get since(): number {
    return this.#since;
  }

  /**
   * Reads until the batch is full, or nothing more may be delivered, or it is time to look at other
   * things: `wantsMore` tells. A lane may have millions of records to pass over.
   *
   * @throws {AuditError} what the reader throws; what was gathered before stays.
   */
  async fill(): Promise<void> {
    const { reader, limits } = this.#options;
    while (this.wantsMore) {
      this.#reads += 1;
      // A sink that answers at once must not keep the event loop from turning.
      const isPause = this.#reads % READS_A_TURN === 0;
      if (isPause) await nextTurn();
      const found = await reader.read(this.#next, {
        count: limits.count - this.#records.length,
        bytes: limits.bytes - this.#bytes,
      });
      this.#take(found);
      if (isPause) return;
    }
  }

  /** The batch, and behind it what has to go apart. */
  take(): Piece[] {
    const pieces = this.#records.length === 0 ? [] : [newPiece(this.#records)];
    this.#records = [];
    this.#bytes = 0;
    const apart = this.#apart;
    this.#apart = undefined;
    if (apart?.doom === undefined) {
      if (apart !== undefined) this.#keep(apart.records[0]!);
    } else {
      pieces.push(apart);
    }
    return pieces;
  }

  /** Another one, which begins with the first record that is still here. */
  again(): Gatherer {
    return new Gatherer({ ...this.#options, from: this.first });
  }

  /** How many records were passed over since the last call. */
  takePassedOver(): { readonly rejected: number; readonly malformed: number } {
    const passedOver = { rejected: this.#rejected, malformed: this.#malformed };
    this.#rejected = 0;
    this.#malformed = 0;
    return passedOver;
  }

  #take(found: readonly LedgerRecord[]): void {
    // Nothing is skipped, also where a source does not keep its word.
    if (found[0]?.sequence !== this.#next) {
      throw new AuditError('ledger-corrupt', `record ${this.#next} is missing`);
    }
    for (const record of found) {
      if (record.sequence !== this.#next) {
        throw new AuditError('ledger-corrupt', `record ${this.#next} is missing`);
      }
      this.#next += 1;
      this.#look(record);
      if (this.#apart !== undefined) return; // the rest is read again
    }
  }

  #look(record: LedgerRecord): void {
    const { event } = record.content;
    if (event === undefined) {
      this.#malformed += 1;
      return;
    }
    const { name, checker, limits } = this.#options;
    if (checker !== undefined) {
      try {
        if (!checker.check(`${event.type}:${event.action}`)) {
          this.#rejected += 1;
          return;
        }
      } catch (cause) {
        const reason = `the checker of sink ${name} failed: ${messageOf(cause)}`;
        const error = new AuditError('checker-failed', reason, { cause });
        this.#apart = { ...newPiece([record]), doom: { reason, cause: error } };
        return;
      }
    }
    if (this.#records.length > 0 && this.#bytes + record.bytes > limits.bytes) {
      this.#apart = newPiece([record]);
      return;
    }
    this.#keep(record);
  }

  #keep(record: LedgerRecord): void {
    if (this.#records.length === 0) this.#since = this.#options.clock.monotonic();
    this.#records.push(record);
    this.#bytes += record.bytes;
  }
}

/**
 * Lets the event loop turn. It holds the process for that one turn: without a hold the loop would
 * sleep until something else wakes it.
 */
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
