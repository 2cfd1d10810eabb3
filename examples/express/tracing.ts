import { createRequire } from 'node:module';
import { registerInstrumentations } from '@opentelemetry/instrumentation';
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  AlwaysOnSampler,
  NodeTracerProvider,
  ParentBasedSampler,
} from '@opentelemetry/sdk-trace-node';
import { ATTR_SERVICE_NAME } from '@opentelemetry/semantic-conventions';
import { AuditSpanProcessor, alwaysRecord, Checker, type Sink, SinkSpanExporter } from 'otel-audit';
import { logSink } from 'otel-audit/sinks/log';

export interface TracingOptions {
  /** The folder of the ledger, which keeps every event before a sink gets it. */
  readonly ledger: string;
  /** Where the audit lines go. */
  readonly file: string;
  /** A second sink beside the file. */
  readonly screen: Sink;
}

/** Tracing that is up, with the audit exporter in it. */
export interface Tracing {
  readonly exporter: SinkSpanExporter;
  /** What earlier runs recorded and could not deliver to the file. */
  readonly owed: number;
  /** Delivers what is waiting, closes the sinks and the ledger. */
  shutdown(): Promise<void>;
}

/** Starts tracing. Call it before anything creates an HTTP server. */
export function startTracing({ ledger, file, screen }: TracingOptions): Tracing {
  const exporter = new SinkSpanExporter({
    ledger,
    sinks: { file: logSink({ file }), screen },
    checker: new Checker(['*:*'], {
      nouns: ['flag', 'segment'],
      verbs: ['created', 'updated', 'deleted', 'read'],
    }),
    // A short delay, so that a person who watches sees each line soon after its request.
    delivery: { maxDelayMs: 100 },
    onError: (error, { sink }) => console.error(`audit: ${sink ?? 'exporter'}: ${error.message}`),
  });
  const owed = exporter.stats().sinks.file?.backlog ?? 0;
  const provider = new NodeTracerProvider({
    resource: resourceFromAttributes({ [ATTR_SERVICE_NAME]: 'express-flags' }),
    // A caller's `traceparent: …-00` keeps a span from being sampled, but not from being audited.
    sampler: alwaysRecord(new ParentBasedSampler({ root: new AlwaysOnSampler() })),
    // A BatchSpanProcessor with a tracing exporter may stand beside it.
    spanProcessors: [new AuditSpanProcessor(exporter)],
  });
  provider.register(); // also installs the context manager that knows the active span
  registerInstrumentations({ instrumentations: [new HttpInstrumentation()] });
  // The instrumentation patches `http` when it is required, so it is required here, in good time.
  createRequire(import.meta.url)('node:http');

  return {
    exporter,
    owed,
    shutdown: () => provider.shutdown(),
  };
}
