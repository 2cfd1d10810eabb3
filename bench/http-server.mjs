// One of the servers of bench/http.mjs: Express 5, audited or not. Its handler does what that of a service does: who
// calls is known by a token; the body is parsed and validated; the flag is looked up, written with a commit
// that is on disk, and answered as it is stored.
import { createRequire } from 'node:module';
import { ExpressInstrumentation } from '@opentelemetry/instrumentation-express';
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http';
import { FlagStore, NewFlag } from './flag-store.mjs';
import { bareAudit, folder, isAudited, serveBench, startTracing } from './traced-server.mjs';

await startTracing([new HttpInstrumentation(), new ExpressInstrumentation()]);
const require = createRequire(import.meta.url);
const { createServer } = require('node:http'); // patched as it is required
const express = require('express');

const app = express();
app.set('trust proxy', 1);
const users = new Map([['Bearer ada', 'ada']]);
app.use((request, response, next) => {
  request.user = users.get(request.get('authorization'));
  if (request.user === undefined) response.status(401).json({ error: 'who are you?' });
  else next();
});
app.use(express.json());
const store = new FlagStore(folder);
app.post('/flags', async (request, response) => {
  const asked = NewFlag.safeParse(request.body);
  if (!asked.success) {
    response.status(400).json({ error: asked.error.message });
    return;
  }
  const flag = await store.create(asked.data);
  if (flag === undefined) {
    response.status(409).json({ error: 'there is one already' });
    return;
  }
  response.status(201).json(flag);
  if (bareAudit === undefined) return;
  const { key, name, enabled } = flag;
  const actor = { authentication: 'token', ip: request.ip, name: request.user };
  bareAudit.add('flag', 'created', actor, { key, name, enabled });
});
const server = createServer(await listener()).listen(0, '127.0.0.1', () => {
  serveBench(server.address().port);
});

async function listener() {
  if (!isAudited) return app;
  const { auditExpress } = await import('otel-audit/interceptors/express');
  return auditExpress(
    {
      routes: { 'POST /flags': { event: 'flag:create', payload: ['key', 'name', 'enabled'] } },
      actor: ({ request }) => ({ authentication: 'token', name: request.user }),
      trustProxy: 1,
    },
    app,
  );
}
