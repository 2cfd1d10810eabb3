import type { Clock, Timer } from '../clock.js';
import type { SegmentWriter } from './segment-writer.js';

/** With nobody waiting a sync may wait for company. */
const LAZY_MS = 10;
/** A group up to this size is synced at once, while that takes less than a millisecond. */
const BLOCKING_BYTES = 64 * 1024;
const BLOCKING_MS = 1;
/** For how long such syncs may follow each other before the event loop gets a turn. */
const HOLD_MS = 5;

/** The ledger, as its syncs see it. */
export interface SyncSubject {
  /** The newest record that a sync begun now may make durable; undefined if there is nothing to gain. */
  target(): number | undefined;
  /** A sync has ended, well or with an error as from fdatasync. */
  synced(target: number, error: unknown): void;
  /** A sync in the background has ended, and was told of: another one may begin. */
  idle(): void;
}

/** Makes what is written durable, one sync at a time: beside another it could not tell whose failure is whose. */
export class Syncer {
  readonly #writer: SegmentWriter;
  readonly #clock: Clock;
  readonly #subject: SyncSubject;
  #isBusy = false;
  #timer: Timer | undefined;
  /** How long a sync takes, on average of the last few. */
  #averageMs = BLOCKING_MS;
  /** When the event loop was first held up in its present turn, if it was. */
  #holdingSince: number | undefined;

  constructor(writer: SegmentWriter, clock: Clock, subject: SyncSubject) {
    this.#writer = writer;
    this.#clock = clock;
    this.#subject = subject;
  }

  /** A sync is under way in the background. */
  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** Soon, with what comes until then. */
  soon(): void {
    if (this.#isBusy) return; // its end comes back here
    this.#timer ??= this.#clock.schedule(() => {
      this.#timer = undefined;
      this.inBackground();
    }, LAZY_MS);
  }

  /** At once, in the way that takes the least time. */
  now(bytes: number): void {
    const isShort = bytes <= BLOCKING_BYTES && this.#averageMs < BLOCKING_MS;
    if (isShort && this.#mayHold()) this.blocking();
    else this.inBackground();
  }

  /**
   * Who awaits receipts in a loop goes on in the very turn in which a blocking sync ends: without a bound neither a
   * timer nor a socket would be heard before the end of that loop.
   */
  #mayHold(): boolean {
    const now = this.#clock.monotonic();
    if (this.#holdingSince === undefined) {
      this.#holdingSince = now;
      setImmediate(this.#noteTurn);
    }
    return now - this.#holdingSince < HOLD_MS;
  }

  readonly #noteTurn = (): void => {
    this.#holdingSince = undefined;
  };

  inBackground(): void {
    if (this.#isBusy) return;
    const target = this.#subject.target();
    if (target === undefined) return;
    this.stop();
    this.#isBusy = true;
    const start = this.#clock.monotonic();
    this.#writer.sync((error) => {
      this.#isBusy = false;
      this.#noteTime(start);
      this.#subject.synced(target, error);
      this.#subject.idle();
    });
  }

  blocking(): void {
    if (this.#isBusy) return;
    const target = this.#subject.target();
    if (target === undefined) return;
    const start = this.#clock.monotonic();
    let fault: unknown;
    try {
      this.#writer.syncSync();
    } catch (error) {
      fault = error ?? new Error('unknown');
    }
    this.#noteTime(start);
    this.#subject.synced(target, fault);
  }

  /** No sync begins by itself any more. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** The end of a sync under way will not be heard. */
  abandon(): void {
    this.#isBusy = false;
  }

  #noteTime(start: number): void {
    this.#averageMs += (this.#clock.monotonic() - start - this.#averageMs) / 8;
  }
}
