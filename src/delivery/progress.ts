import type { LaneReport } from './lane-report.js';
import { PositionKeeper } from './position-keeper.js';
import type { Pacing } from './retry-time.js';
import type { SetAside } from './set-aside.js';
import type { PositionStore, SourceReader } from './source.js';

/** What progress is made of. */
export interface ProgressOptions {
  readonly positions: PositionStore;
  readonly aside: SetAside;
  /** The first record that is neither settled nor set aside. */
  readonly firstOpen: () => number;
  /** What the batches are read from: it may forget what is settled. */
  readonly reader: Pick<SourceReader, 'release'>;
  readonly report: LaneReport;
  readonly pacing: Pacing;
}

/** How far a lane is, and who is to know. */
export class Progress {
  readonly #options: ProgressOptions;
  readonly #keeper: PositionKeeper;
  #settled: number;

  constructor(options: ProgressOptions) {
    const { positions, report, pacing } = options;
    this.#options = options;
    this.#settled = positions.position.acknowledged;
    this.#keeper = new PositionKeeper({
      ...pacing,
      store: positions,
      current: () => ({ acknowledged: this.#settled, waiting: this.waiting }),
      onSave: (failure) => {
        if (failure === undefined) report.saved();
        else report.notSaved(failure.thrown);
      },
    });
  }

  /** Every record up to this one is delivered, rejected, dead, given up, or set aside. */
  get settled(): number {
    return this.#settled;
  }

  /** The records up to that one which are set aside, ascending; after a kill those behind it come anyway. */
  get waiting(): readonly number[] {
    return this.#options.aside.waiting.filter((sequence) => sequence <= this.#settled);
  }

  /** Moves to where everything is settled, or set aside for its own fault. */
  update(): void {
    const { aside, firstOpen, reader, report } = this.#options;
    const first = firstOpen();
    const settled = Math.min(first, aside.firstUnproven ?? first) - 1;
    if (settled <= this.#settled) return;
    this.#settled = settled;
    reader.release(settled);
    this.#keeper.moved();
    report.settled(settled);
  }

  /** A record that was set aside is settled. */
  updateAside(): void {
    const before = this.#settled;
    this.update();
    if (this.#settled > before) return;
    // Who waits for this very record must learn of it, though nothing else has moved.
    this.#keeper.moved();
    this.#options.report.settled(before);
  }

  /** What to wait for where the kept position is more records behind than this. */
  keepUp(records: number): Promise<void> | undefined {
    return this.#keeper.keepUp(records);
  }

  /**
   * Keeps the position for good.
   *
   * @throws {AuditError} `ledger-unavailable`
   */
  async close(): Promise<void> {
    try {
      await this.#keeper.close();
    } catch (thrown) {
      throw this.#options.report.notSaved(thrown);
    }
  }
}
