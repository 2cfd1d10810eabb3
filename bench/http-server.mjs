// One of the servers of bench/http.mjs: Express 5, audited or not. Its handler does what that of a service does: who
// calls is known by a token; the body is parsed and validated; the flag is looked up, written with a commit
// that is on disk, and answered as it is stored. The other handler answers what it got.
import { createRequire } from 'node:module';
import { ExpressInstrumentation } from '@opentelemetry/instrumentation-express';
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http';
import { FlagStore, NewFlag } from './flag-store.mjs';
import { creates, folder, isAudited, serveBench, startTracing } from './traced-server.mjs';

await startTracing(
  creates ? [new HttpInstrumentation(), new ExpressInstrumentation()] : [new HttpInstrumentation()],
);
const require = createRequire(import.meta.url);
require('node:http'); // patched as it is required
const express = require('express');

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
const users = new Map([['Bearer ada', 'ada']]);
app.use((request, response, next) => {
  request.user = users.get(request.get('authorization'));
  if (request.user === undefined) response.status(401).json({ error: 'who are you?' });
  else next();
});
app.use(express.json());
if (creates) {
  const store = new FlagStore(folder);
  app.post('/flags', async (request, response) => {
    const asked = NewFlag.safeParse(request.body);
    if (!asked.success) {
      response.status(400).json({ error: asked.error.message });
      return;
    }
    const flag = await store.create(asked.data);
    if (flag === undefined) response.status(409).json({ error: 'there is one already' });
    else response.status(201).json(flag);
  });
} else {
  app.post('/flags', (request, response) => {
    response.status(201).json({ ...request.body, createdAt: new Date() });
  });
}
const server = app.listen(0, '127.0.0.1', () => serveBench(server.address().port));
