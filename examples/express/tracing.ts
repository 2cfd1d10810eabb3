import { createRequire } from 'node:module';
import { registerInstrumentations } from '@opentelemetry/instrumentation';
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { ATTR_SERVICE_NAME } from '@opentelemetry/semantic-conventions';
import { type AuditEvent, addEventToSpan, Checker, type Sink, SinkSpanExporter } from 'otel-audit';
import { logSink } from 'otel-audit/sinks/log';

export interface TracingOptions {
  /** Where the audit lines go. */
  readonly file: string;
  /** A second sink beside the file. */
  readonly screen: Sink;
}

/** Tracing that is up, with the audit exporter in it. */
export interface Tracing {
  readonly exporter: SinkSpanExporter;
  /** Puts an audit event onto the active span. */
  record(event: AuditEvent): void;
  /** How many events went onto spans, and how many had to go without. */
  counts(): { readonly onSpan: number; readonly direct: number };
  /** Flushes what is waiting, closes the sinks. */
  shutdown(): Promise<void>;
}

/** Starts tracing. Call it before anything creates an HTTP server. */
export function startTracing({ file, screen }: TracingOptions): Tracing {
  const exporter = new SinkSpanExporter({
    sinks: { file: logSink({ file }), screen },
    checker: new Checker(['*:*'], {
      nouns: ['flag', 'segment'],
      verbs: ['created', 'updated', 'deleted', 'read'],
    }),
    onError: (error, { sink }) => console.error(`audit: ${sink ?? 'decoder'}: ${error.message}`),
  });
  const provider = new NodeTracerProvider({
    resource: resourceFromAttributes({ [ATTR_SERVICE_NAME]: 'express-flags' }),
    // A short delay, so that a person who watches sees each line soon after its request.
    spanProcessors: [new BatchSpanProcessor(exporter, { scheduledDelayMillis: 100 })],
  });
  provider.register(); // also installs the context manager that knows the active span
  registerInstrumentations({ instrumentations: [new HttpInstrumentation()] });
  // The instrumentation patches `http` when it is required, so it is required here, in good time.
  createRequire(import.meta.url)('node:http');

  let onSpan = 0;
  let direct = 0;
  return {
    exporter,
    record(event) {
      if (addEventToSpan(event)) {
        onSpan += 1;
        return;
      }
      direct += 1;
      // The sampler, or a caller's `traceparent`, left this span out: hand the event over directly.
      exporter.sendAudits([event]).catch(() => {}); // onError has heard of it
    },
    counts: () => ({ onSpan, direct }),
    // After a failed last batch BatchSpanProcessor leaves the exporter open; a second call does no harm.
    shutdown: () => provider.shutdown().finally(() => exporter.shutdown()),
  };
}
