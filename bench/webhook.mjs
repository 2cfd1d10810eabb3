// webhookSink against a bare loop over the same HTTP client, undici's Pool, with the same bodies and as
// many connections. For one event a request the loop's bodies are printed beforehand; for a batch it
// prints them as it goes, by JSON.stringify, since printing 512 events takes as long as posting them to a
// far side that only throws them away. That one is a process of its own.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createEvent, eventToJson } from 'otel-audit';
import { webhookSink } from 'otel-audit/sinks/webhook';
import { Pool } from 'undici';
import { Goal, measure, ratios } from './harness.mjs';
import { actor, payloads } from './samples.mjs';

const EVENTS_A_BATCH = 512; // a lane's default

const FAR_SIDE = `
  import { createServer } from 'node:http';
  const server = createServer((request, response) => {
    request.on('end', () => response.end()).resume();
  });
  server.listen(0, '127.0.0.1', () => console.log(server.address().port));
  process.stdin.on('end', () => process.exit()).resume(); // goes when the bench goes`;

export async function webhook({ rounds, scale }) {
  const farSide = spawn(process.execPath, ['--input-type=module', '--eval', FAR_SIDE], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  try {
    const [port] = await once(farSide.stdout.setEncoding('utf8'), 'data');
    const url = `http://127.0.0.1:${port.trim()}`;
    const goals = [];
    for (const concurrency of [1, 8, 64]) goals.push(await each(url, concurrency, rounds, scale));
    goals.push(await batch(url, rounds, scale));
    return goals;
  } finally {
    farSide.kill();
  }
}

async function each(url, concurrency, rounds, scale) {
  const events = sampleEvents();
  const bodies = events.map((event) => eventToJson(event));
  const batches = Math.max(2, Math.round(6 * scale));
  const sink = webhookSink({ url, concurrency });
  const times = await race(sink, events, url, () => bodies, { concurrency, batches, rounds });
  return new Goal(
    `webhook each, concurrency ${concurrency}, events/s against a bare loop`,
    ratios(times.bare, times.ours),
    { atLeast: 0.9 },
  );
}

async function batch(url, rounds, scale) {
  const events = sampleEvents();
  const members = events.map((event) => ({ ...JSON.parse(eventToJson(event)), id: event.id }));
  const batches = Math.max(4, Math.round(40 * scale));
  const sink = webhookSink({ url, mode: 'batch' });
  const times = await race(sink, events, url, () => [JSON.stringify(members)], {
    concurrency: 1,
    batches,
    rounds,
  });
  return new Goal(
    `webhook batch of ${EVENTS_A_BATCH}, events/s against a bare loop`,
    ratios(times.bare, times.ours),
    { atLeast: 0.9 },
  );
}

async function race(sink, events, url, print, { concurrency, batches, rounds }) {
  const pool = new Pool(url, { connections: concurrency });
  const context = { signal: new AbortController().signal, attempt: 1 };
  const times = await measure(
    {
      ours: async () => {
        const start = process.hrtime.bigint();
        for (let n = 0; n < batches; n += 1) await sink.sendAudits(events, context);
        return Number(process.hrtime.bigint() - start);
      },
      bare: async () => {
        const start = process.hrtime.bigint();
        for (let n = 0; n < batches; n += 1) await postAll(pool, print(), concurrency);
        return Number(process.hrtime.bigint() - start);
      },
    },
    rounds,
  );
  await pool.close();
  await sink.close();
  return times;
}

async function postAll(pool, bodies, concurrency) {
  let next = 0;
  const work = async () => {
    while (next < bodies.length) {
      const body = bodies[next];
      next += 1;
      const reply = await pool.request({
        path: '/',
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      });
      await reply.body.dump();
      if (reply.statusCode !== 200) throw new Error(`answered ${reply.statusCode}`);
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, bodies.length) }, work));
}

function sampleEvents() {
  const [payload] = Object.values(payloads);
  return Array.from({ length: EVENTS_A_BATCH }, () =>
    createEvent({ type: 'flag', action: 'created', actor, payload }),
  );
}
