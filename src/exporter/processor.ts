import type { Span } from '@opentelemetry/api';
import { complain } from '../diagnostics.js';
import { AuditError, messageOf } from '../errors.js';
import { requireRules, type SpanRules } from './rules.js';
import type { ReadableSpan } from './span.js';
import { CAPTURE, type LiveSpan, type SpanCapture } from './span-capture.js';

/** What an {@link AuditSpanProcessor} needs of its exporter, a `SinkSpanExporter` of either copy. */
export interface CapturingExporter {
  forceFlush(): Promise<void>;
  shutdown(): Promise<void>;
}

/** What an {@link AuditSpanProcessor} takes besides its exporter. */
export interface AuditSpanProcessorOptions {
  /** Audit events from ordinary spans, besides those of the exporter's own rules. */
  readonly rules?: SpanRules | undefined;
}

/**
 * A `SpanProcessor` that captures audit events the moment they are added to a span, sampled or not,
 * whatever the SDK's limits, and even when the span never ends or had ended before. Several of them may
 * share one exporter, also with a `BatchSpanProcessor`: each event is taken once.
 *
 * Put it first, for an SDK does not go on after a processor that throws, and record every span with
 * {@link alwaysRecord}.
 *
 * @throws {AuditError} `invalid-option` for an exporter that is not a `SinkSpanExporter`, or rules that
 * `spanRules` has not made.
 * @example
 * const exporter = new SinkSpanExporter({ sinks: { file: logSink({ file: 'audit.jsonl' }) } });
 * const provider = new NodeTracerProvider({
 *   sampler: alwaysRecord(new TraceIdRatioBasedSampler(0.1)),
 *   spanProcessors: [new AuditSpanProcessor(exporter)],
 * });
 */
export class AuditSpanProcessor {
  readonly #exporter: CapturingExporter;
  readonly #capture: SpanCapture;
  readonly #rules: SpanRules | undefined;

  constructor(exporter: CapturingExporter, { rules }: AuditSpanProcessorOptions = {}) {
    this.#capture = requireCapture(exporter);
    this.#exporter = exporter;
    this.#rules = requireRules('AuditSpanProcessor: rules', rules);
  }

  /** Captures what is added to the span from now on. Never throws. */
  onStart(span: Span): void {
    try {
      this.#capture.watch(span as LiveSpan);
    } catch (error) {
      complain(`a span is not watched, it is read when it ends: ${messageOf(error)}`);
    }
  }

  /** Takes the events of a span that started before the processor did, and those of rules. Never throws. */
  onEnd(span: ReadableSpan): void {
    try {
      this.#capture.takeEnded(span, this.#rules);
    } catch (error) {
      complain(`the audit events of a span were not taken: ${messageOf(error)}`);
    }
  }

  /** The exporter's. */
  async forceFlush(): Promise<void> {
    await this.#exporter.forceFlush();
  }

  /** The exporter's. */
  async shutdown(): Promise<void> {
    await this.#exporter.shutdown();
  }
}

function requireCapture(exporter: CapturingExporter): SpanCapture {
  const capture = (exporter as { [CAPTURE]?: Partial<SpanCapture> } | undefined)?.[CAPTURE];
  if (typeof capture?.watch === 'function' && typeof capture.takeEnded === 'function') {
    return capture as SpanCapture;
  }
  throw new AuditError(
    'invalid-option',
    'AuditSpanProcessor: exporter must be a SinkSpanExporter, for only that can capture events',
  );
}
