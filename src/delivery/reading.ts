import type { LaneReport } from './lane-report.js';
import type { Outside } from './outside.js';
import { type Pacing, RetryTime } from './retry-time.js';

/** A lane's reads from its source: one that fails is told, and then all wait. */
export class Reading {
  readonly #outside: Outside;
  readonly #report: LaneReport;
  readonly #retryTime: RetryTime;

  constructor(outside: Outside, report: LaneReport, pacing: Pacing) {
    this.#outside = outside;
    this.#report = report;
    this.#retryTime = new RetryTime(pacing);
  }

  get isFailing(): boolean {
    return this.#retryTime.isFailing;
  }

  /** Not before this moment is the next batch read, in the clock's monotonic time. */
  get nextAt(): number {
    return this.#retryTime.at;
  }

  /** Resolves to what was read, in an object; to undefined where that failed. */
  async try<T>(read: () => Promise<T>): Promise<{ readonly found: T } | undefined> {
    try {
      const found = await this.#outside.hear(read());
      this.#retryTime.succeed();
      this.#report.read();
      return { found };
    } catch (thrown) {
      this.fail('records could not be read', thrown);
      return undefined;
    }
  }

  fail(what: string, thrown: unknown): void {
    this.#retryTime.fail();
    this.#report.notRead(what, thrown);
  }

  hurry(): void {
    this.#retryTime.hurry();
  }
}
