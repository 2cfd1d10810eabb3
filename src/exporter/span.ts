import type { Attributes, HrTime, SpanContext } from '@opentelemetry/api';

// Spans as every SDK version has them, read structurally: the package must accept the spans of
// sdk-trace-base 1.x and 2.x and of sdk-trace 3.x, and take none of them as a dependency.

/** A span event, as an SDK hands it to an exporter. */
export interface TimedEvent {
  readonly name: string;
  readonly time: HrTime;
  readonly attributes?: Attributes | undefined;
}

/** The part of an SDK's `ReadableSpan` that the exporter reads. */
export interface ReadableSpan {
  spanContext(): SpanContext;
  readonly events: readonly TimedEvent[];
  // Absent where the span is not an SDK's own; only rules look at them.
  readonly name?: string;
  /** OpenTelemetry's `SpanKind`. */
  readonly kind?: number;
  readonly attributes?: Attributes;
  /** OpenTelemetry's `SpanStatus`; code 2 is an error. */
  readonly status?: { readonly code: number };
  readonly endTime?: HrTime;
  /** Events that the SDK's limits shifted out, oldest first. Absent in old SDKs. */
  readonly droppedEventsCount?: number;
}

/** OpenTelemetry's `ExportResult`: code 0 is success, 1 failure. */
export interface ExportResult {
  readonly code: 0 | 1;
  readonly error?: Error;
}

export const EXPORT_SUCCESS = 0;
export const EXPORT_FAILED = 1;
