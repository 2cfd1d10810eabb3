import type { LedgerRecord } from '../ledger/record.js';
import type { LaneReport } from './lane-report.js';
import type { Outside } from './outside.js';
import type { Doom } from './piece.js';
import type { RetryTime } from './retry-time.js';
import type { DeadLetters } from './source.js';

/** Keeps events that will not be tried again: as dead letters or, without a ledger, not at all. */
export class Burial {
  readonly #deadLetters: DeadLetters | undefined;
  readonly #outside: Outside;
  readonly #report: LaneReport;

  constructor(deadLetters: DeadLetters | undefined, outside: Outside, report: LaneReport) {
    this.#deadLetters = deadLetters;
    this.#outside = outside;
    this.#report = report;
  }

  /**
   * Returns whether it is done: only then the record is settled.
   *
   * @param attempts how often it was sent
   * @param retryTime when it is to be tried again, where the disk fails
   */
  async bury(
    record: LedgerRecord,
    { reason, cause }: Doom,
    attempts: number,
    retryTime: RetryTime,
  ): Promise<boolean> {
    if (this.#deadLetters === undefined) {
      this.#report.lost([record], cause);
      return true;
    }
    try {
      await this.#outside.hear(this.#deadLetters.add(record, reason, attempts));
    } catch (thrown) {
      this.#report.notBuried(record, thrown);
      retryTime.fail();
      return false;
    }
    retryTime.succeed();
    this.#report.dead(record, reason, attempts);
    return true;
  }
}
