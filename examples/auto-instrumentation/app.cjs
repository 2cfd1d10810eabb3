// A service as one finds it: it knows nothing of tracing or audit. A proxy in front of it signs people in
// and says who they are in `x-auth-request-user`; it lets no client set that header.
const express = require('express');

const EDITORS = ['ada'];
const flags = new Map();
const app = express();

app.use(express.json());
app.use((request, response, next) => {
  const user = request.get('x-auth-request-user');
  if (user === undefined) response.status(401).json({ error: 'sign in first' });
  else if (request.method !== 'GET' && !EDITORS.includes(user)) {
    response.status(403).json({ error: `${user} may not change flags` });
  } else next();
});
app.get('/flags', (_request, response) => {
  response.json([...flags.values()]);
});
app.post('/flags', (request, response) => {
  const { key } = request.body;
  if (flags.has(key)) {
    response.status(409).json({ error: `${key} is there already` });
    return;
  }
  flags.set(key, { key, enabled: false });
  response.status(201).json(flags.get(key));
});
app.put('/flags/:key', (request, response) => {
  const flag = flags.get(request.params.key);
  if (flag === undefined) response.status(404).json({ error: 'no such flag' });
  else response.json(Object.assign(flag, { enabled: request.body.enabled === true }));
});
app.delete('/flags/:key', (request, response) => {
  flags.delete(request.params.key);
  response.status(204).end();
});

const server = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
process.once('SIGTERM', () => {
  server.close();
  server.closeAllConnections();
});
