import type { EventPairChecker } from '../checker.js';
import type { Clock } from '../clock.js';
import { AuditError } from '../errors.js';
import { AsideDelivery } from './aside-delivery.js';
import { Attempts } from './attempts.js';
import { BatchDelivery } from './batch-delivery.js';
import { Burial } from './burial.js';
import { Expiry } from './expiry.js';
import { FarSide } from './far-side.js';
import { Gatherer } from './gatherer.js';
import { withinGrace } from './grace.js';
import { Intake } from './intake.js';
import { type LaneCounters, LaneReport } from './lane-report.js';
import { Loop } from './loop.js';
import type { LaneObserver } from './observer.js';
import type { Delivery } from './options.js';
import type { Outlet } from './outlet.js';
import { Outside } from './outside.js';
import { Progress } from './progress.js';
import { Reading } from './reading.js';
import { RetryTime } from './retry-time.js';
import { Sender } from './sender.js';
import { SetAside } from './set-aside.js';
import type { DeadLetters, PositionStore, Source, SourceReader } from './source.js';
import type { LaneTrouble } from './troubles.js';

/** What a lane needs. */
export interface LaneOptions {
  /** The sink's name. */
  readonly name: string;
  readonly source: Source;
  readonly outlet: Outlet;
  readonly checker?: EventPairChecker | undefined;
  readonly delivery: Delivery;
  readonly positions: PositionStore;
  /** Left out without a ledger: then what cannot be delivered is given up and told. */
  readonly deadLetters?: DeadLetters | undefined;
  readonly clock: Clock;
  /** Numbers from 0 inclusive to 1 exclusive. */
  readonly random: () => number;
  readonly observer?: LaneObserver | undefined;
}

/**
 * Moves records from a source to one sink: in order, in batches, again and again until each is stored,
 * a dead letter, or, without a ledger, given up.
 *
 * ```
 * source ──► intake ──► batch delivery ──────────────► attempts ──► sink
 *            the next    the present one, or                ▲
 *            batch       its halves                         │
 *                          └──► set aside (at most 64) ──► aside delivery, in between
 * ```
 *
 * All of it happens in one loop, so nothing is sent twice at the same time. Every record is in
 * exactly one of the three places until it is settled, and what is in the first two is ascending:
 * everything before their first record is settled or set aside.
 */
export class Lane {
  readonly name: string;
  readonly #source: Source;
  readonly #reader: SourceReader;
  readonly #outlet: Outlet;
  readonly #intake: Intake;
  readonly #batches: BatchDelivery;
  readonly #aside: SetAside;
  readonly #asideDelivery: AsideDelivery;
  readonly #attempts: Attempts;
  readonly #progress: Progress;
  readonly #report: LaneReport;
  readonly #loop: Loop;
  readonly #outside = new Outside();
  readonly #hasLedger: boolean;
  readonly #clock: Clock;
  #endGrowth: (() => void) | undefined;
  #stopped: Promise<void> | undefined;

  constructor(options: LaneOptions) {
    const { name, source, outlet, checker, delivery, positions, deadLetters, clock } = options;
    const { maxBatch, maxBatchBytes, maxDelayMs, maxElapsedMs, backoff } = delivery;
    const { timeoutMs } = outlet;
    const { acknowledged, waiting } = positions.position;
    const hasLedger = deadLetters !== undefined;
    const pacing = { backoff, clock, random: options.random };
    const outside = this.#outside;
    const report = new LaneReport(name, options.observer ?? {}, () => clock.monotonic());

    const reader = source.reader();
    const reading = new Reading(outside, report, pacing);
    const limits = { count: maxBatch, bytes: maxBatchBytes };
    const from = acknowledged + 1;
    const gatherer = new Gatherer({ name, source, reader, checker, limits, clock, from });
    const intake = new Intake({ gatherer, reading, report, maxDelayMs });

    const retryTime = new RetryTime(pacing);
    const aside = new SetAside(waiting, pacing);
    const farSide = new FarSide({ retryTime, aside, hasLedger, report, clock });
    const expiry = new Expiry({ hasLedger, maxElapsedMs, timeoutMs });
    const sender = new Sender(outlet, source.stream, clock);
    const attempts = new Attempts({ sender, outside, farSide, expiry, clock });
    const burial = new Burial(deadLetters, outside, report);
    const firstOpen = () => this.#batches.first ?? intake.first;
    const progress = new Progress({ positions, aside, firstOpen, reader, report, pacing });
    const means = { attempts, burial, aside, farSide, expiry, progress, report, clock };
    const batches = new BatchDelivery({ ...means, retryTime, hasLedger });
    const asideDelivery = new AsideDelivery({ ...means, source, reading, maxElapsedMs });

    this.name = name;
    this.#source = source;
    this.#reader = reader;
    this.#outlet = outlet;
    this.#intake = intake;
    this.#batches = batches;
    this.#aside = aside;
    this.#asideDelivery = asideDelivery;
    this.#attempts = attempts;
    this.#progress = progress;
    this.#report = report;
    this.#hasLedger = hasLedger;
    this.#clock = clock;
    const maxBehind = 2 * maxBatch;
    const turns = { intake, reading, batches, aside, asideDelivery, progress, maxBehind, clock };
    this.#loop = new Loop(turns);
  }

  /** Begins to deliver, not before the current turn is over. A second call does nothing. */
  start(): void {
    if (this.#loop.isStarted || this.#stopped !== undefined) return;
    this.#endGrowth = this.#source.onGrowth(() => this.#loop.feed());
    this.#loop.start();
  }

  /** Every record up to this one is delivered, rejected, dead, given up, or set aside. */
  get settled(): number {
    return this.#progress.settled;
  }

  /** The records up to `settled` that are set aside and still tried, ascending. */
  get waiting(): readonly number[] {
    return this.#progress.waiting;
  }

  /** Records that the lane has not settled, those set aside left out. */
  get backlog(): number {
    return Math.max(0, this.#source.deliverable - this.settled);
  }

  get counters(): LaneCounters {
    return this.#report.counters;
  }

  /** Why the lane is not well, if it is not. */
  health(): LaneTrouble | undefined {
    const { overdueSince, timeoutMs } = this.#outlet;
    const worst = this.#report.worstTrouble;
    if (overdueSince === undefined || worst?.kind === 'source') return worst;
    const message = `the sink has not settled a batch in ${timeoutMs} ms, nor when it was aborted`;
    return { kind: 'overdue', message, since: overdueSince };
  }

  /** Somebody waits for everything up to this record: it is sent without waiting for company. */
  hurry(upTo: number): void {
    this.#loop.hurry(upTo);
  }

  /** Ends the present backoff, unless the far side asked for it: for a last try before the end. */
  retryNow(): void {
    this.#loop.retryNow();
  }

  /**
   * Sends nothing more, aborts what is in flight, waits until it settles, saves the position and
   * closes what it reads from. What has not settled by the end of the grace is abandoned; with a
   * ledger it comes again, without one all that is not delivered is told as lost. A second call
   * returns the same promise.
   *
   * @throws {AuditError} `ledger-unavailable`, when the position could not be saved.
   */
  stop(graceMs: number): Promise<void> {
    this.#stopped ??= this.#halt(graceMs);
    return this.#stopped;
  }

  async #halt(graceMs: number): Promise<void> {
    const endsAt = this.#clock.monotonic() + graceMs;
    this.#endGrowth?.();
    this.#attempts.end(this.#shutDown());
    await withinGrace(this.#clock, graceMs, this.#loop.stop());
    this.#outside.giveUp();
    if (!this.#hasLedger) await this.#loseAll();
    await withinGrace(this.#clock, endsAt - this.#clock.monotonic(), this.#close());
  }

  async #close(): Promise<void> {
    const [saved] = await Promise.allSettled([this.#progress.close()]);
    await Promise.allSettled([this.#reader.close(), this.#asideDelivery.close()]);
    if (saved.status === 'rejected') throw saved.reason;
  }

  /** Memory ends with the process: what is still in it is told. */
  async #loseAll(): Promise<void> {
    const held = [...this.#aside.records, ...this.#batches.records];
    if (held.length > 0) this.#report.lost(held, this.#shutDown());
    for await (const records of this.#intake.rest()) this.#report.lost(records, this.#shutDown());
  }

  #shutDown(): AuditError {
    return new AuditError('shutdown', `the lane of sink ${this.name} is stopped`);
  }
}
