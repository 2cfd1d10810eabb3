import type { Clock } from '../clock.js';
import type { LedgerRecord } from '../ledger/record.js';
import type { Attempts } from './attempts.js';
import type { Burial } from './burial.js';
import type { Expiry } from './expiry.js';
import type { FarSide } from './far-side.js';
import type { LaneReport } from './lane-report.js';
import { halve, type Piece } from './piece.js';
import type { Progress } from './progress.js';
import type { RetryTime } from './retry-time.js';
import type { Failure } from './sender.js';
import type { SetAside } from './set-aside.js';

/** A batch that failed so often is halved, a single event set aside. */
const PATIENCE = 5;

/** What delivering batches takes. */
export interface BatchDeliveryOptions {
  readonly attempts: Attempts;
  readonly burial: Burial;
  readonly aside: SetAside;
  readonly farSide: FarSide;
  readonly expiry: Expiry;
  readonly retryTime: RetryTime;
  readonly progress: Pick<Progress, 'update'>;
  readonly hasLedger: boolean;
  readonly report: LaneReport;
  readonly clock: Clock;
}

/** Delivers one batch after another, in order, each in as few pieces as its failures leave of it. */
export class BatchDelivery {
  /** When the next attempt is due. */
  readonly retryTime: RetryTime;
  readonly #options: BatchDeliveryOptions;
  #pieces: readonly Piece[] = [];

  constructor(options: BatchDeliveryOptions) {
    this.retryTime = options.retryTime;
    this.#options = options;
  }

  get isDone(): boolean {
    return this.#pieces.length === 0;
  }

  /** What is left of the batch, ascending. */
  get records(): readonly LedgerRecord[] {
    return this.#pieces.flatMap(({ records }) => records);
  }

  /** The first record that is left of it. */
  get first(): number | undefined {
    return this.#pieces[0]?.records[0]?.sequence;
  }

  /** Takes the next batch on, once the last one is done. */
  begin(pieces: readonly Piece[]): void {
    this.#pieces = pieces;
  }

  /** Makes one attempt for the first piece, and draws the consequences. */
  async proceed(): Promise<void> {
    const { attempts, burial, retryTime, clock } = this.#options;
    const piece = this.#pieces[0]!;
    const { records, doom } = piece;
    if (doom !== undefined) {
      const isBuried = await burial.bury(records[0]!, doom, piece.attempts, retryTime);
      if (isBuried) this.#replaceFirst();
      return;
    }
    const number = piece.attempts + 1;
    const { left, failure } = await attempts.make(records, number, piece.firstFailedAt);
    if (failure === undefined) {
      this.#replaceFirst();
      return;
    }
    const rest: Piece = {
      records: left,
      attempts: number,
      failures: left.length < records.length ? 0 : piece.failures,
      firstFailedAt: piece.firstFailedAt ?? clock.monotonic(),
    };
    if (attempts.areOver) this.#replaceFirst(rest);
    else this.#fail(rest, failure);
  }

  /** What becomes of a piece that was not stored. */
  #fail(piece: Piece, { thrown, verdict, isHung }: Failure): void {
    const { aside, farSide, expiry, retryTime, report, clock } = this.#options;
    const { records } = piece;
    const error = report.failed(records, piece.attempts, thrown);
    if (verdict.fault === 'event') {
      // The far side works, and waiting would change nothing.
      farSide.works();
      if (records.length > 1) this.#replaceFirst(...halve(piece));
      else this.#replaceFirst({ ...piece, doom: { reason: verdict.message, cause: error } });
      return;
    }
    farSide.fails(verdict.fault, verdict.message);
    retryTime.fail({ askedMs: verdict.askedMs });
    // What is set aside waits with the batches. They do not wait for it: one event must not block a lane.
    if (verdict.askedMs !== undefined) aside.retryTime.ask(verdict.askedMs);
    const expiresAt = expiry.of(piece.firstFailedAt);
    if (isHung || clock.monotonic() >= expiresAt) {
      report.lost(records, error);
      this.#replaceFirst();
      return;
    }
    retryTime.notAfter(expiresAt);
    if (verdict.fault === 'sink') this.#replaceFirst(piece);
    else this.#tryOn({ ...piece, failures: piece.failures + 1 }, error);
  }

  /** What becomes of a piece that failed transiently. */
  #tryOn(piece: Piece, error: Error): void {
    if (piece.failures < PATIENCE) this.#replaceFirst(piece);
    else if (piece.records.length > 1) this.#replaceFirst(...halve(piece));
    else if (this.#options.aside.isFull) this.#replaceFirst(piece);
    else this.#setAside(piece, error);
  }

  #setAside({ records, attempts, failures, firstFailedAt }: Piece, error: Error): void {
    const { aside, farSide, retryTime, hasLedger, report } = this.#options;
    const record = records[0]!;
    aside.add({
      sequence: record.sequence,
      record: hasLedger ? undefined : record,
      retryTime: retryTime.fork(failures),
      attempts,
      firstFailedAt,
      gotThrough: farSide.gotThrough,
      proven: false,
      doom: undefined,
    });
    report.setAside(record, error);
    this.#replaceFirst();
  }

  /** Puts these in the place of the first piece. */
  #replaceFirst(...pieces: readonly Piece[]): void {
    this.#pieces = [...pieces, ...this.#pieces.slice(1)];
    this.#options.progress.update();
  }
}
