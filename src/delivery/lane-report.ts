import { AuditError, messageOf, toError } from '../errors.js';
import type { LedgerRecord } from '../ledger/record.js';
import type { SinkFault } from '../sink.js';
import { guarded, type LaneObserver } from './observer.js';
import { type LaneTrouble, Troubles } from './troubles.js';

/** What a lane did since it was made. */
export interface LaneCounters {
  /** Events that the sink stored. */
  readonly delivered: number;
  /** Events that the lane's checker turned away. */
  readonly rejected: number;
  /** Records without an event, passed over. */
  readonly malformed: number;
  readonly failedAttempts: number;
  readonly deadLetters: number;
  /** Events given up, and such as were set aside and have gone from the ledger. */
  readonly lost: number;
}

/** Counts what a lane does, tells its observer, and remembers what is wrong. */
export class LaneReport {
  readonly #sink: string;
  readonly #observer: Required<LaneObserver>;
  readonly #now: () => number;
  readonly #troubles = new Troubles();
  readonly #counters = {
    delivered: 0,
    rejected: 0,
    malformed: 0,
    failedAttempts: 0,
    deadLetters: 0,
    lost: 0,
  };

  /**
   * @param sink its name, for messages
   * @param now the clock's monotonic time
   */
  constructor(sink: string, observer: LaneObserver, now: () => number) {
    this.#sink = sink;
    this.#observer = guarded(observer);
    this.#now = now;
  }

  get counters(): LaneCounters {
    return { ...this.#counters };
  }

  get worstTrouble(): LaneTrouble | undefined {
    return this.#troubles.worst;
  }

  passedOver(rejected: number, malformed: number): void {
    this.#counters.rejected += rejected;
    this.#counters.malformed += malformed;
    if (rejected > 0) this.#observer.rejected(rejected);
  }

  delivered(events: number, durationMs: number): void {
    this.#counters.delivered += events;
    this.#observer.delivered(events, durationMs);
  }

  /** Returns what was thrown as an Error. */
  failed(records: readonly LedgerRecord[], attempt: number, thrown: unknown): Error {
    this.#counters.failedAttempts += 1;
    const error = toError(thrown);
    const events = records.flatMap(({ content }) => content.event ?? []);
    this.#observer.failed(error, events, attempt);
    return error;
  }

  /** The sink is not well. */
  ailing(fault: Exclude<SinkFault, 'event'>, message: string): void {
    this.#troubles.add('sending', fault, message, this.#now());
  }

  /** The sink works. */
  well(): void {
    this.#troubles.end('sending');
  }

  setAside(record: LedgerRecord, error: Error): void {
    this.#observer.setAside(record, error);
  }

  dead(record: LedgerRecord, reason: string, attempts: number): void {
    this.#troubles.end('burying');
    this.#counters.deadLetters += 1;
    this.#observer.dead(record, reason, attempts);
  }

  notBuried(record: LedgerRecord, thrown: unknown): void {
    const error = this.#unavailable('a dead letter could not be kept', thrown);
    this.#troubles.add('burying', 'dead-letter', error.message, this.#now());
    this.#observer.trouble(error, [record]);
  }

  lost(records: readonly LedgerRecord[], error: Error): void {
    this.#counters.lost += records.length;
    this.#observer.lost(records, error);
  }

  /** A record that was set aside has gone from the ledger. */
  vanished(sequence: number): void {
    this.#counters.lost += 1;
    const message = `sink ${this.#sink}: record ${sequence} was set aside and is no longer there`;
    this.#observer.trouble(new AuditError('ledger-corrupt', message), []);
  }

  checkerFailed(error: AuditError, records: readonly LedgerRecord[]): void {
    this.#observer.trouble(error, records);
  }

  settled(upTo: number): void {
    this.#observer.settled(upTo);
  }

  read(): void {
    this.#troubles.end('reading');
  }

  notRead(what: string, thrown: unknown): void {
    const error = this.#unavailable(what, thrown);
    this.#troubles.add('reading', 'source', error.message, this.#now());
    this.#observer.trouble(thrown instanceof AuditError ? thrown : error, []);
  }

  saved(): void {
    this.#troubles.end('saving');
  }

  /** Returns the error that was told. */
  notSaved(thrown: unknown): AuditError {
    const error = this.#unavailable('its position could not be saved', thrown);
    this.#troubles.add('saving', 'position', error.message, this.#now());
    this.#observer.trouble(error, []);
    return error;
  }

  #unavailable(what: string, cause: unknown): AuditError {
    const message = `sink ${this.#sink}: ${what}: ${messageOf(cause)}`;
    return new AuditError('ledger-unavailable', message, { cause });
  }
}
