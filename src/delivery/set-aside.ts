import type { LedgerRecord } from '../ledger/record.js';
import type { Doom } from './piece.js';

/** How many records a lane may set aside. Each of them costs an attempt of its own, again and again. */
const MAX_SET_ASIDE = 64;

/** A record that failed alone again and again, so that the lane went on past it. */
export interface SetAsideRecord {
  readonly sequence: number;
  /** The record itself where no ledger has it. */
  readonly record: LedgerRecord | undefined;
  attempts: number;
  failures: number;
  /** In the clock's monotonic time; undefined after a restart, until it fails again. */
  firstFailedAt: number | undefined;
  /** Not tried before. */
  dueAt: number;
  /** The part of that which the far side asked for. */
  askedAt: number;
  /** How many sends had got through at its last attempt. */
  gotThrough: number;
  /** Something else got through after it was set aside. Before that the sink may just be down. */
  proven: boolean;
  doom: Doom | undefined;
}

/** What a lane has set aside, ascending. */
export class SetAside {
  #entries: SetAsideRecord[];
  /** Not before this moment is any of them tried, so that many of them do not crowd the sink. */
  notBefore = Number.NEGATIVE_INFINITY;

  /** @param waiting what an earlier run had set aside */
  constructor(waiting: readonly number[]) {
    this.#entries = waiting.map((sequence) => ({
      sequence,
      record: undefined,
      attempts: 0,
      failures: 0,
      firstFailedAt: undefined,
      dueAt: Number.NEGATIVE_INFINITY,
      askedAt: Number.NEGATIVE_INFINITY,
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

  get entries(): readonly SetAsideRecord[] {
    return this.#entries;
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
    if (this.#entries.length === 0 || this.notBefore > now) return undefined;
    const entry = this.#soonest();
    return entry.dueAt <= now ? entry : undefined;
  }

  /** When the next one is due. */
  get nextAt(): number {
    if (this.#entries.length === 0) return Number.POSITIVE_INFINITY;
    return Math.max(this.notBefore, this.#soonest().dueAt);
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
    this.notBefore = Number.NEGATIVE_INFINITY;
    for (const entry of this.#entries) entry.dueAt = Math.min(entry.dueAt, entry.askedAt);
  }

  #soonest(): SetAsideRecord {
    return this.#entries.reduce((a, b) => (b.dueAt < a.dueAt ? b : a));
  }
}
