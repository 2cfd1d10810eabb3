import type { Clock } from '../clock.js';
import type { SinkFault } from '../sink.js';
import type { LaneReport } from './lane-report.js';
import type { RetryTime } from './retry-time.js';
import type { SetAside } from './set-aside.js';

/** What the knowledge of a far side bears on. */
export interface FarSideOptions {
  /** When the next batch is sent. */
  readonly retryTime: RetryTime;
  readonly aside: SetAside;
  readonly hasLedger: boolean;
  readonly report: LaneReport;
  readonly clock: Clock;
}

/** What a lane knows of its far side: whether anything gets through to it. */
export class FarSide {
  readonly #options: FarSideOptions;
  #gotThrough = 0;
  /** Since when batches fail and nothing gets through. */
  #outageSince: number | undefined;

  constructor(options: FarSideOptions) {
    this.#options = options;
  }

  /** Sends that got through, whole or in part. */
  get gotThrough(): number {
    return this.#gotThrough;
  }

  /** This many events of an attempt that began then are stored. */
  stored(events: number, begunAt: number): void {
    const { aside, report, clock } = this.#options;
    this.#gotThrough += 1;
    this.works();
    aside.prove();
    report.delivered(events, clock.monotonic() - begunAt);
  }

  /** It answers, be it that it refuses an event for good. */
  works(): void {
    const { retryTime, aside, hasLedger, report, clock } = this.#options;
    retryTime.succeed();
    aside.retryTime.succeed();
    report.well();
    const since = this.#outageSince;
    this.#outageSince = undefined;
    // Without a ledger the bound is on memory, and memory fills during an outage too.
    if (since !== undefined && hasLedger) aside.discount(since, clock.monotonic());
  }

  /** A batch was not stored, and nothing shows that the fault is an event's. */
  fails(fault: Exclude<SinkFault, 'event'>, message: string): void {
    const { report, clock } = this.#options;
    report.ailing(fault, message);
    this.#outageSince ??= clock.monotonic();
  }
}
