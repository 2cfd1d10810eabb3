import { context, ROOT_CONTEXT } from '@opentelemetry/api';
import type { EventPairChecker } from '../checker.js';
import type { Clock, Timer } from '../clock.js';
import { AuditError } from '../errors.js';
import type { LedgerRecord } from '../ledger/record.js';
import { backoffMs } from './backoff.js';
import { Gatherer } from './gatherer.js';
import { withinGrace } from './grace.js';
import { type LaneCounters, LaneReport } from './lane-report.js';
import { Milestones } from './milestones.js';
import type { LaneObserver } from './observer.js';
import { type Delivery, MAX_TIMER_MS } from './options.js';
import type { Outlet } from './outlet.js';
import { type Doom, halve, type Piece } from './piece.js';
import { PositionKeeper } from './position-keeper.js';
import { type Failure, Sender } from './sender.js';
import { SetAside, type SetAsideRecord } from './set-aside.js';
import type { DeadLetters, PositionStore, Source, SourceReader } from './source.js';
import type { LaneTrouble } from './troubles.js';
import { judge, type Verdict } from './verdict.js';

/** A batch that failed so often is halved, a single event set aside. */
const PATIENCE = 5;
/** What is set aside may hold up the others for a tenth of the time: a hung attempt is long. */
const ASIDE_PAUSE_FACTOR = 9;
/** How much longer than its deadline an attempt may take before it is given up without a ledger. */
const HEED_MS = 1000;
const AT_ONCE = Number.NEGATIVE_INFINITY;

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
 * source ──► gatherer ──► pieces ──► sender ──► sink
 *            one batch    a batch, or its halves
 *                           └──► set aside (at most 64) ──► tried in between
 * ```
 *
 * All of it happens in one loop, so nothing is sent twice at the same time. Every record is in
 * exactly one of the three places until it is settled, and what is in the first two is ascending:
 * everything before their first record is settled or set aside.
 */
export class Lane {
  readonly name: string;
  readonly #source: Source;
  readonly #outlet: Outlet;
  readonly #delivery: Delivery;
  readonly #deadLetters: DeadLetters | undefined;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #report: LaneReport;
  readonly #keeper: PositionKeeper;
  readonly #sender: Sender;
  readonly #reader: SourceReader;
  readonly #newGatherer: (from: number) => Gatherer;
  readonly #gatherer: Gatherer;
  readonly #aside: SetAside;
  readonly #milestones = new Milestones();
  /** For records that are set aside; open only while there are some. */
  #asideReader: SourceReader | undefined;
  #pieces: readonly Piece[] = [];
  #settled: number;
  #hurriedTo = 0;
  /** Sends that got through, whole or in part. */
  #gotThrough = 0;
  /** Failures in a row: of pieces, of what is set aside, of reads. */
  #failures = 0;
  #asideFailures = 0;
  #readFailures = 0;
  /** Since when pieces fail and nothing gets through. */
  #outageSince: number | undefined;
  /** Not before these moments is the next piece sent, or the source read. */
  #sendAt = AT_ONCE;
  #readAt = AT_ONCE;
  /** The part of `#sendAt` that the far side asked for. */
  #askedAt = AT_ONCE;
  #wake: (() => void) | undefined;
  /** It sleeps for want of records. */
  #isHungry = false;
  #loop: Promise<void> | undefined;
  #endGrowth: (() => void) | undefined;
  #isStopping = false;
  /** The loop hangs in something that does not end; should it, it must touch nothing more. */
  #isAbandoned = false;
  #stopped: Promise<void> | undefined;

  constructor(options: LaneOptions) {
    const { name, source, outlet, delivery, positions, clock, random } = options;
    this.name = name;
    this.#source = source;
    this.#outlet = outlet;
    this.#delivery = delivery;
    this.#deadLetters = options.deadLetters;
    this.#clock = clock;
    this.#random = random;
    this.#report = new LaneReport(name, options.observer ?? {}, () => clock.monotonic());
    const { acknowledged, waiting } = positions.position;
    this.#settled = acknowledged;
    this.#aside = new SetAside(waiting);
    this.#sender = new Sender(outlet, source.stream, clock);
    this.#reader = source.reader();
    this.#newGatherer = (from) =>
      new Gatherer({
        name,
        source,
        reader: this.#reader,
        checker: options.checker,
        limits: { count: delivery.maxBatch, bytes: delivery.maxBatchBytes },
        clock,
        from,
      });
    this.#gatherer = this.#newGatherer(acknowledged + 1);
    this.#keeper = new PositionKeeper({
      store: positions,
      current: () => ({ acknowledged: this.#settled, waiting: this.#aside.waiting }),
      backoff: delivery.backoff,
      clock,
      random,
      onSave: (failure) => {
        if (failure === undefined) this.#report.saved();
        else this.#report.notSaved(failure.thrown);
      },
    });
  }

  /** Begins to deliver, not before the current turn is over. A second call does nothing. */
  start(): void {
    if (this.#loop !== undefined || this.#isStopping) return;
    this.#endGrowth = this.#source.onGrowth(() => {
      if (this.#isHungry) this.#wake?.();
    });
    // The loop must not live in, nor keep alive, the context of the request that started it.
    this.#loop = context.with(ROOT_CONTEXT, () => this.#run());
  }

  /** Every record up to this one is delivered, rejected, dead, given up, or set aside. */
  get settled(): number {
    return this.#settled;
  }

  /** The records up to `settled` that are set aside and still tried, ascending. */
  get waiting(): readonly number[] {
    return this.#aside.waiting;
  }

  /** Records that the lane has not settled, those set aside left out. */
  get backlog(): number {
    return Math.max(0, this.#source.deliverable - this.#settled);
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
    if (upTo <= this.#hurriedTo) return;
    this.#hurriedTo = upTo;
    if (this.#isHungry) this.#wake?.();
  }

  /** Ends the present backoff, unless the far side asked for it: for a last try before the end. */
  retryNow(): void {
    this.#sendAt = Math.min(this.#sendAt, this.#askedAt);
    this.#readAt = AT_ONCE;
    this.#aside.hurry();
    this.#wake?.();
  }

  /**
   * Resolves once everything up to this record is settled. A record may be set aside by then: `waiting`
   * tells.
   *
   * @throws the signal's reason once it is aborted; {AuditError} `shutdown` when the lane stops first.
   */
  whenSettled(upTo: number, signal?: AbortSignal): Promise<void> {
    if (upTo <= this.#settled) return Promise.resolve();
    if (this.#stopped !== undefined) return Promise.reject(this.#shutDown());
    return this.#milestones.wait(upTo, signal);
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

  async #run(): Promise<void> {
    await null;
    while (!this.#isStopping) {
      try {
        await this.#turn();
      } catch (thrown) {
        // Not to be expected, and no reason to lose what is in the lane, nor to spin.
        this.#failToRead('its lane failed', thrown);
        this.#sendAt = this.#readAt;
        this.#aside.notBefore = this.#readAt;
      }
    }
  }

  /**
   * Does the one thing that is next, or waits until there is one. From looking for it to falling asleep
   * nothing else runs: whoever comes with something new is either seen, or wakes the lane.
   */
  async #turn(): Promise<void> {
    const entry = this.#aside.due(this.#now());
    if (entry !== undefined) return this.#retry(entry);
    if (this.#pieces.length === 0) {
      if (this.#gatherer.wantsMore && this.#readAt <= this.#now()) return this.#gather();
      this.#takeBatch();
    }
    const [piece] = this.#pieces;
    if (piece === undefined || this.#sendAt > this.#now()) return this.#sleep();
    await this.#deliver(piece);
    await this.#keeper.keepUp(2 * this.#delivery.maxBatch);
  }

  async #gather(): Promise<void> {
    const gatherer = this.#gatherer;
    try {
      await gatherer.fill();
      if (this.#isAbandoned) return;
      this.#endReading();
    } catch (thrown) {
      if (this.#isAbandoned) return;
      this.#failToRead('records could not be read', thrown);
    }
    const { rejected, malformed } = gatherer.takePassedOver();
    this.#report.passedOver(rejected, malformed);
    if (rejected + malformed > 0) this.#settle();
  }

  /** Takes what was gathered, unless it waits for company. */
  #takeBatch(): void {
    const gatherer = this.#gatherer;
    if (gatherer.isEmpty) return;
    const isAwaited = gatherer.first <= this.#hurriedTo || this.#readFailures > 0;
    if (!gatherer.isFull && !isAwaited && this.#lingersUntil() > this.#now()) return;
    this.#pieces = gatherer.take();
    for (const { records, doom } of this.#pieces) {
      if (doom?.cause instanceof AuditError) this.#report.checkerFailed(doom.cause, records);
    }
  }

  #lingersUntil(): number {
    return this.#gatherer.since + this.#delivery.maxDelayMs;
  }

  #sleep(): Promise<void> {
    const now = this.#now();
    const at = Math.min(this.#aside.nextAt, this.#nextAt(now));
    this.#isHungry = this.#pieces.length === 0 && this.#readAt <= now;
    return new Promise((resolve) => {
      let timer: Timer | undefined;
      const wake = () => {
        timer?.cancel();
        this.#wake = undefined;
        this.#isHungry = false;
        resolve();
      };
      this.#wake = wake;
      if (at === Number.POSITIVE_INFINITY) return;
      const ms = Math.max(0, Math.ceil(at - now));
      timer = this.#clock.schedule(wake, Math.min(ms, MAX_TIMER_MS));
    });
  }

  #nextAt(now: number): number {
    if (this.#pieces.length > 0) return this.#sendAt;
    if (this.#readAt > now) return this.#readAt;
    return this.#gatherer.isEmpty ? Number.POSITIVE_INFINITY : this.#lingersUntil();
  }

  /** Sends the first piece and draws the consequences. */
  async #deliver(piece: Piece): Promise<void> {
    const { records, doom } = piece;
    if (doom !== undefined) {
      const isBuried = await this.#bury(records[0]!, doom, piece.attempts);
      if (this.#isAbandoned) return;
      if (isBuried) this.#replaceFirst();
      else this.#sendAt = this.#backOff(++this.#failures);
      return;
    }
    const begunAt = this.#now();
    const failure = await this.#send(records, piece.attempts + 1, piece.firstFailedAt);
    if (this.#isAbandoned) return;
    if (failure === undefined) {
      this.#getThrough(records.length, begunAt);
      this.#replaceFirst();
      return;
    }
    const verdict = judge(failure.thrown, records.length);
    const { failed } = verdict;
    const left = failed === undefined ? records : records.filter((_, index) => failed.has(index));
    const stored = records.length - left.length;
    if (stored > 0) this.#getThrough(stored, begunAt);
    if (left.length === 0) {
      this.#replaceFirst();
      return;
    }
    const rest: Piece = {
      records: left,
      attempts: piece.attempts + 1,
      failures: stored > 0 ? 0 : piece.failures,
      firstFailedAt: piece.firstFailedAt ?? this.#now(),
    };
    if (this.#isStopping) this.#replaceFirst(rest);
    else this.#fail(rest, verdict, failure);
  }

  /** What becomes of a piece that was not stored. */
  #fail(piece: Piece, verdict: Verdict, failure: Failure): void {
    const { records } = piece;
    const error = this.#report.failed(records, piece.attempts, failure.thrown);
    if (verdict.fault === 'event') {
      // The far side works, and waiting would change nothing.
      this.#endOutage();
      this.#sendAt = AT_ONCE;
      if (records.length > 1) this.#replaceFirst(...halve(piece));
      else this.#replaceFirst({ ...piece, doom: { reason: verdict.message, cause: error } });
      return;
    }
    this.#report.ailing(verdict.fault, verdict.message);
    this.#outageSince ??= this.#now();
    this.#failures += 1;
    this.#askedAt = this.#now() + verdict.askedMs;
    this.#sendAt = Math.max(this.#backOff(this.#failures), this.#askedAt);
    if (this.#isGivenUp(piece.firstFailedAt, failure)) {
      this.#report.lost(records, error);
      this.#replaceFirst();
      return;
    }
    this.#sendAt = this.#notTooLate(this.#sendAt, piece.firstFailedAt);
    if (verdict.fault === 'sink') {
      this.#replaceFirst(piece);
      return;
    }
    const failed: Piece = { ...piece, failures: piece.failures + 1 };
    if (failed.failures < PATIENCE) this.#replaceFirst(failed);
    else if (records.length > 1) this.#replaceFirst(...halve(failed));
    else if (this.#aside.isFull) this.#replaceFirst(failed);
    else this.#setAside(failed, error);
  }

  #setAside(piece: Piece, error: Error): void {
    const record = piece.records[0]!;
    this.#aside.add({
      sequence: record.sequence,
      record: this.#deadLetters === undefined ? record : undefined,
      attempts: piece.attempts,
      failures: piece.failures,
      firstFailedAt: piece.firstFailedAt,
      dueAt: this.#sendAt,
      askedAt: this.#askedAt,
      gotThrough: this.#gotThrough,
      proven: false,
      doom: undefined,
    });
    this.#report.setAside(record, error);
    this.#replaceFirst();
  }

  /** Tries what is set aside once more. */
  async #retry(entry: SetAsideRecord): Promise<void> {
    const record = entry.record ?? (await this.#readAside(entry));
    if (record === undefined || this.#isStopping) return;
    if (entry.doom !== undefined) {
      const isBuried = await this.#bury(record, entry.doom, entry.attempts);
      if (this.#isAbandoned) return;
      if (isBuried) this.#leaveAside(entry);
      else entry.dueAt = this.#backOff(++entry.failures);
      return;
    }
    const begunAt = this.#now();
    const failure = await this.#send([record], entry.attempts + 1, entry.firstFailedAt);
    if (this.#isAbandoned) return;
    const verdict = failure && judge(failure.thrown, 1);
    if (failure === undefined || verdict === undefined || verdict.failed?.size === 0) {
      this.#getThrough(1, begunAt);
      this.#leaveAside(entry);
    } else if (!this.#isStopping) {
      this.#failAside(entry, record, verdict, failure, begunAt);
    }
  }

  /** What becomes of a record that is set aside and was not stored again. */
  #failAside(
    entry: SetAsideRecord,
    record: LedgerRecord,
    verdict: Verdict,
    failure: Failure,
    begunAt: number,
  ): void {
    const now = this.#now();
    entry.attempts += 1;
    entry.firstFailedAt ??= now;
    const error = this.#report.failed([record], entry.attempts, failure.thrown);
    if (verdict.fault !== 'event' && this.#isGivenUp(entry.firstFailedAt, failure)) {
      this.#report.lost([record], error);
      this.#leaveAside(entry);
      return;
    }
    const { maxElapsedMs } = this.#delivery;
    const othersGotThrough = this.#gotThrough > entry.gotThrough;
    entry.gotThrough = this.#gotThrough;
    if (verdict.fault === 'event') {
      this.#endOutage();
      entry.doom = { reason: verdict.message, cause: error };
    } else if (!othersGotThrough) {
      this.#report.ailing(verdict.fault, verdict.message);
    } else if (verdict.fault === 'transient' && now - entry.firstFailedAt >= maxElapsedMs) {
      const reason = `not stored for ${maxElapsedMs} ms while others were: ${verdict.message}`;
      entry.doom = { reason, cause: error };
    }
    if (entry.doom !== undefined) {
      entry.dueAt = now;
      entry.failures = 0;
      return;
    }
    entry.failures += 1;
    this.#asideFailures += 1;
    const pauseMs = (now - begunAt) * ASIDE_PAUSE_FACTOR;
    entry.askedAt = now + verdict.askedMs;
    const dueAt = Math.max(this.#backOff(entry.failures), now + pauseMs, entry.askedAt);
    const notBefore = Math.max(this.#backOff(this.#asideFailures), now + pauseMs);
    entry.dueAt = this.#notTooLate(dueAt, entry.firstFailedAt);
    this.#aside.notBefore = this.#notTooLate(notBefore, entry.firstFailedAt);
  }

  async #readAside(entry: SetAsideRecord): Promise<LedgerRecord | undefined> {
    const { sequence } = entry;
    try {
      this.#asideReader ??= this.#source.reader();
      this.#asideReader.release(this.#settled); // it must not keep others in memory
      const [record] = await this.#asideReader.read(sequence, { count: 1, bytes: 1 });
      if (this.#isAbandoned) return undefined;
      this.#endReading();
      if (record?.sequence === sequence && record.content.event !== undefined) return record;
    } catch (thrown) {
      if (!this.#isAbandoned) this.#failToRead('records could not be read', thrown);
      entry.dueAt = this.#backOff(++entry.failures);
      return undefined;
    }
    this.#report.vanished(sequence);
    this.#leaveAside(entry);
    return undefined;
  }

  #leaveAside(entry: SetAsideRecord): void {
    this.#aside.remove(entry);
    if (this.#aside.size === 0) {
      this.#asideReader?.close().catch(() => {}); // read from only: nothing can be lost
      this.#asideReader = undefined;
    }
    this.#keeper.moved();
    const before = this.#settled;
    this.#settle();
    // Who waits for this very record must learn of it, though nothing else has moved.
    if (this.#settled === before) this.#report.settled(before);
  }

  #send(
    records: readonly LedgerRecord[],
    attempt: number,
    firstFailedAt: number | undefined,
  ): Promise<Failure | undefined> {
    return this.#sender.send(records, attempt, this.#hungAfterMs(firstFailedAt));
  }

  /** With a ledger a lane can wait for ever; without one memory would fill behind a hung sink. */
  #hungAfterMs(firstFailedAt: number | undefined): number {
    if (this.#deadLetters !== undefined) return Number.POSITIVE_INFINITY;
    const now = this.#now();
    const leftMs = (firstFailedAt ?? now) + this.#delivery.maxElapsedMs - now;
    return Math.max(leftMs, this.#outlet.timeoutMs + HEED_MS);
  }

  #isGivenUp(firstFailedAt: number | undefined, failure: Failure): boolean {
    if (this.#deadLetters !== undefined) return false;
    if (failure.isHung) return true;
    if (firstFailedAt === undefined) return false;
    return this.#now() - firstFailedAt >= this.#delivery.maxElapsedMs;
  }

  /** Without a ledger a batch is given up at a time that is known: it is tried once more then. */
  #notTooLate(at: number, firstFailedAt: number | undefined): number {
    if (this.#deadLetters !== undefined || firstFailedAt === undefined) return at;
    return Math.min(at, firstFailedAt + this.#delivery.maxElapsedMs);
  }

  /** Keeps an event for good as refused. Returns whether it is: only then it is settled. */
  async #bury(record: LedgerRecord, doom: Doom, attempts: number): Promise<boolean> {
    const { reason, cause } = doom;
    if (this.#deadLetters === undefined) {
      this.#report.lost([record], cause);
      return true;
    }
    try {
      await this.#deadLetters.add(record, reason, attempts);
    } catch (thrown) {
      if (!this.#isAbandoned) this.#report.notBuried(record, thrown);
      return false;
    }
    if (!this.#isAbandoned) {
      this.#failures = 0;
      this.#report.dead(record, reason, attempts);
    }
    return true;
  }

  #getThrough(events: number, begunAt: number): void {
    this.#gotThrough += 1;
    this.#endOutage();
    this.#aside.prove();
    this.#report.delivered(events, this.#now() - begunAt);
  }

  /** The far side works. */
  #endOutage(): void {
    this.#failures = 0;
    this.#asideFailures = 0;
    this.#report.well();
    const since = this.#outageSince;
    this.#outageSince = undefined;
    // Without a ledger the bound is on memory, and memory fills during an outage too.
    if (since !== undefined && this.#deadLetters !== undefined) {
      this.#aside.discount(since, this.#now());
    }
  }

  #endReading(): void {
    this.#readFailures = 0;
    this.#report.read();
  }

  #failToRead(what: string, thrown: unknown): void {
    this.#readFailures += 1;
    this.#readAt = this.#backOff(this.#readFailures);
    this.#report.notRead(what, thrown);
  }

  #backOff(failures: number): number {
    return this.#now() + backoffMs(failures, this.#delivery.backoff, this.#random);
  }

  /** Puts these in the place of the first piece. */
  #replaceFirst(...pieces: readonly Piece[]): void {
    this.#pieces = [...pieces, ...this.#pieces.slice(1)];
    this.#settle();
  }

  /** Moves the position to where everything is settled or set aside for its own fault. */
  #settle(): void {
    const first = this.#pieces[0]?.records[0]?.sequence ?? this.#gatherer.first;
    const settled = Math.min(first, this.#aside.firstUnproven ?? first) - 1;
    if (settled <= this.#settled) return;
    this.#settled = settled;
    this.#reader.release(settled);
    this.#keeper.moved();
    this.#milestones.reach(settled);
    this.#report.settled(settled);
  }

  async #halt(graceMs: number): Promise<void> {
    const endsAt = this.#now() + graceMs;
    this.#isStopping = true;
    this.#endGrowth?.();
    this.#sender.abort(this.#shutDown());
    this.#wake?.();
    if (this.#loop !== undefined) await withinGrace(this.#clock, graceMs, this.#loop);
    this.#isAbandoned = true;
    if (this.#deadLetters === undefined) await this.#loseAll();
    this.#milestones.fail(this.#shutDown());
    await withinGrace(this.#clock, endsAt - this.#now(), this.#close());
  }

  async #close(): Promise<void> {
    const [saved] = await Promise.allSettled([this.#keeper.close()]);
    await Promise.allSettled([this.#reader.close(), this.#asideReader?.close()]);
    if (saved.status === 'rejected') throw this.#report.notSaved(saved.reason);
  }

  /** Memory ends with the process: what is still in it is told. */
  async #loseAll(): Promise<void> {
    const held = [
      ...this.#aside.entries.flatMap(({ record }) => record ?? []),
      ...this.#pieces.flatMap(({ records }) => records),
    ];
    if (held.length > 0) this.#report.lost(held, this.#shutDown());
    const rest = this.#newGatherer(this.#gatherer.first);
    while (rest.wantsMore || !rest.isEmpty) {
      await rest.fill();
      for (const { records } of rest.take()) this.#report.lost(records, this.#shutDown());
    }
  }

  #shutDown(): AuditError {
    return new AuditError('shutdown', `the lane of sink ${this.name} is stopped`);
  }

  #now(): number {
    return this.#clock.monotonic();
  }
}
