import type { LedgerRecord } from '../ledger/record.js';
import type { Doom } from './piece.js';
import { type Pacing, RetryTime } from './retry-time.js';

/** How many records a lane may set aside. Each of them costs an attempt of its own, again and again. */
const MAX_SET_ASIDE = 64;

/** A record that failed alone again and again, so that the lane went on past it. */
export interface SetAsideRecord {
  readonly sequence: number;
  /** The record itself where no ledger has it. */
  readonly record: LedgerRecord | undefined;
  readonly retryTime: RetryTime;
  attempts: number;
  /** In the clock's monotonic time; undefined after a restart, until it fails again. */
  firstFailedAt: number | undefined;
  /** How many sends had got through at its last attempt. */
  gotThrough: number;
  /** Something else got through after it was set aside. Before that the sink may just be down. */
  proven: boolean;
  doom: Doom | undefined;
}

/** What a lane has set aside, ascending. */
export class SetAside {
  #entries: SetAsideRecord[];
  /** When any of them may be tried, so that many of them do not crowd the sink. */
  readonly retryTime: RetryTime;

  /** @param waiting what an earlier run had set aside */
  constructor(waiting: readonly number[], pacing: Pacing) {
    this.retryTime = new RetryTime(pacing);
    this.#entries = waiting.map((sequence) => ({
      sequence,
      record: undefined,
      retryTime: new RetryTime(pacing),
      attempts: 0,
      firstFailedAt: undefined,
      gotThrough: 0,
      proven: true,
      doom: undefined,
    }));
  }

  get size(): number {
    return this.#entries.length;
  }

  get isFull(): boolean {
    return this.#entries.length >= MAX_SET_ASIDE;
  }

  /** Those that no ledger has. */
  get records(): readonly LedgerRecord[] {
    return this.#entries.flatMap(({ record }) => record ?? []);
  }

  /** The first one for which there is no proof yet that the fault is its own. */
  get firstUnproven(): number | undefined {
    return this.#entries.find(({ proven }) => !proven)?.sequence;
  }

  /** The proven ones: what a position may name as waiting. */
  get waiting(): readonly number[] {
    return this.#entries.filter(({ proven }) => proven).map(({ sequence }) => sequence);
  }

  /** Adds one behind the others. */
  add(entry: SetAsideRecord): void {
    this.#entries.push(entry);
  }

  remove(entry: SetAsideRecord): void {
    this.#entries = this.#entries.filter((other) => other !== entry);
  }

  /** The one that is due the longest. */
  due(now: number): SetAsideRecord | undefined {
    if (this.#entries.length === 0 || this.retryTime.at > now) return undefined;
    const entry = this.#soonest();
    return entry.retryTime.at <= now ? entry : undefined;
  }

  /** When the next one is due. */
  get nextAt(): number {
    if (this.#entries.length === 0) return Number.POSITIVE_INFINITY;
    return Math.max(this.retryTime.at, this.#soonest().retryTime.at);
  }

  /** Something got through: what is set aside fails by itself. */
  prove(): void {
    for (const entry of this.#entries) entry.proven = true;
  }

  /** A time in which nothing got through is no evidence against any of them. */
  discount(from: number, to: number): void {
    for (const entry of this.#entries) {
      if (entry.firstFailedAt === undefined) continue;
      entry.firstFailedAt += to - Math.max(from, entry.firstFailedAt);
    }
  }

  /** Ends every backoff, but what the far side asked for. */
  hurry(): void {
    this.retryTime.hurry();
    for (const { retryTime } of this.#entries) retryTime.hurry();
  }

  #soonest(): SetAsideRecord {
    return this.#entries.reduce((a, b) => (b.retryTime.at < a.retryTime.at ? b : a));
  }
}
