import { describe, expect, it, jest } from '@jest/globals';
import { type Attributes, context, type HrTime, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { isTracingSuppressed } from '@opentelemetry/core';
import { BasicTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import fc from 'fast-check';
import { Checker, NoOpChecker } from '../../src/checker.js';
import { AuditError } from '../../src/errors.js';
import { encodeEvent } from '../../src/event/attributes.js';
import { type AuditEvent, createEvent } from '../../src/event/event.js';
import { eventToJson } from '../../src/event/json.js';
import { addEventToSpan } from '../../src/event/span.js';
import { SinkSpanExporter } from '../../src/exporter/exporter.js';
import type { SinkSpanExporterOptions } from '../../src/exporter/options.js';
import type { ExportResult, ReadableSpan } from '../../src/exporter/span.js';
import { type SendContext, type Sink, SinkError } from '../../src/sink.js';
import { recordingSink } from '../../src/testing/recording-sink.js';
import { diagLog } from '../support/diag-log.js';
import { fakeClock } from '../support/fake-clock.js';

const created = createEvent({ type: 'flag', action: 'created', payload: { key: 'a' } });
const updated = createEvent({ type: 'flag', action: 'updated', payload: { key: 'a' } });
const rule = createEvent({ type: 'rule', action: 'created' });

const traceId = '0af7651916cd43dd8448eb211c80319c';
const spanId = 'b7ad6b7169203331';

function spanOf(attributes: readonly unknown[], droppedEventsCount?: number): ReadableSpan {
  return {
    spanContext: () => ({ traceId, spanId, traceFlags: 1 }),
    events: attributes.map((given) => ({
      name: 'event',
      time: [0, 0] as HrTime,
      attributes: given as Attributes,
    })),
    ...(droppedEventsCount === undefined ? {} : { droppedEventsCount }),
  };
}

const spanWith = (...events: readonly AuditEvent[]): ReadableSpan =>
  spanOf(events.map((event) => encodeEvent(event)));

const exported = (exporter: SinkSpanExporter, ...spans: ReadableSpan[]): Promise<ExportResult> =>
  new Promise((resolve) => exporter.export(spans, resolve));

/** A sink whose sends settle when the test says so. */
function heldSink() {
  const sends: {
    events: readonly AuditEvent[];
    context: SendContext;
    resolve: () => void;
    reject: (error: unknown) => void;
  }[] = [];
  const sink: Sink = {
    sendAudits: (events, sendContext) =>
      new Promise<void>((resolve, reject) => {
        sends.push({ events, context: sendContext, resolve, reject });
      }),
  };
  return { sink, sends };
}

/** Lets everything that is ready run. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const pairs = (events: readonly AuditEvent[]): string[] =>
  events.map(({ type, action }) => `${type}:${action}`);

const diagnostics = diagLog();

describe('an exporter behind a SimpleSpanProcessor', () => {
  function pipeline(options: Partial<SinkSpanExporterOptions> = {}) {
    const sink = recordingSink();
    const exporter = new SinkSpanExporter({ sinks: { memory: sink }, ...options });
    const provider = new BasicTracerProvider({
      spanProcessors: [new SimpleSpanProcessor(exporter)],
    });
    return { sink, provider, tracer: provider.getTracer('test') };
  }

  it('delivers flag:created and rule:created, and nothing for an empty event', async () => {
    const { sink, provider, tracer } = pipeline();
    const span = tracer.startSpan('request');
    expect(addEventToSpan(created, span)).toBe(true);
    span.addEvent('event', {});
    span.addEvent('a log line', { 'log.level': 'info' });
    expect(addEventToSpan(rule, span)).toBe(true);
    span.end();
    await provider.forceFlush();
    expect(pairs(sink.events)).toEqual(['flag:created', 'rule:created']);
    expect(sink.batches).toHaveLength(1);
    expect(sink.events.map(({ id }) => id)).toEqual([created.id, rule.id]);
    const { traceId, spanId, traceFlags } = span.spanContext();
    expect(sink.events[0]!.trace).toEqual({ traceId, spanId, traceFlags });
    await provider.shutdown();
    expect(sink.closed).toBe(true);
  });

  it('keeps the exact order of members', async () => {
    const { sink, provider, tracer } = pipeline();
    const span = tracer.startSpan('request');
    const event = createEvent({
      type: 'flag',
      action: 'created',
      actor: { authentication: 'token', ip: '127.0.0.1' },
      payload: { key: 'this-flag', enabled: false },
      timestamp: '2026-01-31T12:00:00Z',
    });
    addEventToSpan(event, span);
    span.end();
    await provider.forceFlush();
    expect(sink.events.map((each) => eventToJson(each))).toEqual([
      '{"version":"0.2","type":"flag","action":"created","metadata":{"actor":{"authentication":"token","ip":"127.0.0.1"}},"payload":{"key":"this-flag","enabled":false},"timestamp":"2026-01-31T12:00:00.000Z","status":"success"}',
    ]);
  });

  it('delivers only what its checker lets pass', async () => {
    const { sink, provider, tracer } = pipeline({ checker: new Checker(['*:created']) });
    const span = tracer.startSpan('request');
    for (const event of [created, updated, rule]) addEventToSpan(event, span);
    span.end();
    await provider.forceFlush();
    expect(pairs(sink.events)).toEqual(['flag:created', 'rule:created']);
  });

  it('numbers events without an id, those that the SDK dropped included', async () => {
    const sink = recordingSink();
    const exporter = new SinkSpanExporter({ sinks: { memory: sink } });
    const provider = new BasicTracerProvider({
      spanProcessors: [new SimpleSpanProcessor(exporter)],
      spanLimits: { eventCountLimit: 2 },
    });
    const span = provider.getTracer('test').startSpan('request');
    const { 'flipt.event.id': _, ...attributes } = encodeEvent(created);
    for (let n = 0; n < 5; n += 1) span.addEvent('event', attributes);
    span.end();
    await provider.forceFlush();
    const { traceId, spanId } = span.spanContext();
    expect(sink.events.map(({ id }) => id)).toEqual([
      `${traceId}-${spanId}-3`,
      `${traceId}-${spanId}-4`,
    ]);
  });
});

describe('export', () => {
  it('gives an event without id its place on the span, whatever stands between', async () => {
    const sink = recordingSink();
    const exporter = new SinkSpanExporter({ sinks: { memory: sink } });
    const { 'flipt.event.id': _, ...attributes } = encodeEvent(created);
    await exported(exporter, spanOf([attributes, {}, undefined, attributes]));
    await exported(exporter, spanOf([attributes], 7));
    expect(sink.events.map(({ id }) => id)).toEqual([
      `${traceId}-${spanId}-0`,
      `${traceId}-${spanId}-3`,
      `${traceId}-${spanId}-7`,
    ]);
  });

  it('succeeds without a send when there is nothing to deliver', async () => {
    const { sink, sends } = heldSink();
    const exporter = new SinkSpanExporter({
      sinks: { held: sink },
      checker: new Checker(['flag:deleted']),
    });
    expect(await exported(exporter)).toEqual({ code: 0 });
    expect(await exported(exporter, spanOf([]), spanOf([{}]), spanWith(created))).toEqual({
      code: 0,
    });
    expect(sends).toHaveLength(0);
    expect(exporter.stats()).toMatchObject({ emitted: 0, rejected: 1, pending: 0 });
  });

  it('asks the checker of a sink for that sink alone', async () => {
    const [all, some, none] = [recordingSink(), recordingSink(), recordingSink()];
    const exporter = new SinkSpanExporter({
      sinks: {
        all,
        some: { sink: some, checker: new Checker(['*:created']) },
        none: { sink: none, checker: new NoOpChecker() },
      },
      checker: new Checker(['flag:*']),
    });
    expect(await exported(exporter, spanWith(created, updated, rule))).toEqual({ code: 0 });
    expect(pairs(all.events)).toEqual(['flag:created', 'flag:updated']);
    expect(pairs(some.events)).toEqual(['flag:created']);
    expect(none.batches).toEqual([]);
    expect(exporter.stats().sinks).toEqual({
      all: { delivered: 2, rejected: 0, failed: 0 },
      some: { delivered: 1, rejected: 1, failed: 0 },
      none: { delivered: 0, rejected: 2, failed: 0 },
    });
  });

  it('fails a sink by its name when its checker throws, and not the others', async () => {
    const [good, bad] = [recordingSink(), recordingSink()];
    const checker = {
      check: (): boolean => {
        throw new Error('no idea');
      },
      events: () => [],
    };
    const exporter = new SinkSpanExporter({ sinks: { good, bad: { sink: bad, checker } } });
    const { code, error } = await exported(exporter, spanWith(created));
    expect(code).toBe(1);
    expect(error?.message).toBe('the checker of sink bad failed: no idea');
    expect(good.events).toHaveLength(1);
    expect(exporter.stats().sinks.bad).toEqual({ delivered: 0, rejected: 0, failed: 1 });
  });

  it('hands the batch to every sink at once, and waits for all of them', async () => {
    const [first, second] = [heldSink(), heldSink()];
    const exporter = new SinkSpanExporter({
      sinks: { first: first.sink, second: second.sink },
    });
    const results: ExportResult[] = [];
    exporter.export([spanWith(created, rule)], (result) => results.push(result));
    await settle();
    expect(pairs(first.sends[0]!.events)).toEqual(['flag:created', 'rule:created']);
    expect(pairs(second.sends[0]!.events)).toEqual(['flag:created', 'rule:created']);
    second.sends[0]!.resolve();
    await settle();
    expect(results).toEqual([]);
    expect(exporter.stats()).toMatchObject({
      emitted: 2,
      pending: 2,
      sinks: { first: { delivered: 0 }, second: { delivered: 2 } },
    });
    first.sends[0]!.resolve();
    await settle();
    expect(results).toEqual([{ code: 0 }]);
    expect(exporter.stats()).toMatchObject({ pending: 0, sinks: { first: { delivered: 2 } } });
  });

  it('fails with the cause when one sink fails, and the others have the batch', async () => {
    const good = recordingSink();
    const cause = new SinkError('sink', 'HTTP 401');
    const throwsAtOnce: Sink = {
      sendAudits: () => {
        throw cause;
      },
    };
    const onError = jest.fn();
    const exporter = new SinkSpanExporter({ sinks: { siem: throwsAtOnce, good }, onError });
    const { code, error } = await exported(exporter, spanWith(created));
    expect(code).toBe(1);
    expect(error).toBeInstanceOf(AuditError);
    expect(error).toMatchObject({ code: 'sink-failed', cause: { code: 'sink-failed', cause } });
    expect(error?.message).toBe('sink siem did not store 1 event(s): HTTP 401');
    expect(pairs(good.events)).toEqual(['flag:created']);
    expect(onError).toHaveBeenCalledTimes(1);
    expect(onError.mock.calls[0]).toMatchObject([
      { code: 'sink-failed', cause },
      { sink: 'siem', events: [{ id: created.id }] },
    ]);
    expect(diagnostics.lines).toEqual([
      'error otel-audit: sink siem did not store 1 event(s): HTTP 401',
    ]);
  });

  it('names every sink that failed', async () => {
    const [a, b] = [recordingSink(), recordingSink()];
    a.failWith(new Error('full'));
    b.failWith('gone' as unknown as Error);
    const exporter = new SinkSpanExporter({ sinks: { a, b } });
    const { code, error } = await exported(exporter, spanWith(created));
    expect(code).toBe(1);
    expect(error?.message).toBe(
      'sink a did not store 1 event(s): full; sink b did not store 1 event(s): gone',
    );
    expect(error?.cause).toBeInstanceOf(AggregateError);
  });

  it('never succeeds for a lost batch, and recovers', async () => {
    const sink = recordingSink();
    const clock = fakeClock();
    const exporter = new SinkSpanExporter({ sinks: { file: sink }, clock });
    expect(exporter.health()).toEqual({ ok: true, problems: [] });
    sink.failWith(new Error('disk full'));
    expect(await exported(exporter, spanWith(created))).toMatchObject({ code: 1 });
    clock.advance(1500);
    expect(await exported(exporter, spanWith(rule))).toMatchObject({ code: 1 });
    clock.advance(500);
    expect(exporter.health()).toEqual({
      ok: false,
      problems: [
        {
          sink: 'file',
          message: 'sink file did not store 1 event(s): disk full',
          forMs: 2000,
        },
      ],
    });
    sink.failWith();
    expect(await exported(exporter, spanWith(updated))).toEqual({ code: 0 });
    expect(exporter.health()).toEqual({ ok: true, problems: [] });
    expect(pairs(sink.events)).toEqual(['flag:updated']);
    expect(exporter.stats()).toEqual({
      emitted: 3,
      rejected: 0,
      malformed: 0,
      pending: 0,
      sinks: { file: { delivered: 1, rejected: 0, failed: 2 } },
    });
  });

  it('fails, and does not throw, for a checker that throws and for what is no span', async () => {
    const checker = {
      check: (): boolean => {
        throw new Error('no idea');
      },
      events: () => [],
    };
    const exporter = new SinkSpanExporter({ sinks: { memory: recordingSink() }, checker });
    expect(await exported(exporter, spanWith(created))).toMatchObject({
      code: 1,
      error: { message: 'the checker failed: no idea' },
    });
    expect(await exported(exporter, null as unknown as ReadableSpan)).toMatchObject({ code: 1 });
  });

  it('suppresses tracing while it sends', async () => {
    const manager = new AsyncLocalStorageContextManager();
    context.setGlobalContextManager(manager.enable());
    try {
      const seen: boolean[] = [];
      const sink: Sink = {
        async sendAudits() {
          seen.push(isTracingSuppressed(context.active()));
          await settle();
          seen.push(isTracingSuppressed(context.active()));
        },
      };
      await exported(new SinkSpanExporter({ sinks: { probe: sink } }), spanWith(created));
      expect(seen).toEqual([true, true]);
      expect(isTracingSuppressed(context.active())).toBe(false);
    } finally {
      context.disable();
    }
  });
});

describe('a malformed event', () => {
  const SECRET = 'hunter2';
  const malformed = { ...encodeEvent(created), 'flipt.event.payload': `{"p":"${SECRET}"` };

  it('is counted and told, and the others of its span are delivered', async () => {
    const sink = recordingSink();
    const onError = jest.fn();
    const exporter = new SinkSpanExporter({ sinks: { memory: sink }, onError });
    const span = spanOf([encodeEvent(created), malformed, encodeEvent(rule)]);
    expect(await exported(exporter, span)).toEqual({ code: 0 });
    expect(pairs(sink.events)).toEqual(['flag:created', 'rule:created']);
    expect(exporter.stats()).toMatchObject({ emitted: 2, malformed: 1 });
    expect(onError).toHaveBeenCalledTimes(1);
    const [error] = onError.mock.calls[0] as [AuditError];
    expect(error.code).toBe('malformed-event');
    expect(error.message).toBe('flipt.event.payload is not valid JSON');
    expect(diagnostics.lines).toEqual([
      'warn otel-audit: a malformed audit event was not delivered: flipt.event.payload is not valid JSON',
    ]);
    expect(`${diagnostics.lines}${error.stack}`).not.toContain(SECRET);
  });

  it('is reported once a burst, with how many were not', async () => {
    const clock = fakeClock();
    const exporter = new SinkSpanExporter({ sinks: { memory: recordingSink() }, clock });
    await exported(exporter, spanOf([malformed, malformed, malformed]));
    clock.advance(4000);
    await exported(exporter, spanOf([malformed]));
    clock.advance(4000);
    await exported(exporter, spanOf([malformed]));
    expect(diagnostics.lines).toHaveLength(1);
    clock.advance(5001);
    await exported(exporter, spanOf([malformed]));
    expect(diagnostics.lines).toHaveLength(2);
    expect(diagnostics.lines[1]).toContain('(and 4 more like it before)');
    expect(exporter.stats().malformed).toBe(6);
  });

  it('is survived when onError throws', async () => {
    const sink = recordingSink();
    const exporter = new SinkSpanExporter({
      sinks: { memory: sink },
      onError: () => {
        throw new Error('handler broke');
      },
    });
    const span = spanOf([malformed, encodeEvent(created)]);
    expect(await exported(exporter, span)).toEqual({ code: 0 });
    expect(sink.events).toHaveLength(1);
    expect(diagnostics.lines).toContain('error otel-audit: onError threw: handler broke');
  });

  it('is survived when onError returns a promise that rejects', async () => {
    const sink = recordingSink();
    const exporter = new SinkSpanExporter({
      sinks: { memory: sink },
      onError: async () => {
        throw new Error('handler broke');
      },
    });
    expect(await exported(exporter, spanOf([malformed]))).toEqual({ code: 0 });
    await settle();
    expect(diagnostics.lines).toContain('error otel-audit: onError threw: handler broke');
  });
});

describe('forceFlush', () => {
  it('waits for what is in flight', async () => {
    const { sink, sends } = heldSink();
    const exporter = new SinkSpanExporter({ sinks: { held: sink } });
    exporter.export([spanWith(created)], () => {});
    exporter.export([spanWith(rule)], () => {});
    let flushed = false;
    const flush = exporter.forceFlush().then(() => {
      flushed = true;
    });
    await settle();
    sends[0]!.resolve();
    await settle();
    expect(flushed).toBe(false);
    sends[1]!.resolve();
    await flush;
  });

  it('rejects, naming the sink, when what was in flight is lost', async () => {
    const { sink, sends } = heldSink();
    const exporter = new SinkSpanExporter({ sinks: { held: sink } });
    exporter.export([spanWith(created)], () => {});
    const flush = exporter.forceFlush();
    await settle();
    sends[0]!.reject(new Error('gone'));
    await expect(flush).rejects.toThrow('sink held did not store 1 event(s): gone');
    await exporter.forceFlush();
  });
});

describe('shutdown', () => {
  it('waits for what is in flight, then closes every sink once', async () => {
    const { sink, sends } = heldSink();
    const close = jest.fn(async () => {});
    const closing = { ...sink, close };
    const exporter = new SinkSpanExporter({ sinks: { a: closing } });
    const results: ExportResult[] = [];
    exporter.export([spanWith(created)], (result) => results.push(result));
    const shutdown = exporter.shutdown();
    await settle();
    expect(close).not.toHaveBeenCalled();
    for (const send of sends) send.resolve();
    await shutdown;
    expect(results).toEqual([{ code: 0 }]);
    expect(close).toHaveBeenCalledTimes(1);
  });

  it('closes all sinks though some fail, and gathers the errors', async () => {
    const good = recordingSink();
    const sendAudits = async () => {};
    const exporter = new SinkSpanExporter({
      sinks: {
        a: { sendAudits, close: () => Promise.reject(new Error('stuck')) },
        b: {
          sendAudits,
          close: () => {
            throw new Error('broken');
          },
        },
        c: { sendAudits },
        good,
      },
    });
    const failure = await exporter.shutdown().then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(failure).toBeInstanceOf(AggregateError);
    expect((failure as AggregateError).errors.map(({ message }) => message)).toEqual([
      'sink a did not close: stuck',
      'sink b did not close: broken',
    ]);
    expect(good.closed).toBe(true);
  });

  it('gives the same promise again', async () => {
    const exporter = new SinkSpanExporter({ sinks: { memory: recordingSink() } });
    const first = exporter.shutdown();
    expect(exporter.shutdown()).toBe(first);
    await first;
    expect(exporter.shutdown()).toBe(first);
  });

  it('makes every later export fail at once', async () => {
    const sink = recordingSink();
    const exporter = new SinkSpanExporter({ sinks: { memory: sink } });
    const shutdown = exporter.shutdown();
    const results: ExportResult[] = [];
    exporter.export([spanWith(created)], (result) => results.push(result));
    expect(results).toMatchObject([{ code: 1, error: { code: 'shutdown' } }]);
    await shutdown;
    await expect(exporter.sendAudits([created])).rejects.toMatchObject({ code: 'shutdown' });
    expect(sink.events).toEqual([]);
    await exporter.forceFlush();
  });
});

describe('sendAudits', () => {
  it('delivers without a span and resolves a null an event', async () => {
    const sink = recordingSink();
    const exporter = new SinkSpanExporter({
      sinks: { memory: sink },
      checker: new Checker(['*:created']),
    });
    expect(await exporter.sendAudits([created, updated, rule])).toEqual([null, null, null]);
    expect(sink.events.map(({ id }) => id)).toEqual([created.id, rule.id]);
    expect(sink.events[0]).not.toHaveProperty('trace');
    expect(await exporter.sendAudits([])).toEqual([]);
  });

  it('takes the trace of the active span', async () => {
    const sink = recordingSink();
    const exporter = new SinkSpanExporter({ sinks: { memory: sink } });
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    try {
      const active = trace.setSpanContext(context.active(), { traceId, spanId, traceFlags: 0 });
      await context.with(active, () => exporter.sendAudits([created]));
    } finally {
      context.disable();
    }
    expect(sink.events[0]!.trace).toEqual({ traceId, spanId, traceFlags: 0 });
  });

  it('sends what was recorded, though the payload changed since', async () => {
    const sink = recordingSink();
    const payload = { n: 1 };
    const event = createEvent({ type: 'flag', action: 'created', payload });
    payload.n = 2;
    await new SinkSpanExporter({ sinks: { memory: sink } }).sendAudits([event]);
    expect(sink.events[0]!.payload).toEqual({ n: 1 });
  });

  it('rejects when a sink fails', async () => {
    const sink = recordingSink();
    sink.failWith(new Error('full'));
    const exporter = new SinkSpanExporter({ sinks: { memory: sink } });
    await expect(exporter.sendAudits([created])).rejects.toMatchObject({
      code: 'sink-failed',
      message: 'sink memory did not store 1 event(s): full',
    });
  });

  it('names the index of an event that cannot be recorded, and sends nothing', async () => {
    const sink = recordingSink();
    const exporter = new SinkSpanExporter({ sinks: { memory: sink } });
    for (const bad of [
      { ...created, type: '' },
      { ...created, timestamp: 'now' },
      { ...created, payload: 1n },
      {},
      null,
    ]) {
      const sent = exporter.sendAudits([created, bad as unknown as AuditEvent]);
      await expect(sent).rejects.toMatchObject({
        code: 'invalid-event',
        message: expect.stringMatching(/^events\[1\] cannot be recorded: /),
      });
    }
    expect(sink.batches).toEqual([]);
    expect(exporter.stats().emitted).toBe(0);
  });
});

describe('what one part breaks', () => {
  it('does not take the good spans and events of the batch with it', async () => {
    const sink = recordingSink();
    const told: AuditError[] = [];
    const checker = {
      check: (pair: string): boolean => {
        if (pair === 'flag:updated') throw new Error('no idea');
        return true;
      },
      events: () => [],
    };
    const exporter = new SinkSpanExporter({
      sinks: { memory: sink },
      checker,
      onError: (error) => told.push(error),
    });
    const noSpan = { events: undefined } as unknown as ReadableSpan;
    const spans = [noSpan, spanWith(updated), spanWith(created)];
    const result = await new Promise<ExportResult>((resolve) => exporter.export(spans, resolve));
    expect(result.code).toBe(1);
    expect(pairs(sink.events)).toEqual(['flag:created']);
    expect(told.map(({ code }) => code)).toEqual(['malformed-event', 'checker-failed']);
  });

  it('is contained: a callback that throws, before and after shutdown', async () => {
    const exporter = new SinkSpanExporter({ sinks: { memory: recordingSink() } });
    const fail = () => {
      throw new Error('callback');
    };
    exporter.export([spanWith(created)], fail);
    await exporter.shutdown();
    await settle();
    expect(() => exporter.export([spanWith(created)], fail)).not.toThrow();
    const line = 'error otel-audit: the callback of export threw: callback';
    expect(diagnostics.lines).toEqual([line, line]);
  });

  it('is answered though what was thrown cannot be shown', async () => {
    const checker = {
      check: (): boolean => {
        throw Object.create(null);
      },
      events: () => [],
    };
    const exporter = new SinkSpanExporter({ sinks: { memory: recordingSink() }, checker });
    expect((await exported(exporter, spanWith(created))).code).toBe(1);
  });
});

describe('a sink', () => {
  it('that empties the batch it is given takes nothing from the others', async () => {
    const good = recordingSink();
    const bad: Sink = {
      async sendAudits(events) {
        (events as AuditEvent[]).length = 0;
      },
    };
    const exporter = new SinkSpanExporter({ sinks: { bad, good } });
    await exporter.sendAudits([created, updated]);
    expect(pairs(good.events)).toEqual(['flag:created', 'flag:updated']);
    expect(exporter.stats()).toMatchObject({ emitted: 2, pending: 0 });
  });

  it('whose checker throws for one event gets the others', async () => {
    const sink = recordingSink();
    const checker = {
      check: (pair: string): boolean => {
        if (pair === 'flag:updated') throw new Error('no idea');
        return true;
      },
      events: () => [],
    };
    const exporter = new SinkSpanExporter({ sinks: { memory: { sink, checker } } });
    const { code } = await exported(exporter, spanWith(created, updated, rule));
    expect(code).toBe(1);
    expect(pairs(sink.events)).toEqual(['flag:created', 'rule:created']);
    expect(exporter.stats().sinks.memory).toEqual({ delivered: 2, rejected: 0, failed: 1 });
  });

  it('that never closes does not hold shutdown past its deadline', async () => {
    const clock = fakeClock();
    const sink: Sink = { sendAudits: async () => {}, close: () => new Promise(() => {}) };
    const delivery = { timeoutMs: 100 };
    const exporter = new SinkSpanExporter({ sinks: { stuck: { sink, delivery } }, clock });
    const shutdown = exporter.shutdown();
    await settle();
    clock.advance(100);
    await expect(shutdown).rejects.toThrow('sink stuck did not close: not within 100 ms');
  });

  it('is not closed before a batch whose export was under way when a handler shut down', async () => {
    const sink = recordingSink();
    const exporter: SinkSpanExporter = new SinkSpanExporter({
      sinks: { memory: sink },
      onError: () => void exporter.shutdown(),
    });
    const malformed = spanOf([{ 'flipt.event.type': 'flag' }]);
    expect((await exported(exporter, malformed, spanWith(created))).code).toBe(0);
    expect(pairs(sink.events)).toEqual(['flag:created']);
    await exporter.shutdown();
    expect(sink.closed).toBe(true);
  });
});

describe('a lane', () => {
  it('hands its sink one batch at a time', async () => {
    const { sink, sends } = heldSink();
    const exporter = new SinkSpanExporter({ sinks: { held: sink } });
    const results = [exported(exporter, spanWith(created)), exported(exporter, spanWith(created))];
    await settle();
    expect(sends).toHaveLength(1);
    sends[0]!.resolve();
    await settle();
    expect(sends).toHaveLength(2);
    sends[1]!.resolve();
    expect((await Promise.all(results)).map(({ code }) => code)).toEqual([0, 0]);
  });

  it('does not call a sink again that still holds on to a batch given up before', async () => {
    const clock = fakeClock();
    const { sink, sends } = heldSink();
    const exporter = new SinkSpanExporter({
      sinks: { held: sink },
      delivery: { timeoutMs: 100 },
      clock,
    });
    const first = exported(exporter, spanWith(created));
    await settle();
    clock.advance(100);
    expect((await first).code).toBe(1);
    const second = exported(exporter, spanWith(created));
    await settle();
    clock.advance(100);
    expect((await second).code).toBe(1);
    expect(sends).toHaveLength(1);
  });

  it('is one for each sink: the same object under two names is refused', () => {
    const sink = recordingSink();
    expect(() => new SinkSpanExporter({ sinks: { a: sink, b: sink } })).toThrow(
      'SinkSpanExporter: sinks.b is the same object as sinks.a; make one a name',
    );
  });
});

describe('hand-made events given to sendAudits', () => {
  it.each([
    ['an id with a line break', { id: 'a\nb' }, 'id must be'],
    ['no id', { id: undefined }, 'id must be'],
    [
      'a trace that would forge a line',
      { trace: { traceId, spanId, traceFlags: '1}}\n{' } },
      'trace must',
    ],
    ['a trace that is none', { trace: { traceId: 'x', spanId: 'y', traceFlags: 1 } }, 'trace must'],
  ])('are refused for %s', async (_, part, message) => {
    const sink = recordingSink();
    const exporter = new SinkSpanExporter({ sinks: { memory: sink } });
    const event = { ...created, ...part } as unknown as AuditEvent;
    await expect(exporter.sendAudits([created, event])).rejects.toThrow(
      `events[1] cannot be recorded: ${message}`,
    );
    expect(sink.events).toEqual([]);
  });

  it('do not quote what a toJSON throws, which may be a secret', async () => {
    const payload = {
      toJSON() {
        throw new Error('password=hunter2');
      },
    };
    const exporter = new SinkSpanExporter({ sinks: { memory: recordingSink() } });
    const sent = exporter.sendAudits([{ ...created, payload }]);
    await expect(sent).rejects.toThrow('events[0] cannot be recorded: reading it failed');
    await expect(sent).rejects.not.toThrow('hunter2');
  });

  it('reject with checker-failed when the checker throws, and nothing is sent', async () => {
    const sink = recordingSink();
    const checker = {
      check: (): boolean => {
        throw new Error('no idea');
      },
      events: () => [],
    };
    const exporter = new SinkSpanExporter({ sinks: { memory: sink }, checker });
    await expect(exporter.sendAudits([created])).rejects.toMatchObject({ code: 'checker-failed' });
    expect(sink.events).toEqual([]);
  });

  it('are not sent under a deadline that is none', async () => {
    const sink = recordingSink();
    const exporter = new SinkSpanExporter({ sinks: { memory: sink } });
    await expect(exporter.sendAudits([created], { timeoutMs: Number.NaN })).rejects.toThrow(
      'sendAudits: timeoutMs must be a number above 0, at most 2147483647, not NaN',
    );
    expect(sink.events).toEqual([]);
  });

  it('reject with timeout when the sinks take longer than asked for', async () => {
    const clock = fakeClock();
    const { sink } = heldSink();
    const exporter = new SinkSpanExporter({ sinks: { held: sink }, clock });
    const sent = exporter.sendAudits([created], { timeoutMs: 50 });
    clock.advance(50);
    await expect(sent).rejects.toMatchObject({ code: 'timeout' });
  });
});

describe('the deadline of a send', () => {
  it('aborts the signal and fails the batch, though the sink ignores it', async () => {
    const clock = fakeClock();
    const { sink, sends } = heldSink();
    const exporter = new SinkSpanExporter({
      sinks: { slow: { sink, delivery: { timeoutMs: 200 } } },
      delivery: { timeoutMs: 100 },
      clock,
    });
    const result = exported(exporter, spanWith(created));
    await settle();
    expect(sends[0]!.context).toMatchObject({ attempt: 1 });
    clock.advance(199);
    expect(sends[0]!.context.signal.aborted).toBe(false);
    clock.advance(1);
    expect(sends[0]!.context.signal.aborted).toBe(true);
    expect(await result).toMatchObject({
      code: 1,
      error: { message: 'sink slow did not store 1 event(s): not stored within 200 ms' },
    });
    expect(clock.waiting).toBe(0);
    sends[0]!.resolve();
    await settle();
    expect(exporter.stats().sinks.slow).toEqual({ delivered: 0, rejected: 0, failed: 1 });
  });

  it('is 30 s by default, and gone once the sink has stored', async () => {
    const clock = fakeClock();
    const { sink, sends } = heldSink();
    const exporter = new SinkSpanExporter({ sinks: { held: sink }, clock });
    const result = exported(exporter, spanWith(created));
    await settle();
    clock.advance(29_999);
    expect(sends[0]!.context.signal.aborted).toBe(false);
    sends[0]!.resolve();
    expect(await result).toEqual({ code: 0 });
    expect(clock.waiting).toBe(0);
    clock.advance(60_000);
    expect(sends[0]!.context.signal.aborted).toBe(false);
  });
});

describe('the options of an exporter', () => {
  const sink = recordingSink();

  it.each<[unknown, string]>([
    [undefined, 'SinkSpanExporter: sinks must be an object'],
    [{}, 'SinkSpanExporter: sinks must be an object'],
    [{ sinks: {} }, 'SinkSpanExporter: sinks must name at least one sink'],
    [{ sinks: { Bad: sink } }, 'SinkSpanExporter: sinks["Bad"] is not a sink\'s name'],
    [{ sinks: { '9a': sink } }, 'SinkSpanExporter: sinks["9a"] is not'],
    [{ sinks: { 'a/b': sink } }, 'SinkSpanExporter: sinks["a/b"] is not'],
    [{ sinks: { ['a'.repeat(64)]: sink } }, 'is not a sink'],
    [{ sinks: JSON.parse('{"__proto__":{}}') }, 'SinkSpanExporter: sinks["__proto__"] is not'],
    [{ sinks: { a: {} } }, 'SinkSpanExporter: sinks["a"] must be a sink'],
    [{ sinks: { a: null } }, 'SinkSpanExporter: sinks["a"] must be a sink'],
    [{ sinks: { a: { sink: 'x' } } }, 'SinkSpanExporter: sinks["a"] must be a sink'],
    [{ sinks: { a: { sink, checker: {} } } }, 'SinkSpanExporter: sinks["a"].checker must be'],
    [
      { sinks: { a: { sink, delivery: { timeoutMs: 0 } } } },
      'SinkSpanExporter: sinks["a"].delivery.timeoutMs must be',
    ],
    [{ sinks: { a: sink }, checker: 'x' }, 'SinkSpanExporter: checker must be'],
    [{ sinks: { a: sink }, onError: 'x' }, 'SinkSpanExporter: onError must be a function'],
    [{ sinks: { a: sink }, random: 0.5 }, 'SinkSpanExporter: random must be a function'],
    [{ sinks: { a: sink }, delivery: 5 }, 'SinkSpanExporter: delivery must be an object'],
    ...[-1, 0, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31, '5'].map(
      (timeoutMs): [unknown, string] => [
        { sinks: { a: sink }, delivery: { timeoutMs } },
        'SinkSpanExporter: delivery.timeoutMs must be',
      ],
    ),
  ])('are refused by name (%#)', (options, message) => {
    let refusal: unknown;
    try {
      new SinkSpanExporter(options as SinkSpanExporterOptions);
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toBeInstanceOf(AuditError);
    expect((refusal as AuditError).code).toBe('invalid-option');
    expect((refusal as AuditError).message).toContain(message);
  });

  it('of later versions are accepted, and said to have no effect', () => {
    const options: SinkSpanExporterOptions = {
      sinks: { a: { sink, delivery: { maxElapsedMs: 1000 } }, b1: recordingSink() },
      delivery: {
        maxBatch: 100,
        maxBatchBytes: 1e6,
        maxDelayMs: 50,
        timeoutMs: 1000,
        backoff: { initialMs: 10, maxMs: 100, factor: 3 },
        maxElapsedMs: 60_000,
      },
      ledger: { directory: 'audit', slots: true, maxSegmentBytes: 1e6 },
      redact: { paths: ['payload.password'], mode: 'hmac', key: 'k' },
      random: () => 0.5,
    };
    new SinkSpanExporter(options);
    expect(diagnostics.lines).toEqual([
      'warn otel-audit: the option ledger is accepted but has no effect in this version',
      'warn otel-audit: the option redact is accepted but has no effect in this version',
    ]);
  });
});

describe('ten thousand random sets of attributes', () => {
  it('neither throw nor lose a valid event', async () => {
    const valid = encodeEvent(created);
    const value = fc.oneof(
      fc.anything({ withBigInt: true, withDate: true }),
      fc.json(),
      fc.string({ unit: 'binary' }),
      fc.constantFrom(...Object.values(valid)),
    );
    const key = fc.oneof(
      fc.constantFrom(...Object.keys(valid), 'flipt.event', 'flipt.event.Type', '__proto__'),
      fc.string(),
    );
    const noise = fc.dictionary(key, value, { maxKeys: 6 });
    const set = fc.oneof(
      { weight: 1, arbitrary: fc.uuid().map((id) => ({ ...valid, 'flipt.event.id': id })) },
      { weight: 2, arbitrary: noise },
      { weight: 2, arbitrary: noise.map((wrong) => ({ ...valid, ...wrong })) },
    );
    const sets = fc.sample(set, 10_000) as Attributes[];
    const spans = Array.from({ length: 100 }, (_, n) =>
      spanOf([...sets.slice(n * 100, n * 100 + 100), { ...valid, 'flipt.event.id': `sure-${n}` }]),
    );
    const sink = recordingSink();
    const exporter = new SinkSpanExporter({ sinks: { memory: sink } });
    expect(await exported(exporter, ...spans)).toEqual({ code: 0 });
    // What is surely valid: every attribute as it was but for the id.
    const { 'flipt.event.id': _, ...others } = valid;
    const sure = spans
      .flatMap(({ events }) => events.map(({ attributes }) => attributes as Attributes))
      .filter(
        (attributes) =>
          Object.entries(others).every(([name, text]) => attributes[name] === text) &&
          /^[\w-]{1,256}$/.test(String(attributes['flipt.event.id'])) &&
          typeof attributes['flipt.event.id'] === 'string',
      )
      .map((attributes) => attributes['flipt.event.id'] as string);
    expect(sure.length).toBeGreaterThan(1000);
    const delivered = sink.events.map(({ id }) => id);
    const stored = new Set(delivered);
    expect(sure.filter((id) => !stored.has(id))).toEqual([]);
    expect(exporter.stats()).toMatchObject({ emitted: delivered.length, pending: 0 });
    for (const event of sink.events) JSON.parse(eventToJson(event, { fields: 'full' }));
  });
});
