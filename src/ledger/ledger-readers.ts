import type { Clock } from '../clock.js';
import type { HotRecords } from './hot-records.js';
import { type ReadLimits, RecordReader, type SegmentList } from './reader.js';
import type { LedgerRecord } from './record.js';

/** Records for lanes that are not far behind. */
const HOT_BYTES = 8 * 2 ** 20;
/**
 * Records do not wait in memory for a lane that has stood still for so long: it reads its segments once
 * it goes on. Objects by the thousand that live for seconds cost the other lanes a tenth of their speed.
 */
const STANDSTILL_MS = 2000;

/** One lane's view of the durable records: memory where it can, the segments otherwise. */
export interface LedgerReader {
  /** @throws {AuditError} `ledger-corrupt`, `ledger-unavailable`, where it reads the segments */
  read(
    from: number,
    limits: ReadLimits,
  ): readonly LedgerRecord[] | Promise<readonly LedgerRecord[]>;
  /** The lane needs nothing up to this record any more. */
  release(upTo: number): void;
  close(): Promise<void>;
}

/** What readers need of a ledger. */
export interface ReadableLedger extends SegmentList {
  /** The newest durable record's number. */
  readonly deliverable: number;
}

/** How far a reader is. */
interface Mark {
  upTo: number;
  /** Since when it has stood behind the newest durable record, by the clock's `monotonic`. */
  behindSince: number | undefined;
}

/** The readers of one ledger: records stay in memory until all have passed them. */
export class LedgerReaders {
  readonly #ledger: ReadableLedger;
  readonly #hot: HotRecords;
  readonly #clock: Clock;
  readonly #marks = new Set<Mark>();

  constructor(ledger: ReadableLedger, hot: HotRecords, clock: Clock) {
    this.#ledger = ledger;
    this.#hot = hot;
    this.#clock = clock;
  }

  open(): LedgerReader {
    const mark: Mark = { upTo: 0, behindSince: undefined };
    const disk = new RecordReader(this.#ledger);
    this.#marks.add(mark);
    return {
      read: (from, limits) =>
        from >= this.#hot.from
          ? this.#readHot(from, limits)
          : disk.read(from, this.#ledger.deliverable, limits),
      release: (upTo) => {
        mark.upTo = upTo;
        mark.behindSince = undefined;
        this.release();
      },
      close: async () => {
        this.#marks.delete(mark);
        this.release();
        await disk.close();
      },
    };
  }

  /** Forgets the records that are durable and that nobody needs, or that take too much room. */
  release(): void {
    const { deliverable } = this.#ledger;
    const now = this.#clock.monotonic();
    let passed = deliverable;
    for (const mark of this.#marks) {
      if (mark.upTo >= deliverable) continue;
      mark.behindSince ??= now;
      if (mark.upTo < passed && now - mark.behindSince < STANDSTILL_MS) passed = mark.upTo;
    }
    this.#hot.release(passed, deliverable, HOT_BYTES);
  }

  #readHot(from: number, { count, bytes }: ReadLimits): LedgerRecord[] {
    const { deliverable } = this.#ledger;
    const records: LedgerRecord[] = [];
    let size = 0;
    for (let n = from; n <= deliverable && records.length < count; n += 1) {
      const record = this.#hot.get(n)!;
      size += record.bytes;
      if (records.length > 0 && size > bytes) break;
      records.push(record);
    }
    return records;
  }
}
