// npx tsx --tsconfig examples/tsconfig.json examples/template/hook.ts   (after npm run build)
//
// Flipt's own example of a template, as its documentation has it, posted to a receiver on the loopback.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createEvent, SinkSpanExporter } from 'otel-audit';
import { templateSink } from 'otel-audit/sinks/template';

const receiver = createServer(async (request, response) => {
  let body = '';
  for await (const chunk of request.setEncoding('utf8')) body += chunk;
  console.log(`received: ${body}`);
  response.end();
}).listen(0, '127.0.0.1');
await once(receiver, 'listening');
const { port } = receiver.address() as AddressInfo;

const exporter = new SinkSpanExporter({
  sinks: {
    hook: templateSink({
      templates: [
        {
          url: `http://127.0.0.1:${port}/audit`,
          headers: { 'x-source': 'otel-audit' },
          body: '{"event": "{{ .Type }} {{ .Action }}", "timestamp": "{{ .Timestamp }}"}',
        },
      ],
    }),
  },
});

await exporter.sendAudits(
  [createEvent({ type: 'flag', action: 'created', payload: { key: 'new-checkout' } })],
  { until: 'delivered' },
);
await exporter.shutdown();
receiver.close();
