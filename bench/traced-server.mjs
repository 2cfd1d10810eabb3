// What the servers of bench/http.mjs and bench/grpc.mjs have in common. Both trace as an application does:
// stock instrumentations, a batch of spans each five seconds or 512 spans, sent as OTLP to a process of its own. The audited
// one has everything of ours beside that, ledger and sink included.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { registerInstrumentations } from '@opentelemetry/instrumentation';
import { ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { request } from 'undici';
import { BareAudit } from './bare-audit.mjs';

const [kind, receiver] = process.argv.slice(2);
export const isAudited = kind === 'audited';
export const folder = mkdtempSync(join(tmpdir(), 'otel-audit-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

/** Of a handler that audits by itself, and as little as can be; undefined for the other servers. */
export const bareAudit = kind === 'bare' ? new BareAudit(join(folder, 'bare.jsonl')) : undefined;

/** To be called before what is instrumented is loaded. */
export async function startTracing(instrumentations) {
  const spanProcessors = [new BatchSpanProcessor({ export: sendSpans, shutdown: async () => {} })];
  if (isAudited) {
    const { AuditSpanProcessor, SinkSpanExporter } = await import('otel-audit');
    const { logSink } = await import('otel-audit/sinks/log');
    const exporter = new SinkSpanExporter({
      ledger: join(folder, 'audit'),
      sinks: { file: logSink({ file: join(folder, 'audit.jsonl') }) },
    });
    spanProcessors.unshift(new AuditSpanProcessor(exporter));
  }
  new NodeTracerProvider({ spanProcessors }).register();
  registerInstrumentations({ instrumentations });
}

function sendSpans(spans, done) {
  request(`http://127.0.0.1:${receiver}/v1/traces`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-protobuf' },
    body: ProtobufTraceSerializer.serializeRequest(spans),
  })
    .then(({ body }) => body.dump())
    .then(
      () => done({ code: 0 }),
      (error) => done({ code: 1, error }),
    );
}

/** Tells the bench the port, and from then on, when asked, the microseconds of CPU used so far. */
export function serveBench(port) {
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    process.send(user + system);
  });
  process.on('disconnect', () => process.exit());
  process.send(port);
}
