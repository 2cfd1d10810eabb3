import { describe, expect, it } from '@jest/globals';
import type { AuditEvent } from '../../src/event/event.js';
import { eventToJson } from '../../src/event/json.js';
import { type Sink, SinkError } from '../../src/sink.js';
import { recordingSink } from '../../src/testing/recording-sink.js';
import { diagLog } from '../support/diag-log.js';
import { eventsNamed, exporterFolder, idsOf } from '../support/exporter-folder.js';
import { live, pump } from '../support/pump.js';
import { randomOf } from './programs/library.js';

const folder = exporterFolder();
diagLog();

const COUNT = 1000;
const ids = idsOf('event', COUNT);
const seed = Math.floor(Math.random() * 2 ** 31);

/** Stores what it is told of a batch, then throws what it is told. */
function failingSink(
  behave: (events: readonly AuditEvent[], signal: AbortSignal) => Promise<readonly AuditEvent[]>,
) {
  const stored: AuditEvent[] = [];
  const sink: Sink = {
    async sendAudits(events, { signal }) {
      stored.push(...(await behave(events, signal)));
      if (fault !== undefined) {
        const thrown = fault;
        fault = undefined;
        throw thrown;
      }
    },
  };
  let fault: unknown;
  return {
    sink,
    stored,
    throwNext(error: unknown) {
      fault = error;
    },
  };
}

/** Ids in the order in which they came first. */
const firsts = (events: readonly AuditEvent[]) => [...new Set(events.map(({ id }) => id))];

/** Every copy of an event must be the same event. */
function expectTrueCopies(events: readonly AuditEvent[]): void {
  const texts = new Map<string, string>();
  for (const event of events) {
    const text = eventToJson(event, { fields: 'full' });
    expect(texts.get(event.id) ?? text).toBe(text);
    texts.set(event.id, text);
  }
}

async function deliver(sink: Sink, timeoutMs = 1000) {
  const healthy = recordingSink();
  const { exporter, clock } = folder.open({
    sinks: { healthy, failing: sink },
    delivery: { maxBatch: 50, timeoutMs, backoff: { initialMs: 10, maxMs: 100 } },
  });
  for (let n = 0; n < COUNT; n += 100) {
    await pump(clock, exporter.sendAudits(eventsNamed(...ids.slice(n, n + 100))));
  }
  await live(clock, 20 * 60_000, 1000);
  const { dropped, sinks } = exporter.stats();
  expect(dropped).toBe(0);
  expect(sinks.failing).toMatchObject({ backlog: 0, lost: 0, deadLetters: 0, delivered: COUNT });
  expect(sinks.failing!.failedAttempts).toBeGreaterThan(0);
  expect(exporter.health()).toEqual({ ok: true, problems: [] });
  expect(healthy.events.map(({ id }) => id)).toEqual(ids);
  expect(folder.lines().map(({ id }) => id)).toEqual(ids);
}

describe(`a sink that flaps (seed ${seed})`, () => {
  it('gets every event once, in order', async () => {
    const random = randomOf(seed);
    const faults = [
      () => new Error('connection reset'),
      () => new SinkError('transient', '503', { retryAfterMs: 5000 }),
      () => new SinkError('sink', '401'),
      () => 'a string',
      () => undefined,
    ];
    const failing = failingSink(async (events) => {
      if (random() < 0.5) return events;
      throw faults[Math.floor(random() * faults.length)]!();
    });
    await deliver(failing.sink);
    expect(failing.stored.map(({ id }) => id)).toEqual(ids);
  });
});

describe('a sink that stores and then throws', () => {
  it('gets every event, and what comes again is the same, id and all', async () => {
    let calls = 0;
    const failing = failingSink(async (events) => {
      calls += 1;
      if (calls % 2 === 1) failing.throwNext(new Error('stored, but the answer was lost'));
      return events;
    });
    await deliver(failing.sink);
    expect(failing.stored.length).toBeGreaterThan(COUNT);
    expect(firsts(failing.stored)).toEqual(ids);
    expectTrueCopies(failing.stored);
  });
});

describe('a sink that stores half and is aborted then', () => {
  const aborted = (signal: AbortSignal) =>
    new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));

  it('gets every event, some twice', async () => {
    let calls = 0;
    const failing = failingSink(async (events, signal) => {
      calls += 1;
      if (calls % 2 === 0) return events;
      await aborted(signal);
      failing.throwNext(signal.reason);
      return events.slice(0, events.length / 2);
    });
    await deliver(failing.sink);
    expect(failing.stored.length).toBeGreaterThan(COUNT);
    expect(firsts(failing.stored)).toEqual(ids);
    expectTrueCopies(failing.stored);
  });

  it('gets every event once where it names what it did not store', async () => {
    let calls = 0;
    const failing = failingSink(async (events, signal) => {
      calls += 1;
      if (calls % 2 === 0) return events;
      await aborted(signal);
      const half = Math.floor(events.length / 2);
      const failed = [...events.keys()].slice(half);
      failing.throwNext(new SinkError('transient', 'aborted', { failed }));
      return events.slice(0, half);
    });
    await deliver(failing.sink);
    expect(failing.stored.map(({ id }) => id)).toEqual(ids);
  });
});
