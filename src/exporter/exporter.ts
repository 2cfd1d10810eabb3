import { keepAliveUntil } from '../delivery/keep-alive.js';
import { AuditError } from '../errors.js';
import type { AuditEvent } from '../event/event.js';
import type { AuditReceipt } from '../receipt.js';
import { closeAll, DRAIN_MS } from './closing.js';
import { Flushes } from './flushes.js';
import { Housekeeping } from './housekeeping.js';
import { resolveOptions, type SinkSpanExporterOptions } from './options.js';
import { healthOf, statsOf } from './overview.js';
import { openPipeline, type Pipeline } from './pipeline.js';
import { watchProcessEnd } from './process-end.js';
import type { SendOptions } from './send-options.js';
import { Sends } from './sends.js';
import type { ExportResult, ReadableSpan } from './span.js';
import { CAPTURE, type SpanCapture } from './span-capture.js';
import { SpanExports } from './span-exports.js';
import type { ExporterHealth, ExporterStats } from './stats.js';

const FLUSH_TIMEOUT_MS = 30_000;

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
  readonly [CAPTURE]: SpanCapture;
  readonly #pipeline: Pipeline;
  readonly #spanExports: SpanExports;
  readonly #sends: Sends;
  readonly #flushes: Flushes;
  readonly #housekeeping: Housekeeping;
  readonly #forgetProcessEnd: () => void;
  #shutdown: Promise<void> | undefined;
  #shutdownAt: number | undefined;

  constructor(options: SinkSpanExporterOptions) {
    const pipeline = openPipeline(resolveOptions(options));
    const { clock, capture, intake, store, lanes, deliveries, slotDrain, metrics } = pipeline;
    this.#pipeline = pipeline;
    this[CAPTURE] = capture;
    this.#spanExports = new SpanExports(pipeline);
    this.#sends = new Sends(intake, store, deliveries, capture, clock);
    this.#flushes = new Flushes(pipeline);
    const drain = () => this.#flushes.flush(DRAIN_MS);
    this.#forgetProcessEnd = watchProcessEnd({ ...pipeline, drain });
    this.#housekeeping = new Housekeeping(clock, [
      () => store.retire(),
      () => slotDrain?.proceed(),
      () => metrics.update(),
    ]);
    for (const lane of lanes) lane.start();
    this.#housekeeping.start();
  }

  /**
   * Takes the audit events of ended spans. The callback gets code 0 once they are in the ledger or,
   * without one, once every sink has stored them; and code 1 with the cause when one could not be
   * kept, as after `shutdown`. Spans that an `AuditSpanProcessor` has captured, and events that are in
   * the ledger already, are not taken again. Never throws.
   */
  export(spans: readonly ReadableSpan[], resultCallback: (result: ExportResult) => void): void {
    this.#spanExports.export(spans, resultCallback);
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
   * `sink-failed`, when it waits for the sinks. `ledger-unavailable`, `ledger-locked`, `shutdown`,
   * `invalid-option`.
   */
  sendAudits(
    events: readonly AuditEvent[],
    options?: SendOptions,
  ): Promise<(AuditReceipt | null)[]> {
    try {
      if (this.#shutdown === undefined) return this.#sends.send(events, options);
      throw new AuditError('shutdown', 'the exporter is shut down; nothing more is taken');
    } catch (error) {
      return Promise.reject(error); // an async function would settle some turns of promises later
    }
  }

  /**
   * Waits until every sink has what was recorded before the call, a backlog of earlier runs included;
   * at most 30 s.
   *
   * @throws {AuditError} `timeout`, naming the sinks that are behind; `dead-letter` or `sink-failed`
   * when one of them refused an event or, without a ledger, it was given up.
   */
  async forceFlush(): Promise<void> {
    if (this.#shutdown === undefined) await keepAliveUntil(this.#flushes.flush(FLUSH_TIMEOUT_MS));
    // Who shuts down hears what went wrong; nothing more can be done for those who flush.
    else await this.#shutdown.catch(() => {});
  }

  /**
   * Rejects every `sendAudits` from now on, delivers what it can within 10 s, and closes the sinks and
   * the ledger. What is not delivered, and what spans bring while it closes, stays in the ledger for
   * the next start.
   *
   * @throws {AggregateError} of all that went wrong. A second call returns the same promise.
   */
  shutdown(): Promise<void> {
    if (this.#shutdown === undefined) {
      this.#shutdownAt = this.#pipeline.clock.monotonic();
      this.#shutdown = keepAliveUntil(this.#close());
    }
    return this.#shutdown;
  }

  stats(): ExporterStats {
    const { intake, store, destinations } = this.#pipeline;
    return statsOf(intake, store, destinations);
  }

  /** Says, for a readiness probe, whether all is well, and if not, what is wrong and since when. */
  health(): ExporterHealth {
    const { store, destinations, clock } = this.#pipeline;
    return healthOf(store, destinations, clock, this.#shutdownAt);
  }

  async #close(): Promise<void> {
    // A handler may shut down from inside an export: let that export hand over its batch first.
    await null;
    this.#housekeeping.stop();
    const { turns, metrics, forgetProcess } = this.#pipeline;
    const flush = (timeoutMs: number) => this.#flushes.flush(timeoutMs);
    const errors = await closeAll({ ...this.#pipeline, flush });
    this.#forgetProcessEnd();
    turns.close();
    metrics.end();
    forgetProcess();
    if (errors.length > 0) {
      throw new AggregateError(errors, errors.map(({ message }) => message).join('; '));
    }
  }
}
