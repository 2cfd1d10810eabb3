import type { Clock } from '../clock.js';
import type { LedgerRecord } from '../ledger/record.js';
import type { Attempts } from './attempts.js';
import type { Burial } from './burial.js';
import type { Expiry } from './expiry.js';
import type { FarSide } from './far-side.js';
import type { LaneReport } from './lane-report.js';
import type { Progress } from './progress.js';
import type { Reading } from './reading.js';
import type { Failure } from './sender.js';
import type { SetAside, SetAsideRecord } from './set-aside.js';
import type { Source, SourceReader } from './source.js';

/** What is set aside may hold up the others for a tenth of the time: a hung attempt is long. */
const PAUSE_FACTOR = 9;

/** What delivering records that are set aside takes. */
export interface AsideDeliveryOptions {
  readonly source: Source;
  readonly reading: Reading;
  readonly attempts: Attempts;
  readonly burial: Burial;
  readonly aside: SetAside;
  readonly farSide: FarSide;
  readonly expiry: Expiry;
  readonly progress: Pick<Progress, 'settled' | 'updateAside'>;
  /** How long a record may fail alone while others get through. */
  readonly maxElapsedMs: number;
  readonly report: LaneReport;
  readonly clock: Clock;
}

/** Delivers what is set aside, one record at a time, in between the batches. */
export class AsideDelivery {
  readonly #options: AsideDeliveryOptions;
  /** Open only while there are some. */
  #reader: SourceReader | undefined;

  constructor(options: AsideDeliveryOptions) {
    this.#options = options;
  }

  /** Tries one once more, and draws the consequences. */
  async proceed(entry: SetAsideRecord): Promise<void> {
    const { attempts, burial } = this.#options;
    const record = entry.record ?? (await this.#read(entry));
    if (record === undefined || attempts.areOver) return;
    const { doom, retryTime } = entry;
    if (doom !== undefined) {
      const isBuried = await burial.bury(record, doom, entry.attempts, retryTime);
      if (isBuried) this.#leave(entry);
      return;
    }
    const number = entry.attempts + 1;
    const { begunAt, failure } = await attempts.make([record], number, entry.firstFailedAt);
    if (failure === undefined) this.#leave(entry);
    else if (!attempts.areOver) this.#fail(entry, record, failure, begunAt);
  }

  async close(): Promise<void> {
    await this.#reader?.close();
  }

  /** What becomes of a record that was not stored again. */
  #fail(
    entry: SetAsideRecord,
    record: LedgerRecord,
    { thrown, verdict, isHung }: Failure,
    begunAt: number,
  ): void {
    const { aside, farSide, expiry, maxElapsedMs, report, clock } = this.#options;
    const now = clock.monotonic();
    const { fault, message } = verdict;
    entry.attempts += 1;
    entry.firstFailedAt ??= now;
    const error = report.failed([record], entry.attempts, thrown);
    const expiresAt = expiry.of(entry.firstFailedAt);
    if (fault !== 'event' && (isHung || now >= expiresAt)) {
      report.lost([record], error);
      this.#leave(entry);
      return;
    }
    const othersGotThrough = farSide.gotThrough > entry.gotThrough;
    entry.gotThrough = farSide.gotThrough;
    if (fault === 'event') {
      farSide.works();
      entry.doom = { reason: message, cause: error };
    } else if (!othersGotThrough) {
      report.ailing(fault, message);
    } else if (fault === 'transient' && now - entry.firstFailedAt >= maxElapsedMs) {
      const reason = `not stored for ${maxElapsedMs} ms while others were: ${message}`;
      entry.doom = { reason, cause: error };
    }
    if (entry.doom !== undefined) {
      entry.retryTime.renew();
      return;
    }
    const pauseMs = (now - begunAt) * PAUSE_FACTOR;
    entry.retryTime.fail({ pauseMs, askedMs: verdict.askedMs });
    aside.retryTime.fail({ pauseMs });
    entry.retryTime.notAfter(expiresAt);
    aside.retryTime.notAfter(expiresAt);
  }

  async #read(entry: SetAsideRecord): Promise<LedgerRecord | undefined> {
    const { source, reading, report, progress } = this.#options;
    const { sequence } = entry;
    const result = await reading.try(async () => {
      this.#reader ??= source.reader();
      this.#reader.release(progress.settled); // it must not keep others in memory
      return this.#reader.read(sequence, { count: 1, bytes: 1 });
    });
    if (result === undefined) {
      entry.retryTime.fail();
      return undefined;
    }
    const [record] = result.found;
    if (record?.sequence === sequence && record.content.event !== undefined) return record;
    report.vanished(sequence);
    this.#leave(entry);
    return undefined;
  }

  /** It is settled. */
  #leave(entry: SetAsideRecord): void {
    const { aside, progress } = this.#options;
    aside.remove(entry);
    if (aside.size === 0) {
      this.#reader?.close().catch(() => {}); // read from only: nothing can be lost
      this.#reader = undefined;
    }
    progress.updateAside();
  }
}
