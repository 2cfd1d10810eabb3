// npm run demo:fastify
// Starts a Fastify service, drives it and prints each audit line as its sink gets it.
import { createRequire } from 'node:module';
import { registerInstrumentations } from '@opentelemetry/instrumentation';
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http';
import { AlwaysOnSampler, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { AuditSpanProcessor, alwaysRecord, eventToJson, SinkSpanExporter } from 'otel-audit';

// Tracing first: the instrumentation patches `http` when it is required.
const exporter = new SinkSpanExporter({
  sinks: {
    screen: {
      async sendAudits(events) {
        for (const event of events) console.log(eventToJson(event));
      },
    },
  },
  ledger: undefined, // a service names a folder here; without one events wait in memory
});
const provider = new NodeTracerProvider({
  sampler: alwaysRecord(new AlwaysOnSampler()),
  spanProcessors: [new AuditSpanProcessor(exporter)],
});
provider.register();
registerInstrumentations({ instrumentations: [new HttpInstrumentation()] });
createRequire(import.meta.url)('node:http');
const { createApp } = await import('./app.js');

const app = await createApp();
const url = await app.listen({ port: 0, host: '127.0.0.1' });
const call = async (method: string, path: string, token?: string, body?: object) => {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: {
      'x-forwarded-for': '198.51.100.66, 203.0.113.7', // the first one forged, the second by the proxy
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  await response.arrayBuffer();
};
await call('POST', '/flags', 'demo-ada', { key: 'new-checkout' });
await call('PUT', '/flags/new-checkout', 'demo-ada', { enabled: true });
await call('GET', '/flags', 'demo-vic');
await call('POST', '/flags', 'demo-ada', { key: 'new-checkout' }); // exists already: nothing happened
await call('DELETE', '/flags/new-checkout', 'demo-vic'); // may only read
await call('DELETE', '/flags/new-checkout'); // nobody
await call('DELETE', '/flags/new-checkout', 'demo-ada');

await app.close();
await provider.shutdown();
console.log(`\nrequests made     7\nevents delivered  ${exporter.stats().sinks.screen?.delivered}`);
