// Runs the built package against one undici, as a user who has that one would:
//
//   node test/compat/undici.mjs undici-8
//
// Plain JavaScript, so that any Node runs it by itself. Fails by exit code and message.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const root = dirname(dirname(here));
const name = process.argv[2] ?? '';

const APP = `
export { createEvent } from 'otel-audit';
export { webhookSink } from 'otel-audit/sinks/webhook';
export { Agent } from 'undici';
`;

const folder = mkdtempSync(join(tmpdir(), 'otel-audit-compat-'));
try {
  const modules = join(folder, 'node_modules');
  mkdirSync(join(modules, 'otel-audit'), { recursive: true });
  cpSync(join(root, 'package.json'), join(modules, 'otel-audit/package.json'));
  cpSync(join(root, 'dist'), join(modules, 'otel-audit/dist'), { recursive: true });
  symlinkSync(join(here, name, 'node_modules/undici'), join(modules, 'undici'), 'dir');
  symlinkSync(join(root, 'node_modules/@opentelemetry'), join(modules, '@opentelemetry'), 'dir');
  const require = createRequire(join(folder, 'app.cjs'));
  writeFileSync(join(folder, 'app.mjs'), APP);
  await check(await import(pathToFileURL(join(folder, 'app.mjs')).href), 'ESM');
  const packages = ['otel-audit', 'otel-audit/sinks/webhook', 'undici'];
  await check(Object.assign({}, ...packages.map(require)), 'CommonJS');
  const { version } = require('undici/package.json');
  console.log(`${name} works (${version}) under Node ${process.versions.node}`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** What of undici the sinks rely on: replies, refusals, resets, aborts, and a dispatcher of the user's. */
async function check({ createEvent, webhookSink, Agent }, form) {
  const bodies = [];
  let answer = (response) => response.end();
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    bodies.push(body);
    answer(response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${server.address().port}`;
  const events = Array.from({ length: 20 }, (_, payload) =>
    createEvent({ type: 'flag', action: 'created', payload }),
  );
  const live = { signal: new AbortController().signal, attempt: 1 };
  const dispatcher = new Agent({ connections: 2 });
  for (const options of [{}, { dispatcher }]) {
    const sink = webhookSink({ url, concurrency: 4, ...options });
    const what = `${form}, ${options.dispatcher ? 'a dispatcher given' : 'a pool of our own'}`;
    bodies.length = 0;
    answer = (response) => response.end('{}');
    await sink.sendAudits(events, live);
    const payloads = bodies.map((body) => JSON.parse(body).payload).sort((a, b) => a - b);
    assert.deepEqual(payloads, [...events.keys()], what);

    answer = (response) => response.writeHead(302, { location: '/' }).end();
    await assert.rejects(sink.sendAudits([events[0]], live), { fault: 'sink' }, what);
    answer = (response) => response.writeHead(503, { 'retry-after': '7' }).end('later');
    const later = { fault: 'transient', retryAfterMs: 7000, message: /503.*later/ };
    await assert.rejects(sink.sendAudits([events[0]], live), later, what);
    answer = (response) => response.socket.resetAndDestroy();
    await assert.rejects(sink.sendAudits([events[0]], live), { fault: 'transient' }, what);
    answer = (response) => {
      response.writeHead(500);
      const more = () => {
        while (response.write('x'.repeat(65_536)));
      };
      response.on('drain', more).on('error', () => {});
      more();
    };
    await assert.rejects(sink.sendAudits([events[0]], live), { message: /500/ }, what);
    const stop = new AbortController();
    answer = () => stop.abort(new Error('it takes too long'));
    const stopped = { fault: 'transient', message: /too long/ };
    await assert.rejects(
      sink.sendAudits([events[0]], { signal: stop.signal, attempt: 1 }),
      stopped,
      what,
    );
    await sink.close();
  }
  await dispatcher.destroy();
  server.closeAllConnections();
  server.close();
}
