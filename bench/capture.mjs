// What capture into a ledger costs the request, and the process in all; what it costs spans that have
// nothing to do with audit; and how many events it takes a second, against pino logging the same objects.
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import {
  AuditSpanProcessor,
  addEventToSpan,
  createEvent,
  encodeEvent,
  SinkSpanExporter,
} from 'otel-audit';
import pino from 'pino';
import { withFolder } from './folders.mjs';
import { Goal, measure, nanosEach, ratios } from './harness.mjs';
import { actor, payloads } from './samples.mjs';

const EVENTS_A_SPAN = 20;
const EVENTS_A_TURN = 100;

export function capture(settings) {
  return withFolder(async (folder) => {
    const goals = [];
    for (const size of Object.keys(payloads)) goals.push(...(await costs(folder, size, settings)));
    return goals;
  });
}

export function againstPino(settings) {
  return withFolder(async (folder) => {
    const goals = [];
    for (const size of Object.keys(payloads)) goals.push(await besidePino(folder, size, settings));
    return goals;
  });
}

export function emptySpans(settings) {
  return withFolder(async (folder) => [await emptySpan(folder, settings)]);
}

async function costs(folder, size, { rounds, scale }) {
  const payload = payloads[size];
  const turns = Math.round(400 * scale);
  const captured = capturing(join(folder, `costs-${size}`));
  const plain = new BasicTracerProvider().getTracer('bench');
  const init = { type: 'flag', action: 'created', actor, payload };
  const ready = encodeEvent(createEvent(init));
  const events = new Array(EVENTS_A_SPAN);
  let length = 0;

  const floor = () =>
    overTurns(turns, plain, (span) => {
      const start = process.hrtime.bigint();
      for (let n = 0; n < EVENTS_A_SPAN; n += 1) {
        length += JSON.stringify(actor).length + JSON.stringify(payload).length;
        span.addEvent('event', ready);
      }
      return process.hrtime.bigint() - start;
    });
  const add = () =>
    overTurns(turns, captured.tracer, (span) => {
      for (let n = 0; n < EVENTS_A_SPAN; n += 1) events[n] = createEvent(init);
      const start = process.hrtime.bigint();
      for (let n = 0; n < EVENTS_A_SPAN; n += 1) addEventToSpan(events[n], span);
      return process.hrtime.bigint() - start;
    });
  const createAndAdd = () =>
    overTurns(turns, captured.tracer, (span) => {
      const start = process.hrtime.bigint();
      for (let n = 0; n < EVENTS_A_SPAN; n += 1) addEventToSpan(createEvent(init), span);
      return process.hrtime.bigint() - start;
    });
  // All of it: making, adding, writing, hashing, and syncing in the background.
  const cpu = (work) => async () => {
    const before = process.cpuUsage();
    await work();
    await captured.settled();
    const { user, system } = process.cpuUsage(before);
    return user + system;
  };
  const times = await measure(
    { floor, add, createAndAdd, cpu: cpu(createAndAdd), cpuFloor: cpu(floor) },
    rounds,
  );
  await captured.close();
  if (length === 0) throw new Error('the floor did nothing');
  return [
    new Goal(
      `addEventToSpan into a ledger, ${size}, time against the emit floor`,
      ratios(times.add, times.floor),
      {
        atMost: 1,
      },
    ),
    new Goal(`… with createEvent`, ratios(times.createAndAdd, times.floor), { atMost: 1.9 }),
    new Goal(
      `… all CPU to the disk, ${EVENTS_A_TURN} events a turn`,
      ratios(times.cpu, times.cpuFloor),
      {
        atMost: size === '300 B' ? 4 : 5,
      },
    ),
  ];
}

// The objects are there beforehand on both sides: pino prints them, and an event of ours was printed when
// it was made. What making it adds is measured above and noted here.
async function besidePino(folder, size, { rounds, scale }) {
  const payload = payloads[size];
  const turns = Math.round(400 * scale);
  const count = turns * EVENTS_A_TURN;
  const captured = capturing(join(folder, `pino-${size}`));
  const destination = pino.destination({
    dest: join(folder, `pino-${size}.jsonl`),
    sync: true,
    minLength: 4096,
  });
  const logger = pino(destination);
  const init = { type: 'flag', action: 'created', actor, payload };
  /** Nanoseconds that a turn's events take, making them left out. */
  const timed = async (use) => {
    let nanos = 0n;
    for (let turn = 0; turn < turns; turn += 1) {
      const events = Array.from({ length: EVENTS_A_TURN }, () => createEvent(init));
      await nextTurn();
      const start = process.hrtime.bigint();
      use(events);
      await nextTurn();
      nanos += process.hrtime.bigint() - start;
    }
    return Number(nanos) / count;
  };
  const making = () =>
    nanosEach(count, () => {
      for (let n = 0; n < count; n += 1) createEvent(init);
    });
  const times = await measure(
    {
      ours: () =>
        timed((events) => {
          for (let at = 0; at < events.length; at += EVENTS_A_SPAN) {
            const span = captured.tracer.startSpan('request');
            for (let n = 0; n < EVENTS_A_SPAN; n += 1) addEventToSpan(events[at + n], span);
            span.end();
          }
        }),
      pino: () =>
        timed((events) => {
          for (const event of events) logger.info(event);
        }),
      making,
    },
    rounds,
  );
  destination.flushSync();
  await captured.close();
  const ratio = ratios(times.pino, times.ours).sort((a, b) => a - b)[rounds >> 1];
  const whole = times.ours.map((nanos, round) => nanos + times.making[round]);
  const withMaking = ratios(times.pino, whole).sort((a, b) => a - b)[rounds >> 1];
  console.log(
    `note  events captured into a ledger, ${size}, against pino: ${ratio.toFixed(2)} x, with createEvent ${withMaking.toFixed(2)} x`,
  );
  return new Goal(
    `events captured into a ledger, ${size}, events/s against pino`,
    ratios(times.pino, times.ours),
    { atLeast: 1.2 },
  );
}

async function emptySpan(folder, { rounds, scale }) {
  const count = Math.round(200_000 * scale);
  const captured = capturing(join(folder, 'empty'));
  // Any provider has some processor; it is what the SDK's own costs begin with.
  const plain = new BasicTracerProvider({ spanProcessors: [new QuietProcessor()] });
  const run = (tracer) => () =>
    nanosEach(count, () => {
      for (let n = 0; n < count; n += 1) tracer.startSpan('request').end();
    });
  const times = await measure(
    { with: run(captured.tracer), without: run(plain.getTracer('bench')) },
    rounds,
  );
  await captured.close();
  return new Goal(
    'start and end of a span without audit events, time against the same without our processor',
    ratios(times.with, times.without),
    {
      atMost: 1.05,
    },
  );
}

class QuietProcessor {
  onStart() {}
  onEnd() {}
  async forceFlush() {}
  async shutdown() {}
}

/** A provider whose audit events go into a ledger. */
function capturing(directory) {
  const exporter = new SinkSpanExporter({ ledger: directory, sinks: {} });
  const provider = new BasicTracerProvider({
    spanProcessors: [new QuietProcessor(), new AuditSpanProcessor(exporter)],
  });
  return {
    tracer: provider.getTracer('bench'),
    /** Resolves once everything so far is durable. */
    async settled() {
      await exporter.forceFlush();
    },
    async close() {
      const { emitted, dropped, pending } = exporter.stats();
      if (emitted === 0 && !directory.endsWith('empty')) throw new Error('nothing was captured');
      if (dropped > 0) throw new Error(`${dropped} events of ${emitted} were lost`);
      await provider.shutdown();
      return pending;
    },
  };
}

/** Runs a request of `EVENTS_A_SPAN` events as often as makes a turn; nanoseconds that `request` says. */
async function overTurns(turns, tracer, request) {
  let nanos = 0n;
  for (let turn = 0; turn < turns; turn += 1) {
    for (let done = 0; done < EVENTS_A_TURN; done += EVENTS_A_SPAN) {
      const span = tracer.startSpan('request');
      nanos += request(span);
      span.end();
    }
    await nextTurn();
  }
  return Number(nanos) / (turns * EVENTS_A_TURN);
}
