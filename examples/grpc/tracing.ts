// Loaded first: instrumentations patch packages as they are required.
import { createRequire } from 'node:module';
import { registerInstrumentations } from '@opentelemetry/instrumentation';
import { GrpcInstrumentation } from '@opentelemetry/instrumentation-grpc';
import { AlwaysOnSampler, ParentBasedSampler } from '@opentelemetry/sdk-trace-base';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { AuditSpanProcessor, alwaysRecord, SinkSpanExporter } from 'otel-audit';
import { logSink } from 'otel-audit/sinks/log';

const folder = new URL('.', import.meta.url).pathname;
export const file = process.env.AUDIT_FILE ?? `${folder}audit.jsonl`;

export const exporter = new SinkSpanExporter({
  ledger: process.env.AUDIT_LEDGER ?? `${folder}audit`,
  sinks: { file: logSink({ file }) },
});
export const provider = new NodeTracerProvider({
  sampler: alwaysRecord(new ParentBasedSampler({ root: new AlwaysOnSampler() })),
  spanProcessors: [new AuditSpanProcessor(exporter)],
});
provider.register();
registerInstrumentations({ instrumentations: [new GrpcInstrumentation()] });
createRequire(import.meta.url)('@grpc/grpc-js');
