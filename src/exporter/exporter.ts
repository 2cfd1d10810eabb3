import { context, diag, isSpanContextValid, trace } from '@opentelemetry/api';
import type { EventPairChecker } from '../checker.js';
import { type Clock, systemClock } from '../clock.js';
import { attemptSend } from '../delivery/attempt.js';
import { AuditError, messageOf, toError } from '../errors.js';
import { decodeSpanEvent, encodeEvent } from '../event/attributes.js';
import type { AuditEvent } from '../event/event.js';
import { Burst } from './burst.js';
import { collectEvents } from './collect.js';
import {
  type ErrorContext,
  type NamedSink,
  resolveSinks,
  type SinkSpanExporterOptions,
} from './options.js';
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
  readonly #lanes: readonly Lane[];
  readonly #checker: EventPairChecker | undefined;
  readonly #clock: Clock;
  readonly #onError: SinkSpanExporterOptions['onError'];
  readonly #malformedBurst: Burst;
  readonly #inFlight = new Set<Promise<void>>();
  #emitted = 0;
  #rejected = 0;
  #malformed = 0;
  #pending = 0;
  #shutdown: Promise<void> | undefined;

  constructor(options: SinkSpanExporterOptions) {
    const clock = options?.clock ?? systemClock;
    this.#lanes = resolveSinks(options).map((named) => ({
      ...named,
      delivered: 0,
      failed: 0,
      failure: undefined,
      burst: new Burst(clock, (message) => diag.error(message)),
    }));
    this.#clock = clock;
    this.#checker = options.checker;
    this.#onError = options.onError;
    this.#malformedBurst = new Burst(clock, (message) => diag.warn(message));
  }

  /**
   * Takes the audit events of ended spans. The callback gets code 0 once every sink has stored them,
   * and code 1 with the cause when one has not, or after `shutdown`. Never throws.
   */
  export(spans: readonly ReadableSpan[], resultCallback: (result: ExportResult) => void): void {
    if (this.#shutdown !== undefined) {
      resultCallback({ code: EXPORT_FAILED, error: shutDown() });
      return;
    }
    let delivery: Promise<void>;
    try {
      delivery = this.#deliver(this.#collect(spans));
    } catch (error) {
      delivery = Promise.reject(error); // spans that are not spans, a checker that throws
    }
    delivery.then(
      () => resultCallback({ code: EXPORT_SUCCESS }),
      (error: unknown) => resultCallback({ code: EXPORT_FAILED, error: toError(error) }),
    );
  }

  /**
   * Hands events to the sinks without a span. Resolves once every sink has stored them: per event
   * `null`, since receipts come from a ledger and this version keeps none.
   *
   * @throws {AuditError} `invalid-event`, naming the index, and then nothing was sent; `sink-failed`;
   * `shutdown`.
   */
  async sendAudits(events: readonly AuditEvent[]): Promise<null[]> {
    if (this.#shutdown !== undefined) throw shutDown();
    const recorded = events.map(asRecorded);
    await this.#deliver(recorded.filter((event) => this.#passes(event)));
    return events.map(() => null);
  }

  /** Waits for everything in flight. Rejects, naming the sinks, when one of them did not store it. */
  async forceFlush(): Promise<void> {
    const results = await Promise.allSettled([...this.#inFlight]);
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
    this.#shutdown ??= this.#close();
    return this.#shutdown;
  }

  stats(): ExporterStats {
    return {
      emitted: this.#emitted,
      rejected: this.#rejected,
      malformed: this.#malformed,
      pending: this.#pending,
      sinks: Object.fromEntries(
        this.#lanes.map(({ name, delivered, failed }) => [name, { delivered, failed }]),
      ),
    };
  }

  health(): ExporterHealth {
    const problems: HealthProblem[] = [];
    for (const { name, failure } of this.#lanes) {
      if (failure === undefined) continue;
      const forMs = Math.round(this.#clock.monotonic() - failure.since);
      problems.push({ sink: name, message: failure.message, forMs });
    }
    return { ok: problems.length === 0, problems };
  }

  #collect(spans: readonly ReadableSpan[]): AuditEvent[] {
    const events: AuditEvent[] = [];
    collectEvents(spans, {
      event: (event) => {
        if (this.#passes(event)) events.push(event);
      },
      malformed: (reason) => this.#reportMalformed(reason),
    });
    return events;
  }

  #passes(event: AuditEvent): boolean {
    if (this.#checker?.check(`${event.type}:${event.action}`) === false) {
      this.#rejected += 1;
      return false;
    }
    return true;
  }

  #reportMalformed(reason: string): void {
    this.#malformed += 1;
    this.#malformedBurst.add(`otel-audit: a malformed audit event was not delivered: ${reason}`);
    this.#tell(new AuditError('malformed-event', reason), {});
  }

  /** Sends a batch to every sink at the same time; rejects when one of them has not stored it. */
  #deliver(events: readonly AuditEvent[]): Promise<void> {
    if (events.length === 0) return Promise.resolve();
    this.#emitted += events.length;
    this.#pending += events.length;
    const delivery = this.#deliverToAll(events).finally(() => {
      this.#pending -= events.length;
      this.#inFlight.delete(delivery);
    });
    this.#inFlight.add(delivery);
    return delivery;
  }

  async #deliverToAll(events: readonly AuditEvent[]): Promise<void> {
    const results = await Promise.allSettled(this.#lanes.map((lane) => this.#send(lane, events)));
    const errors = reasonsOf(results);
    if (errors.length === 0) return;
    throw new AuditError('sink-failed', joinMessages(errors), {
      cause: errors.length === 1 ? errors[0] : new AggregateError(errors),
    });
  }

  async #send(lane: Lane, all: readonly AuditEvent[]): Promise<void> {
    const { name, sink, checker, timeoutMs } = lane;
    let events = all;
    try {
      if (checker) events = all.filter((event) => checker.check(`${event.type}:${event.action}`));
      if (events.length === 0) return;
      await attemptSend({ sink, events, timeoutMs, clock: this.#clock });
      lane.delivered += events.length;
      lane.failure = undefined;
    } catch (cause) {
      const message = `sink ${name} did not store ${events.length} event(s): ${messageOf(cause)}`;
      const error = new AuditError('sink-failed', message, { cause });
      lane.failed += events.length;
      lane.failure = { since: lane.failure?.since ?? this.#clock.monotonic(), message };
      lane.burst.add(`otel-audit: ${message}`);
      this.#tell(error, { sink: name, events });
      throw error;
    }
  }

  async #close(): Promise<void> {
    await Promise.allSettled([...this.#inFlight]); // those who wait for them hear of their faults
    // A sink under two names is closed once.
    const names = new Map(this.#lanes.map(({ name, sink }) => [sink, name]));
    const results = await Promise.allSettled(
      [...names].map(async ([sink, name]) => {
        try {
          await sink.close?.();
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

  /** Nothing that the user's handler throws may reach the application. */
  #tell(error: AuditError, errorContext: ErrorContext): void {
    const survive = (thrown: unknown) =>
      diag.error(`otel-audit: onError threw: ${messageOf(thrown)}`);
    try {
      const returned: unknown = this.#onError?.(error, errorContext);
      if (returned instanceof Promise) returned.catch(survive); // an async handler fits the type
    } catch (thrown) {
      survive(thrown);
    }
  }
}

interface Lane extends NamedSink {
  delivered: number;
  failed: number;
  /** The unbroken row of failures that the last batch belongs to. */
  failure: { readonly since: number; readonly message: string } | undefined;
  readonly burst: Burst;
}

/** The event as its recorded texts say it, so that a sink never sees a payload changed since. */
function asRecorded(event: AuditEvent, index: number): AuditEvent {
  let fault: string;
  try {
    const decoded = decodeSpanEvent(encodeEvent(event), {
      id: () => event.id,
      trace: event.trace ?? activeTrace(),
    });
    if (decoded.kind === 'event') return decoded.event;
    fault = decoded.kind === 'malformed' ? decoded.reason : 'it is empty';
  } catch (error) {
    fault = messageOf(error);
  }
  throw new AuditError('invalid-event', `events[${index}] cannot be recorded: ${fault}`);
}

function activeTrace(): AuditEvent['trace'] {
  const spanContext = trace.getSpanContext(context.active());
  if (spanContext === undefined || !isSpanContextValid(spanContext)) return undefined;
  const { traceId, spanId, traceFlags } = spanContext;
  return Object.freeze({ traceId, spanId, traceFlags });
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
