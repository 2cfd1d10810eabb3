// node --require ./audit.cjs app.cjs: stock instrumentations, and an audit trail made of their spans by
// rules.json. The application is not touched.
const { registerInstrumentations } = require('@opentelemetry/instrumentation');
const { ExpressInstrumentation } = require('@opentelemetry/instrumentation-express');
const { HttpInstrumentation } = require('@opentelemetry/instrumentation-http');
const {
  AlwaysOnSampler,
  NodeTracerProvider,
  ParentBasedSampler,
} = require('@opentelemetry/sdk-trace-node');
const { AuditSpanProcessor, alwaysRecord, SinkSpanExporter, spanRules } = require('otel-audit');
const { logSink } = require('otel-audit/sinks/log');

const exporter = new SinkSpanExporter({
  ledger: process.env.AUDIT_LEDGER ?? `${__dirname}/audit`,
  sinks: { file: logSink({ file: process.env.AUDIT_FILE ?? `${__dirname}/audit.jsonl` }) },
  rules: spanRules(require('./rules.json')),
  onError: (error, { sink }) => console.error(`audit: ${sink ?? 'exporter'}: ${error.message}`),
});
const provider = new NodeTracerProvider({
  // A caller's `traceparent: …-00` keeps a span from being sampled, but not from being audited.
  sampler: alwaysRecord(new ParentBasedSampler({ root: new AlwaysOnSampler() })),
  // A BatchSpanProcessor with a tracing exporter may stand beside it.
  spanProcessors: [new AuditSpanProcessor(exporter)],
});
provider.register();
registerInstrumentations({
  instrumentations: [
    new HttpInstrumentation({
      headersToSpanAttributes: { server: { requestHeaders: ['x-auth-request-user'] } },
    }),
    new ExpressInstrumentation(),
  ],
});
// What is not delivered by then stays in the ledger for the next start.
process.once('SIGTERM', () => provider.shutdown());
