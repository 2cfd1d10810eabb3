import type { Clock } from '../clock.js';
import type { LedgerRecord } from '../ledger/record.js';
import type { Expiry } from './expiry.js';
import type { FarSide } from './far-side.js';
import type { Outside } from './outside.js';
import type { Failure, Sender } from './sender.js';

/** What attempts need. */
export interface AttemptsOptions {
  readonly sender: Sender;
  readonly outside: Outside;
  readonly farSide: FarSide;
  readonly expiry: Expiry;
  readonly clock: Clock;
}

/** What an attempt came to. */
export interface Outcome {
  readonly begunAt: number;
  /** The records that were not stored. */
  readonly left: readonly LedgerRecord[];
  /** Why not; undefined where nothing is left. */
  readonly failure: Failure | undefined;
}

/** A lane's attempts, one at a time: each sent, judged, and what got through made known. */
export class Attempts {
  readonly #options: AttemptsOptions;
  #areOver = false;

  constructor(options: AttemptsOptions) {
    this.#options = options;
  }

  /** No further one is to be made, and how the last one failed says nothing about the sink. */
  get areOver(): boolean {
    return this.#areOver;
  }

  /** @param firstFailedAt when these records failed first, in the clock's monotonic time */
  async make(
    records: readonly LedgerRecord[],
    attempt: number,
    firstFailedAt: number | undefined,
  ): Promise<Outcome> {
    const { sender, outside, farSide, expiry, clock } = this.#options;
    const begunAt = clock.monotonic();
    const hungAfterMs = expiry.hungAfterMs(firstFailedAt, begunAt);
    const failure = await outside.hear(sender.send(records, attempt, hungAfterMs));
    const left = failure === undefined ? [] : notStored(records, failure);
    const stored = records.length - left.length;
    if (stored > 0) farSide.stored(stored, begunAt);
    return { begunAt, left, failure: left.length > 0 ? failure : undefined };
  }

  /** Aborts the one under way, if there is one. */
  end(reason: unknown): void {
    this.#areOver = true;
    this.#options.sender.abort(reason);
  }
}

function notStored(
  records: readonly LedgerRecord[],
  { verdict: { failed } }: Failure,
): readonly LedgerRecord[] {
  return failed === undefined ? records : records.filter((_, index) => failed.has(index));
}
