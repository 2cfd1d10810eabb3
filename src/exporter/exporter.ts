import type { Clock, Timer } from '../clock.js';
import { keepAlive, keepAliveUntil, letGo } from '../delivery/keep-alive.js';
import type { Lane } from '../delivery/lane.js';
import { MemorySource } from '../delivery/memory-source.js';
import type { PositionStore } from '../delivery/source.js';
import { complain, warn } from '../diagnostics.js';
import { AuditError, messageOf, toError } from '../errors.js';
import type { AuditEvent } from '../event/event.js';
import { unrecordedCount } from '../event/unrecorded.js';
import { Ledger, type LedgerObserver } from '../ledger/ledger.js';
import { bodyOf, type RecordContent } from '../ledger/record.js';
import { AbandonedSlots, openSlotSync } from '../ledger/slots.js';
import { whenProcessExits, whenProcessIdles } from '../process-exit.js';
import type { AuditReceipt } from '../receipt.js';
import { atEndOfTurn } from '../turn.js';
import { CAPTURE, Capture } from './capture.js';
import { collectEvents } from './collect.js';
import { Deadlines } from './deadlines.js';
import { Deliveries, joinErrors } from './deliveries.js';
import { Destination } from './destination.js';
import { Intake } from './intake.js';
import { ledgerStore, memoryStore } from './lane-store.js';
import { Metrics } from './metrics.js';
import {
  type ResolvedOptions,
  requireTimeout,
  resolveOptions,
  type SinkSpanExporterOptions,
} from './options.js';
import { toRecorded } from './recorded.js';
import { Reporter } from './reporter.js';
import type { SendOptions } from './send-options.js';
import { SlotDrain } from './slot-drain.js';
import { EXPORT_FAILED, EXPORT_SUCCESS, type ExportResult, type ReadableSpan } from './span.js';
import type { ExporterHealth, ExporterStats, HealthProblem } from './stats.js';

const SEND_TIMEOUT_MS = 30_000;
const FLUSH_TIMEOUT_MS = 30_000;
const SHUTDOWN_TIMEOUT_MS = 10_000;
/** What an aborted attempt, and a sink that closes, may still take when the deadline is over. */
const GRACE_MS = 1000;
/** How often old segments, and slots whose writers are gone, are looked for. */
const HOUSEKEEPING_MS = 10_000;
/** Without a ledger: a record besides its texts. */
const RECORD_BYTES = 500;
const MEMORY_BYTES = 64 * 2 ** 20;

/**
 * A `SpanExporter` that decodes the audit events on spans, filters them, keeps each of them in a
 * ledger, and delivers them from there to every sink.
 *
 * @throws {AuditError} `invalid-option`, naming the option; `ledger-locked`, `ledger-corrupt` or
 * `ledger-unavailable`, naming file and remedy.
 * @example
 * const exporter = new SinkSpanExporter({
 *   ledger: 'audit',
 *   sinks: { file: logSink({ file: 'audit.jsonl' }) },
 *   checker: new Checker(['flag:*']),
 * });
 * const provider = new NodeTracerProvider({
 *   sampler: alwaysRecord(new AlwaysOnSampler()),
 *   spanProcessors: [new AuditSpanProcessor(exporter)],
 * });
 */
export class SinkSpanExporter {
  /** For `AuditSpanProcessor`. */
  readonly [CAPTURE]: Capture;
  readonly #options: ResolvedOptions;
  readonly #clock: Clock;
  readonly #reporter: Reporter;
  readonly #intake: Intake;
  readonly #metrics: Metrics;
  readonly #destinations: readonly Destination[];
  readonly #ledger: Ledger | undefined;
  readonly #memory: MemorySource | undefined;
  readonly #lanes: readonly Lane[];
  readonly #deliveries: Deliveries;
  readonly #sendDeadlines: Deadlines;
  readonly #forgetProcess: readonly (() => void)[];
  readonly #slotDrain: SlotDrain | undefined;
  #positions: readonly PositionStore[] = [];
  #housekeeping: Timer | undefined;
  #turnScheduled = false;
  /** The newest record when the process last idled, so that it may end after one try. */
  #idledAt = -1;
  #closed = false;
  #shutdown: Promise<void> | undefined;

  constructor(options: SinkSpanExporterOptions) {
    const resolved = resolveOptions(options);
    const { clock, random, checker, maxEventBytes } = resolved;
    this.#options = resolved;
    this.#clock = clock;
    this.#reporter = new Reporter(clock, resolved.onError);
    this.#intake = new Intake({
      checker,
      maxEventBytes,
      append: (content) => this.#append(content),
      reporter: this.#reporter,
    });
    this.#metrics = new Metrics(() => this.stats());
    this.#destinations = resolved.sinks.map(
      (named) =>
        new Destination(named, clock, random, this.#reporter, {
          progressed: (lane) => this.#deliveries.progressed(lane),
          failed: (lane, sequence, error) => {
            if (this.#lanes.includes(lane)) this.#deliveries.failed(sequence, error);
          },
          delivered: (sink, durationMs) => {
            this.#metrics.exported(sink, durationMs);
            this.#metrics.update();
          },
        }),
    );
    if (resolved.ledger === undefined) {
      warn(
        'there is no ledger: events wait in memory, and what is not delivered ends with the process',
      );
      this.#memory = new MemorySource(MEMORY_BYTES);
    } else if (resolved.ledger.slots) {
      this.#ledger = openSlotSync(resolved.ledger, clock, this.#ledgerObserver());
      this.#slotDrain = new SlotDrain(
        new AbandonedSlots(resolved.ledger, this.#ledger, clock, this.#ledgerObserver()),
        this.#destinations,
        this.#reporter,
        clock,
      );
    } else {
      this.#ledger = new Ledger(resolved.ledger, clock, this.#ledgerObserver());
    }
    try {
      this.#lanes = this.#openLanes();
    } catch (error) {
      this.#ledger?.abandon();
      throw error;
    }
    this.#deliveries = new Deliveries(this.#lanes);
    this.#sendDeadlines = new Deadlines(clock, SEND_TIMEOUT_MS);
    this[CAPTURE] = new Capture(
      {
        queued: () => this.#scheduleTurn(),
        event: (event, late) => this.#quietly(() => this.#intake.capture(event, late)),
        malformed: (content) => this.#quietly(() => this.#intake.captureMalformed(content)),
      },
      clock,
    );
    this.#forgetProcess = [
      whenProcessExits(() => this.#exit()),
      whenProcessIdles(() => this.#drainOnce()),
    ];
    for (const lane of this.#lanes) lane.start();
    if (this.#ledger !== undefined) {
      this.#ledger.onRoll = () => atEndOfTurn(() => this.#retire());
      this.#keepHouse();
    }
  }

  /**
   * Takes the audit events of ended spans. The callback gets code 0 once they are in the ledger or,
   * without one, once every sink has stored them; and code 1 with the cause when one could not be
   * kept, or after `shutdown`. Spans that an `AuditSpanProcessor` has captured are not taken again.
   * Never throws.
   */
  export(spans: readonly ReadableSpan[], resultCallback: (result: ExportResult) => void): void {
    const answer = (error?: Error) => {
      try {
        resultCallback(
          error === undefined ? { code: EXPORT_SUCCESS } : { code: EXPORT_FAILED, error },
        );
      } catch (thrown) {
        complain(`the callback of export threw: ${messageOf(thrown)}`);
      }
    };
    let errors: Error[];
    let kept: { first: number; last: number } | undefined;
    try {
      ({ errors, kept } = this.#take(spans));
    } catch (thrown) {
      answer(toError(thrown));
      return;
    }
    const finish = (error?: Error) => {
      if (error !== undefined) errors.push(error);
      answer(errors.length === 0 ? undefined : joinErrors(errors));
    };
    if (kept === undefined) finish();
    else this.#whenKept(kept.first, kept.last, finish);
  }

  /**
   * Records events without a span, and resolves with a receipt for each once it is in the ledger
   * (`until: 'durable'`) or with every sink too (`'delivered'`); `null` stands for an event that the
   * checker turned away. Without a ledger it always waits for the sinks, and there are no receipts:
   * every place is `null`. The same id with the same content gets the same receipt.
   *
   * @throws {AuditError} `invalid-event` or `event-too-large`, naming the index, or `checker-failed`:
   * then nothing was recorded. `conflict` or `queue-full`: what stands before the event is recorded,
   * and may be sent again. `timeout`, with the receipts of what is durable already. `dead-letter` or
   * `sink-failed`, when it waits for the sinks. `ledger-locked`, `shutdown`, `invalid-option`.
   */
  sendAudits(
    events: readonly AuditEvent[],
    options: SendOptions = {},
  ): Promise<(AuditReceipt | null)[]> {
    try {
      return this.#send(events, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Waits until every sink has what was recorded before the call, a backlog of earlier runs included;
   * at most 30 s.
   *
   * @throws {AuditError} `timeout`, naming the sinks that are behind; `dead-letter` or `sink-failed`
   * when one of them refused an event or, without a ledger, it was given up.
   */
  forceFlush(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    return keepAliveUntil(this.#flush(FLUSH_TIMEOUT_MS));
  }

  /**
   * Takes nothing more, delivers what it can within 10 s, and closes the sinks and the ledger. What
   * is not delivered stays in the ledger for the next start.
   *
   * @throws {AggregateError} of all that went wrong. A second call returns the same promise.
   */
  shutdown(): Promise<void> {
    this.#shutdown ??= keepAliveUntil(this.#close());
    return this.#shutdown;
  }

  stats(): ExporterStats {
    const { emitted, rejected, malformed, dropped } = this.#intake;
    const sinks = Object.fromEntries(this.#destinations.map(({ name, stats }) => [name, stats]));
    const backlogs = Object.values(sinks).map(({ backlog }) => backlog);
    const unsynced =
      this.#ledger === undefined ? 0 : this.#ledger.newest - this.#ledger.deliverable;
    return {
      emitted,
      rejected,
      malformed,
      dropped,
      unrecorded: unrecordedCount(),
      pending: unsynced + Math.max(0, ...backlogs),
      sinks,
    };
  }

  /** Says, for a readiness probe, whether all is well, and if not, what is wrong and since when. */
  health(): ExporterHealth {
    const problems: HealthProblem[] = [];
    const now = this.#clock.monotonic();
    const ledger = this.#ledger?.trouble;
    if (ledger !== undefined) {
      problems.push({
        message: ledger.message,
        forMs: Math.round(now - ledger.since),
        waiting: this.#ledger!.waitingBytes,
      });
    }
    for (const { name, trouble, stats } of this.#destinations) {
      if (trouble === undefined) continue;
      const { message, since } = trouble;
      problems.push({
        sink: name,
        message,
        forMs: Math.round(now - since),
        waiting: stats.backlog,
      });
    }
    return { ok: problems.length === 0, problems };
  }

  /** Keeps a record in the ledger or in memory. @throws {AuditError} */
  #append(content: RecordContent): number {
    if (this.#closed) throw shutDown();
    if (this.#ledger !== undefined) return this.#ledger.append(content);
    const memory = this.#memory!;
    const sequence = memory.append(content, weightOf(content));
    if (sequence === undefined) {
      throw new AuditError(
        'queue-full',
        `${memory.bytes} bytes of events wait in memory for the sinks, and no more may; a ledger would keep them on disk`,
      );
    }
    this.#scheduleTurn();
    return sequence;
  }

  #openLanes(): readonly Lane[] {
    const stores = this.#destinations.map((destination) =>
      this.#ledger === undefined
        ? memoryStore(this.#memory!)
        : ledgerStore(this.#ledger, destination, this.#clock),
    );
    this.#positions = stores.map(({ positions }) => positions);
    return this.#destinations.map((destination, index) => destination.open(stores[index]!));
  }

  #ledgerObserver(): LedgerObserver {
    return {
      noted: warn,
      failed: (error) => this.#reporter.error('ledger', error),
      lost: (contents, error) => {
        this.#intake.countDropped(contents.length);
        const events = contents.flatMap(({ event }) => event ?? []);
        this.#reporter.error('lost', error, { events });
      },
    };
  }

  /** Old segments go, and slots whose writers are gone are delivered. */
  #keepHouse(): void {
    this.#retire();
    this.#slotDrain?.proceed();
    this.#housekeeping = this.#clock.schedule(() => this.#keepHouse(), HOUSEKEEPING_MS);
  }

  #retire(): void {
    const needed = this.#positions.map(({ position: { acknowledged, waiting } }) =>
      Math.min(acknowledged, (waiting[0] ?? Number.POSITIVE_INFINITY) - 1),
    );
    this.#ledger?.retire(Math.min(Number.POSITIVE_INFINITY, ...needed));
  }

  /** The process has nothing left to do: what is not delivered gets one chance, then it may end. */
  #drainOnce(): void {
    this.#endTurn();
    const newest = this.#newest;
    if (newest === this.#idledAt || this.#deliveries.behind(newest).length === 0) return;
    this.#idledAt = newest;
    keepAliveUntil(this.#flush(SHUTDOWN_TIMEOUT_MS)).catch((error: unknown) => {
      warn(`not everything was delivered before the process ended: ${messageOf(error)}`);
    });
  }

  #exit(): void {
    this.#endTurn();
    if (this.#memory === undefined) return;
    for (const { name, stats } of this.#destinations) {
      if (stats.backlog === 0) continue;
      const message = `${stats.backlog} event(s) end with the process, undelivered to sink ${name}`;
      this.#reporter.error(`lost ${name}`, new AuditError('sink-failed', message), { sink: name });
    }
  }

  get #newest(): number {
    return this.#ledger?.newest ?? this.#memory!.deliverable;
  }

  #scheduleTurn(): void {
    if (this.#turnScheduled) return;
    this.#turnScheduled = true;
    atEndOfTurn(() => this.#endTurn());
  }

  #endTurn(): void {
    this.#turnScheduled = false;
    this[CAPTURE].drain();
    this.#ledger?.flush();
    this.#memory?.announce();
  }

  /** For what was captured: the application must not hear of it, and the reporter already has. */
  #quietly(take: () => unknown): void {
    try {
      take();
    } catch (error) {
      if (!(error instanceof AuditError)) complain(`an audit event is lost: ${messageOf(error)}`);
    }
  }

  /** Takes what the processor has not, and finds out up to where the spans' events must be kept. */
  #take(spans: readonly ReadableSpan[]): {
    errors: Error[];
    kept: { first: number; last: number } | undefined;
  } {
    const capture = this[CAPTURE];
    capture.drain();
    const errors: Error[] = [];
    const before = this.#newest;
    let first = Number.POSITIVE_INFINITY;
    let last = 0;
    const keep = (take: () => number | undefined): void => {
      try {
        const sequence = take();
        if (sequence === undefined) return;
        first = Math.min(first, sequence);
        last = Math.max(last, sequence);
      } catch (error) {
        errors.push(toError(error));
      }
    };
    const unseen = spans.filter((span) => !capture.hasSeen(span) && !capture.hasTaken(span));
    if (unseen.length < spans.length && spans.some((span) => span.events.length > 0)) {
      // Captured ones are somewhere before the newest.
      first = Math.min(first, before);
      last = before;
    }
    collectEvents(unseen, {
      event: (event) =>
        keep(() => {
          const known = this.#closed ? this.#ledger?.find({ id: event.id, event }) : undefined;
          return known ?? this.#intake.capture(event);
        }),
      malformed: (_, content) => keep(() => this.#intake.captureMalformed(content)),
      broken: (cause) => {
        const message = `a span could not be read: ${messageOf(cause)}`;
        const error = new AuditError('malformed-event', message, { cause });
        errors.push(this.#reporter.error('broken', error));
      },
    });
    return { errors, kept: last === 0 ? undefined : { first: Math.max(1, first), last } };
  }

  #whenKept(first: number, last: number, settle: (error?: Error) => void): void {
    if (this.#ledger !== undefined) {
      this.#ledger.onDurable(last, settle);
      return;
    }
    this.#deliveries.wait(first, last).then(
      () => settle(),
      (error: unknown) => settle(toError(error)),
    );
  }

  #send(events: readonly AuditEvent[], options: SendOptions): Promise<(AuditReceipt | null)[]> {
    const { until = 'durable', timeoutMs = SEND_TIMEOUT_MS } = options ?? {};
    requireTimeout('sendAudits: timeoutMs', timeoutMs);
    if (until !== 'durable' && until !== 'delivered') {
      throw new AuditError(
        'invalid-option',
        `sendAudits: until must be 'durable' or 'delivered', not ${JSON.stringify(until)}`,
      );
    }
    if (this.#closed) throw shutDown();
    if (!Array.isArray(events)) {
      throw new AuditError('invalid-event', 'sendAudits: events must be an array');
    }
    const recorded = events.map((event, index) =>
      this.#requireSize(toRecorded(event, index), index),
    );
    this[CAPTURE].drain(); // what was recorded before comes before
    const passing = recorded.map((event) => this.#intake.passes(event));
    const sequences = recorded.map((event, index) =>
      passing[index] ? this.#intake.accept(event) : 0,
    );
    return new Promise((resolve, reject) => {
      let last = 0;
      let first = Number.POSITIVE_INFINITY;
      for (const sequence of sequences) {
        if (sequence === 0) continue;
        if (sequence > last) last = sequence;
        if (sequence < first) first = sequence;
      }
      if (last === 0) {
        resolve(events.map(() => null));
        return;
      }
      let isOver = false;
      const abort = new AbortController();
      const end = (): boolean => {
        if (isOver) return false;
        isOver = true;
        if (deadline !== undefined) this.#sendDeadlines.cancel(deadline);
        timer?.cancel();
        letGo();
        return true;
      };
      const fail = (error: unknown) => {
        if (end()) reject(error);
      };
      const expire = () => {
        if (!end()) return;
        const error = this.#sendTimeout(sequences, until, timeoutMs);
        abort.abort(error);
        reject(error);
      };
      const isUsual = timeoutMs === SEND_TIMEOUT_MS;
      const deadline = isUsual ? this.#sendDeadlines.add(expire) : undefined;
      const timer = isUsual ? undefined : this.#clock.schedule(expire, timeoutMs);
      keepAlive();
      const receive = () => {
        if (end()) resolve(this.#receipts(sequences) as (AuditReceipt | null)[]);
      };
      const deliver = () => {
        this.#deliveries.wait(first, last, abort.signal).then(receive, fail);
      };
      if (this.#ledger === undefined) deliver();
      else {
        this.#ledger.onDurable(last, (error) => {
          if (error !== undefined) fail(error);
          else if (until === 'durable') receive();
          else if (!isOver) deliver();
        });
      }
    });
  }

  #requireSize(event: AuditEvent, index: number): AuditEvent {
    const bytes = this.#intake.excessOf(event);
    if (bytes === undefined) return event;
    throw new AuditError(
      'event-too-large',
      `events[${index}] takes ${bytes} bytes, more than maxEventBytes, ${this.#options.maxEventBytes}`,
    );
  }

  #sendTimeout(sequences: readonly number[], until: string, timeoutMs: number): AuditError {
    const durable = this.#ledger?.deliverable ?? 0;
    const last = Math.max(...sequences);
    const reason =
      this.#ledger !== undefined && durable < last
        ? `not in the ledger: ${this.#ledger.trouble?.message ?? 'the disk is too slow'}`
        : `not with every sink: ${this.#deliveries.behind(last).join(', ')}`;
    const receipts = this.#receipts(sequences);
    return new AuditError('timeout', `not ${until} within ${timeoutMs} ms, ${reason}`, {
      receipts,
    });
  }

  /** What stands in each event's place: undefined for one that is not durable yet. */
  #receipts(sequences: readonly number[]): (AuditReceipt | null | undefined)[] {
    const ledger = this.#ledger;
    if (ledger === undefined) return sequences.map(() => null);
    return sequences.map((sequence) => {
      if (sequence === 0) return null;
      if (sequence > ledger.deliverable) return undefined;
      const record = ledger.record(sequence);
      if (record === undefined) return undefined;
      const { hash, recordedAt, content } = record;
      return { recordId: content.id, sequence, hash, recordedAt };
    });
  }

  async #flush(timeoutMs: number): Promise<void> {
    this.#endTurn();
    const last = this.#newest;
    if (last === 0) return;
    const abort = new AbortController();
    const timer = this.#clock.schedule(
      () => abort.abort(this.#flushTimeout(last, timeoutMs)),
      timeoutMs,
    );
    try {
      await this.#durable(last, abort.signal);
      for (const lane of this.#lanes) lane.retryNow();
      await this.#deliveries.wait(1, last, abort.signal);
    } finally {
      timer.cancel();
    }
  }

  /** Resolves once the record is in the ledger, if there is one. */
  #durable(sequence: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#ledger === undefined) resolve();
      signal.addEventListener('abort', () => reject(signal.reason));
      this.#ledger?.onDurable(sequence, (error) =>
        error === undefined ? resolve() : reject(error),
      );
    });
  }

  #flushTimeout(last: number, timeoutMs: number): AuditError {
    const ledger = this.#ledger;
    if (ledger !== undefined && ledger.deliverable < last) {
      const reason = ledger.trouble?.message ?? 'the disk is too slow';
      return new AuditError('timeout', `not in the ledger within ${timeoutMs} ms: ${reason}`);
    }
    const faults = this.#deliveries.behind(last).map((name) => {
      const trouble = this.#destinations.find((destination) => destination.name === name)?.trouble;
      return `sink ${name} is behind${trouble === undefined ? '' : ` (${trouble.message})`}`;
    });
    return new AuditError('timeout', `not delivered within ${timeoutMs} ms: ${faults.join('; ')}`);
  }

  async #close(): Promise<void> {
    // A handler may shut down from inside an export: let that export hand over its batch first.
    await null;
    this.#endTurn();
    this.#closed = true;
    const endsAt = this.#clock.monotonic() + SHUTDOWN_TIMEOUT_MS;
    this.#housekeeping?.cancel();
    const errors: Error[] = [];
    const attempt = async (work: () => Promise<unknown>): Promise<void> => {
      try {
        await work();
      } catch (error) {
        errors.push(toError(error));
      }
    };
    try {
      await this.#flush(SHUTDOWN_TIMEOUT_MS);
    } catch (error) {
      // With a ledger nothing is lost by it: the next start goes on where this one stopped.
      warn(`not everything was delivered before shutdown: ${messageOf(error)}`);
    }
    const graceMs = Math.max(GRACE_MS, endsAt - this.#clock.monotonic());
    const lostBefore = this.#lostCount();
    await Promise.all([
      ...this.#lanes.map((lane) => attempt(() => lane.stop(graceMs))),
      attempt(async () => this.#slotDrain?.stop(graceMs)),
    ]);
    const lost = this.#lostCount() - lostBefore;
    if (lost > 0) errors.push(new AuditError('sink-failed', `${lost} event(s) were not delivered`));
    await Promise.all(
      this.#destinations.map((destination) => attempt(() => this.#closeSink(destination, graceMs))),
    );
    await attempt(async () => this.#ledger?.close());
    for (const forget of this.#forgetProcess) forget();
    this.#metrics.update();
    this.#metrics.end();
    if (errors.length > 0) {
      throw new AggregateError(errors, errors.map(({ message }) => message).join('; '));
    }
  }

  async #closeSink(destination: Destination, timeoutMs: number): Promise<void> {
    let timer: Timer | undefined;
    const late = new Promise<never>((_, reject) => {
      const fault = new AuditError('timeout', `not within ${Math.round(timeoutMs)} ms`);
      timer = this.#clock.schedule(() => reject(fault), timeoutMs);
    });
    try {
      await Promise.race([destination.close(), late]);
    } catch (cause) {
      const message = `sink ${destination.name} did not close: ${messageOf(cause)}`;
      throw new AuditError('sink-failed', message, { cause });
    } finally {
      timer?.cancel();
    }
  }

  #lostCount(): number {
    return this.#destinations.reduce((sum, { stats }) => sum + stats.lost, 0);
  }
}

/** About what a record takes in memory. */
function weightOf(content: RecordContent): number {
  return RECORD_BYTES + bodyOf(content).length;
}

function shutDown(): AuditError {
  return new AuditError('shutdown', 'the exporter is shut down; nothing more is taken');
}
