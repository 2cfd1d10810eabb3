import { Burst } from '../burst.js';
import type { EventPairChecker } from '../checker.js';
import { type Clock, systemClock, type Timer } from '../clock.js';
import { AttemptOnce as Lane } from '../delivery/attempt-once.js';
import { keepAliveUntil } from '../delivery/keep-alive.js';
import { complain, warn } from '../diagnostics.js';
import { AuditError, messageOf, toError } from '../errors.js';
import type { AuditEvent } from '../event/event.js';
import { collectEvents } from './collect.js';
import {
  type ErrorContext,
  type NamedSink,
  requireTimeout,
  resolveSinks,
  type SinkSpanExporterOptions,
} from './options.js';
import type { AuditReceipt, SendOptions } from './receipt.js';
import { toRecorded } from './recorded.js';
import { EXPORT_FAILED, EXPORT_SUCCESS, type ExportResult, type ReadableSpan } from './span.js';
import type { ExporterHealth, ExporterStats, HealthProblem } from './stats.js';

/**
 * A `SpanExporter` that decodes the audit events on spans, filters them, and hands them in batches to
 * every sink at the same time.
 *
 * @throws {AuditError} `invalid-option`, naming the option.
 * @example
 * const exporter = new SinkSpanExporter({
 *   sinks: { file: logSink({ file: 'audit.jsonl' }) },
 *   checker: new Checker(['flag:*']),
 * });
 * const provider = new NodeTracerProvider({ spanProcessors: [new BatchSpanProcessor(exporter)] });
 */
export class SinkSpanExporter {
  readonly #outlets: readonly Outlet[];
  readonly #checker: EventPairChecker | undefined;
  readonly #clock: Clock;
  readonly #onError: SinkSpanExporterOptions['onError'];
  readonly #malformedBurst: Burst;
  readonly #faultBurst: Burst;
  readonly #inFlight = new Set<Promise<void>>();
  #emitted = 0;
  #rejected = 0;
  #malformed = 0;
  #pending = 0;
  #shutdown: Promise<void> | undefined;

  constructor(options: SinkSpanExporterOptions) {
    const clock = options?.clock ?? systemClock;
    this.#outlets = resolveSinks(options).map((named) => ({
      ...named,
      lane: new Lane(named.sink, named.timeoutMs, clock),
      delivered: 0,
      rejected: 0,
      failed: 0,
      failure: undefined,
      burst: new Burst(clock, complain),
    }));
    this.#clock = clock;
    this.#checker = options.checker;
    this.#onError = options.onError;
    this.#malformedBurst = new Burst(clock, warn);
    this.#faultBurst = new Burst(clock, complain);
  }

  /**
   * Takes the audit events of ended spans. The callback gets code 0 once every sink has stored them,
   * and code 1 with the cause when one has not, or after `shutdown`. Never throws.
   */
  export(spans: readonly ReadableSpan[], resultCallback: (result: ExportResult) => void): void {
    const answer = (result: ExportResult) => {
      try {
        resultCallback(result);
      } catch (error) {
        complain(`the callback of export threw: ${messageOf(error)}`);
      }
    };
    if (this.#shutdown !== undefined) {
      answer({ code: EXPORT_FAILED, error: shutDown() });
      return;
    }
    this.#exportAll(spans).then(
      () => answer({ code: EXPORT_SUCCESS }),
      (error: unknown) => answer({ code: EXPORT_FAILED, error: toError(error) }),
    );
  }

  /**
   * Hands events to the sinks without a span. Resolves once every sink has stored them, with `null` in
   * each event's place: receipts come from a ledger, and this version keeps none.
   *
   * @throws {AuditError} `invalid-event`, naming the index, and then nothing was sent, nor with
   * `checker-failed`; `sink-failed`; `timeout`, when `timeoutMs` passed first; `shutdown`; `invalid-option`.
   */
  async sendAudits(
    events: readonly AuditEvent[],
    options: SendOptions = {},
  ): Promise<(AuditReceipt | null)[]> {
    if (this.#shutdown !== undefined) throw shutDown();
    const timeoutMs = options?.timeoutMs;
    if (timeoutMs !== undefined) requireTimeout('sendAudits: timeoutMs', timeoutMs);
    if (!Array.isArray(events)) {
      throw new AuditError('invalid-event', 'sendAudits: events must be an array');
    }
    const recorded = events.map(toRecorded);
    const passing = this.#passing(recorded);
    const delivery = this.#deliver(passing);
    await keepAliveUntil(
      timeoutMs === undefined
        ? delivery
        : this.#within(timeoutMs, delivery, `not every sink has stored it within ${timeoutMs} ms`),
    );
    return events.map(() => null);
  }

  /** Waits for everything in flight. Rejects, naming the sinks, when one of them did not store it. */
  async forceFlush(): Promise<void> {
    const results = await keepAliveUntil(Promise.allSettled([...this.#inFlight]));
    const errors = reasonsOf(results);
    if (errors.length === 1) throw errors[0];
    if (errors.length > 1) throw new AggregateError(errors, joinMessages(errors));
  }

  /**
   * Stops intake, waits for what is in flight and closes every sink, side by side.
   *
   * @throws {AggregateError} of all that failed while closing. A second call returns the same promise.
   */
  shutdown(): Promise<void> {
    this.#shutdown ??= keepAliveUntil(this.#close());
    return this.#shutdown;
  }

  stats(): ExporterStats {
    return {
      emitted: this.#emitted,
      rejected: this.#rejected,
      malformed: this.#malformed,
      pending: this.#pending,
      sinks: Object.fromEntries(
        this.#outlets.map(({ name, delivered, rejected, failed }) => [
          name,
          { delivered, rejected, failed },
        ]),
      ),
    };
  }

  health(): ExporterHealth {
    const problems: HealthProblem[] = [];
    for (const { name, failure } of this.#outlets) {
      if (failure === undefined) continue;
      const forMs = Math.round(this.#clock.monotonic() - failure.since);
      problems.push({ sink: name, message: failure.message, forMs });
    }
    return { ok: problems.length === 0, problems };
  }

  /** What cannot be read or checked fails the export, but does not keep the rest from the sinks. */
  async #exportAll(spans: readonly ReadableSpan[]): Promise<void> {
    const events: AuditEvent[] = [];
    const errors: Error[] = [];
    collectEvents(spans, {
      event: (event) => {
        try {
          if (this.#passes(event)) events.push(event);
        } catch (cause) {
          errors.push(this.#report(checkerFailed(cause), [event]));
        }
      },
      malformed: (reason) => this.#reportMalformed(reason),
      broken: (cause) => {
        const message = `a span could not be read: ${messageOf(cause)}`;
        errors.push(this.#report(new AuditError('malformed-event', message, { cause }), []));
      },
    });
    const [result] = await Promise.allSettled([this.#deliver(events)]);
    if (result.status === 'rejected') errors.push(toError(result.reason));
    if (errors.length === 1) throw errors[0];
    if (errors.length > 1) throw new AggregateError(errors, joinMessages(errors));
  }

  /** The events that the checker lets pass; all or none, for a caller waits for them. */
  #passing(events: readonly AuditEvent[]): AuditEvent[] {
    try {
      const passing = events.filter((event) => passes(this.#checker, event));
      this.#rejected += events.length - passing.length;
      return passing;
    } catch (cause) {
      throw this.#report(checkerFailed(cause), events);
    }
  }

  #passes(event: AuditEvent): boolean {
    if (passes(this.#checker, event)) return true;
    this.#rejected += 1;
    return false;
  }

  #report(error: AuditError, events: readonly AuditEvent[], sink?: string): AuditError {
    this.#faultBurst.add(error.message);
    this.#tell(error, sink === undefined ? { events } : { sink, events });
    return error;
  }

  #reportMalformed(reason: string): void {
    this.#malformed += 1;
    this.#malformedBurst.add(`a malformed audit event was not delivered: ${reason}`);
    this.#tell(new AuditError('malformed-event', reason), {});
  }

  /** Sends a batch to every sink at the same time; rejects when one of them has not stored it. */
  #deliver(events: readonly AuditEvent[]): Promise<void> {
    if (events.length === 0) return Promise.resolve();
    const count = events.length;
    this.#emitted += count;
    this.#pending += count;
    const delivery = this.#deliverToAll(events).finally(() => {
      this.#pending -= count;
      this.#inFlight.delete(delivery);
    });
    this.#inFlight.add(delivery);
    return delivery;
  }

  async #deliverToAll(events: readonly AuditEvent[]): Promise<void> {
    const results = await Promise.allSettled(
      this.#outlets.map((outlet) => this.#send(outlet, events)),
    );
    const errors = reasonsOf(results);
    if (errors.length === 0) return;
    throw new AuditError('sink-failed', joinMessages(errors), {
      cause: errors.length === 1 ? errors[0] : new AggregateError(errors),
    });
  }

  async #send(outlet: Outlet, all: readonly AuditEvent[]): Promise<void> {
    const { name, checker } = outlet;
    const errors: AuditError[] = [];
    const events = all.filter((event) => {
      try {
        const pass = passes(checker, event);
        if (!pass) outlet.rejected += 1;
        return pass;
      } catch (cause) {
        outlet.failed += 1;
        errors.push(this.#report(checkerFailed(cause, name), [event], name));
        return false;
      }
    });
    if (events.length > 0) await this.#sendChecked(outlet, events, errors);
    if (errors.length === 1) throw errors[0];
    if (errors.length > 1) throw new AggregateError(errors, joinMessages(errors));
  }

  async #sendChecked(outlet: Outlet, events: readonly AuditEvent[], errors: AuditError[]) {
    const { name, lane } = outlet;
    try {
      await lane.send([...events]); // a copy, whatever the sink does to it
      outlet.delivered += events.length;
      outlet.failure = undefined;
    } catch (cause) {
      const message = `sink ${name} did not store ${events.length} event(s): ${messageOf(cause)}`;
      const error = new AuditError('sink-failed', message, { cause });
      outlet.failed += events.length;
      outlet.failure = { since: outlet.failure?.since ?? this.#clock.monotonic(), message };
      outlet.burst.add(message);
      this.#tell(error, { sink: name, events });
      errors.push(error);
    }
  }

  async #close(): Promise<void> {
    // A handler may shut down from inside an export: let that export hand over its batch first.
    await null;
    while (this.#inFlight.size > 0) await Promise.allSettled(this.#inFlight); // they tell their faults
    const results = await Promise.allSettled(
      this.#outlets.map(async ({ name, sink, timeoutMs }) => {
        try {
          const closed = Promise.resolve(sink.close?.());
          await this.#within(timeoutMs, closed, `not within ${timeoutMs} ms`);
        } catch (cause) {
          throw new AuditError('sink-failed', `sink ${name} did not close: ${messageOf(cause)}`, {
            cause,
          });
        }
      }),
    );
    const errors = reasonsOf(results);
    if (errors.length > 0) throw new AggregateError(errors, joinMessages(errors));
  }

  async #within(timeoutMs: number, work: Promise<void>, fault: string): Promise<void> {
    let timer: Timer | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = this.#clock.schedule(() => reject(new AuditError('timeout', fault)), timeoutMs);
    });
    try {
      await Promise.race([work, late]);
    } finally {
      timer?.cancel();
    }
  }

  /** Nothing that the user's handler throws may reach the application. */
  #tell(error: AuditError, errorContext: ErrorContext): void {
    const survive = (thrown: unknown) => complain(`onError threw: ${messageOf(thrown)}`);
    try {
      const returned: unknown = this.#onError?.(error, errorContext);
      Promise.resolve(returned).catch(survive); // an async handler fits the type
    } catch (thrown) {
      survive(thrown);
    }
  }
}

/** A sink with its lane and what became of its batches. */
interface Outlet extends NamedSink {
  readonly lane: Lane;
  delivered: number;
  rejected: number;
  failed: number;
  /** The unbroken row of failures that the last batch belongs to. */
  failure: { readonly since: number; readonly message: string } | undefined;
  readonly burst: Burst;
}

function checkerFailed(cause: unknown, sink?: string): AuditError {
  const whose = sink === undefined ? 'the checker' : `the checker of sink ${sink}`;
  return new AuditError('checker-failed', `${whose} failed: ${messageOf(cause)}`, { cause });
}

function passes(checker: EventPairChecker | undefined, event: AuditEvent): boolean {
  return checker === undefined || checker.check(`${event.type}:${event.action}`);
}

function reasonsOf(results: readonly PromiseSettledResult<unknown>[]): Error[] {
  return results.flatMap((result) =>
    result.status === 'rejected' ? [toError(result.reason)] : [],
  );
}

function joinMessages(errors: readonly Error[]): string {
  return errors.map(({ message }) => message).join('; ');
}

function shutDown(): AuditError {
  return new AuditError('shutdown', 'the exporter is shut down; nothing more is taken');
}
