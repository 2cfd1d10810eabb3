// One of the two servers of bench/grpc.mjs: a gRPC service under the gRPC instrumentation, audited or not.
// Both trace to an exporter that serialises spans and sends them nowhere; the audited one has everything
// beside it, ledger and sink included. Answers a message with the microseconds of CPU it has used.
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { registerInstrumentations } from '@opentelemetry/instrumentation';
import { GrpcInstrumentation } from '@opentelemetry/instrumentation-grpc';
import { ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { loadService } from './grpc-service.mjs';

const isAudited = process.argv[2] === 'audited';
const folder = mkdtempSync(join(tmpdir(), 'bench-grpc-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const spanProcessors = [
  new BatchSpanProcessor({
    export(spans, done) {
      ProtobufTraceSerializer.serializeRequest(spans);
      done({ code: 0 });
    },
    shutdown: async () => {},
  }),
];
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
registerInstrumentations({ instrumentations: [new GrpcInstrumentation()] });
const grpc = createRequire(import.meta.url)('@grpc/grpc-js'); // patched as it is required

const interceptors = [];
if (isAudited) {
  const { auditGrpc } = await import('otel-audit/interceptors/grpc');
  interceptors.push(
    auditGrpc({
      methods: { '/flags.Flags/CreateFlag': { event: 'flag:create', payload: 'response' } },
      actor: ({ metadata }) => ({
        authentication: 'token',
        name: String(metadata.get('authorization')[0]).slice('Bearer '.length),
      }),
      trustProxy: 1,
    }),
  );
}
const server = new grpc.Server({ interceptors });
server.addService(loadService(grpc).service, {
  createFlag: ({ request }, callback) => callback(null, request),
});
server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error;
  process.send(port);
});
process.on('message', () => {
  const { user, system } = process.cpuUsage();
  process.send(user + system);
});
process.on('disconnect', () => process.exit());
