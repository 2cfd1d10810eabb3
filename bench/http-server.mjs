// One of the two servers of bench/http.mjs: Express 5 under the HTTP instrumentation, audited or not. Both
// trace to an exporter that serialises spans and sends them nowhere; the audited one has everything beside it,
// ledger and sink included. Answers a message with the microseconds of CPU it has used.
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { registerInstrumentations } from '@opentelemetry/instrumentation';
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http';
import { ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';

const isAudited = process.argv[2] === 'audited';
const folder = mkdtempSync(join(tmpdir(), 'bench-http-'));
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
registerInstrumentations({ instrumentations: [new HttpInstrumentation()] });
createRequire(import.meta.url)('node:http'); // patched as it is required
const { default: express } = await import('express');

const app = express();
if (isAudited) {
  const { auditExpress } = await import('otel-audit/interceptors/express');
  app.use(
    auditExpress({
      routes: { 'POST /flags': { event: 'flag:create', payload: ['key', 'name', 'enabled'] } },
      actor: ({ request }) => ({ authentication: 'token', name: request.user }),
      trustProxy: 1,
    }),
  );
}
app.use((request, _response, next) => {
  request.user = request.get('authorization')?.slice('Bearer '.length);
  next();
});
app.use(express.json());
app.post('/flags', (request, response) => {
  response.status(201).json({ ...request.body, createdAt: new Date() });
});
const server = app.listen(0, '127.0.0.1', () => process.send(server.address().port));
process.on('message', () => {
  const { user, system } = process.cpuUsage();
  process.send(user + system);
});
process.on('disconnect', () => process.exit());
