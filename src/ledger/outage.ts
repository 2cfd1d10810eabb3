import type { Clock, Timer } from '../clock.js';
import type { AuditError } from '../errors.js';

/** What keeps a ledger from writing. */
export interface LedgerTrouble {
  readonly message: string;
  /** By the clock's `monotonic`. */
  readonly since: number;
}

/** The first wait before writing is tried again after a failure; it doubles up to the longest. */
const RETRY_MS = 250;
const LONGEST_RETRY_MS = 5000;

/** A disk that refuses: what is wrong, since when, and when writing is tried again. */
export class Outage {
  readonly #clock: Clock;
  readonly #retry: () => void;
  #isOn = false;
  #mustRestart = false;
  #trouble: LedgerTrouble | undefined;
  #retryMs = RETRY_MS;
  #timer: Timer | undefined;

  constructor(clock: Clock, retry: () => void) {
    this.#clock = clock;
    this.#retry = retry;
  }

  /** Nothing can be written for now: records wait in memory. */
  get isOn(): boolean {
    return this.#isOn;
  }

  /** The newest segment can no longer be trusted: writing goes on in a new one. */
  get mustRestart(): boolean {
    return this.#mustRestart;
  }

  /** Stays after {@link attempt} until something is durable again. */
  get trouble(): LedgerTrouble | undefined {
    return this.#trouble;
  }

  /** Writing will be tried again by itself. */
  get awaitsRetry(): boolean {
    return this.#timer !== undefined;
  }

  /** @returns whether this is news, and not one more failure of the same outage */
  begin(error: AuditError, mustRestart: boolean): boolean {
    this.#isOn = true;
    this.#mustRestart ||= mustRestart;
    const isNews = this.#trouble === undefined;
    this.#trouble ??= this.#troubleOf(error);
    this.#timer ??= this.#clock.schedule(() => {
      this.#timer = undefined;
      this.#retry();
    }, this.#retryMs);
    this.#retryMs = Math.min(this.#retryMs * 2, LONGEST_RETRY_MS);
    return isNews;
  }

  /** Writing is tried; it has ended unless it fails again. */
  attempt(): void {
    this.#isOn = false;
  }

  /** A new segment has begun. */
  restarted(): void {
    this.#mustRestart = false;
  }

  /** Something is durable again. */
  forget(): void {
    this.#trouble = undefined;
    this.#retryMs = RETRY_MS;
  }

  /** For good: nothing is tried any more. */
  end(error?: AuditError): void {
    if (error !== undefined) this.#trouble = this.#troubleOf(error);
    this.#timer?.cancel();
  }

  #troubleOf({ message }: AuditError): LedgerTrouble {
    return { message, since: this.#clock.monotonic() };
  }
}
