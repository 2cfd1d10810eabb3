import { describe, expect, it } from '@jest/globals';
import { context } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { isTracingSuppressed } from '@opentelemetry/core';
import { BasicTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { Checker, NoOpChecker } from '../../src/checker.js';
import { AuditError } from '../../src/errors.js';
import { encodeEvent } from '../../src/event/attributes.js';
import { type AuditEvent, createEvent } from '../../src/event/event.js';
import { eventToJson } from '../../src/event/json.js';
import { addEventToSpan } from '../../src/event/span.js';
import { SinkSpanExporter } from '../../src/exporter/exporter.js';
import type { SinkSpanExporterOptions } from '../../src/exporter/options.js';
import type { ExportResult, ReadableSpan } from '../../src/exporter/span.js';
import { type Sink, SinkError } from '../../src/sink.js';
import { recordingSink } from '../../src/testing/recording-sink.js';
import { diagLog } from '../support/diag-log.js';
import {
  created,
  exported,
  exporterRig,
  flags,
  heldSink,
  idsOf,
  pairs,
  rule,
  spanId,
  spanOf,
  spanWith,
  traceId,
  updated,
} from '../support/exporter-rig.js';
import { settle } from '../support/settle.js';

// Without a ledger, where an export waits for the sinks; export-ledger.test.ts has the other case.

const diagnostics = diagLog();
const rig = exporterRig();

const failing = {
  check: (): boolean => {
    throw new Error('no idea');
  },
  events: () => [],
};

describe('an exporter behind a SimpleSpanProcessor', () => {
  function pipeline(options: Partial<SinkSpanExporterOptions> = {}) {
    const sink = recordingSink();
    const exporter = new SinkSpanExporter({ sinks: { memory: sink }, ...options });
    const provider = new BasicTracerProvider({
      spanProcessors: [new SimpleSpanProcessor(exporter)],
    });
    return { sink, provider, tracer: provider.getTracer('test') };
  }

  it.each(['memory', 'a ledger'])(
    'delivers flag:created and rule:created, and nothing for an empty event, through %s',
    async (store) => {
      const ledger = store === 'memory' ? undefined : rig.path;
      const { sink, provider, tracer } = pipeline({ ledger });
      const span = tracer.startSpan('request');
      expect(addEventToSpan(created, span)).toBe(true);
      span.addEvent('event', {});
      span.addEvent('a log line', { 'log.level': 'info' });
      expect(addEventToSpan(rule, span)).toBe(true);
      span.end();
      await provider.forceFlush();
      await provider.shutdown();
      expect(pairs(sink.events)).toEqual(['flag:created', 'rule:created']);
      expect(sink.batches).toHaveLength(1);
      expect(idsOf(sink.events)).toEqual([created.id, rule.id]);
      const { traceId, spanId, traceFlags } = span.spanContext();
      expect(sink.events[0]!.trace).toEqual({ traceId, spanId, traceFlags });
      expect(sink.closed).toBe(true);
    },
  );

  it('keeps the exact order of members', async () => {
    const { sink, provider, tracer } = pipeline({ ledger: rig.path });
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
    await provider.shutdown();
    expect(sink.events.map((each) => eventToJson(each))).toEqual([
      '{"version":"0.2","type":"flag","action":"created","metadata":{"actor":{"authentication":"token","ip":"127.0.0.1"}},"payload":{"key":"this-flag","enabled":false},"timestamp":"2026-01-31T12:00:00.000Z","status":"success"}',
    ]);
  });

  it('delivers only what its checker lets pass', async () => {
    const { sink, provider, tracer } = pipeline({ checker: new Checker(['*:created']) });
    const span = tracer.startSpan('request');
    for (const event of [created, updated, rule]) addEventToSpan(event, span);
    span.end();
    await provider.shutdown();
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
    await provider.shutdown();
    const { traceId, spanId } = span.spanContext();
    expect(idsOf(sink.events)).toEqual([`${traceId}-${spanId}-3`, `${traceId}-${spanId}-4`]);
  });
});

describe('export without a ledger', () => {
  it('gives an event without id its place on the span, whatever stands between', async () => {
    const sink = recordingSink();
    const { exporter } = rig.openMemory({ sinks: { memory: sink } });
    const { 'flipt.event.id': _, ...attributes } = encodeEvent(created);
    await exported(exporter, spanOf([attributes, {}, undefined, attributes]));
    await exported(exporter, spanOf([attributes], 7));
    expect(idsOf(sink.events)).toEqual([
      `${traceId}-${spanId}-0`,
      `${traceId}-${spanId}-3`,
      `${traceId}-${spanId}-7`,
    ]);
  });

  it('succeeds without a send when there is nothing to deliver', async () => {
    const { sink, sends } = heldSink();
    const { exporter } = rig.openMemory({
      sinks: { held: sink },
      checker: new Checker(['flag:deleted']),
    });
    expect(await exported(exporter)).toEqual({ code: 0 });
    const spans = [spanOf([]), spanOf([{}]), spanWith(created)];
    expect(await exported(exporter, ...spans)).toEqual({ code: 0 });
    expect(sends).toHaveLength(0);
    expect(exporter.stats()).toMatchObject({ emitted: 0, rejected: 1, pending: 0 });
  });

  it('sends at once, for somebody waits', async () => {
    const sink = recordingSink();
    const { exporter, clock } = rig.openMemory({ sinks: { memory: sink } });
    expect(await exported(exporter, spanWith(created))).toEqual({ code: 0 });
    expect(sink.events).toHaveLength(1);
    expect(clock.monotonic()).toBe(0);
  });

  it('asks the checker of a sink for that sink alone', async () => {
    const [all, some, none] = [recordingSink(), recordingSink(), recordingSink()];
    const { exporter } = rig.openMemory({
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
    expect(exporter.stats().sinks).toMatchObject({
      all: { delivered: 2, rejected: 0 },
      some: { delivered: 1, rejected: 1 },
      none: { delivered: 0, rejected: 2 },
    });
  });

  it('fails for an event that a sink’s checker throws at; that sink gets the others', async () => {
    const [good, bad] = [recordingSink(), recordingSink()];
    const checker = {
      check: (pair: string): boolean => pair !== 'flag:updated' || failing.check(),
      events: () => [],
    };
    const { exporter, told } = rig.openMemory({ sinks: { good, bad: { sink: bad, checker } } });
    const { code, error } = await exported(exporter, spanWith(created, updated, rule));
    expect(code).toBe(1);
    expect(error?.message).toContain('the checker of sink bad failed: no idea');
    expect(pairs(good.events)).toEqual(['flag:created', 'flag:updated', 'rule:created']);
    expect(pairs(bad.events)).toEqual(['flag:created', 'rule:created']);
    expect(exporter.stats().sinks.bad).toMatchObject({ delivered: 2, lost: 1 });
    await settle();
    expect(told.map(({ context }) => context.sink)).toContain('bad');
  });

  it('hands the batch to every sink at once, and waits for all of them', async () => {
    const [first, second] = [heldSink(), heldSink()];
    const { exporter } = rig.openMemory({ sinks: { first: first.sink, second: second.sink } });
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

  it('tries again until the sink has stored, and then succeeds', async () => {
    const sink = recordingSink();
    sink.failWith(new Error('disk full'));
    const { exporter, clock } = rig.openMemory({ sinks: { file: sink } });
    const results: ExportResult[] = [];
    exporter.export([spanWith(created)], (result) => results.push(result));
    await clock.pass(60_000);
    expect(results).toEqual([]);
    sink.failWith();
    await clock.pass(30_000);
    expect(results).toEqual([{ code: 0 }]);
    expect(pairs(sink.events)).toEqual(['flag:created']);
  });

  it('fails with the cause once a lane has given up, and the others have the batch', async () => {
    const good = recordingSink();
    const cause = new SinkError('sink', 'HTTP 401');
    const siem: Sink = {
      sendAudits: () => {
        throw cause;
      },
    };
    const { exporter, clock, told } = rig.openMemory({ sinks: { siem, good } });
    const results: ExportResult[] = [];
    exporter.export([spanWith(created)], (result) => results.push(result));
    await clock.pass(5 * 60_000 - 1);
    expect(results).toEqual([]);
    expect(pairs(good.events)).toEqual(['flag:created']);
    await clock.pass(1);
    expect(results).toHaveLength(1);
    const [{ code, error }] = results as [ExportResult];
    expect(code).toBe(1);
    expect(error).toBeInstanceOf(AuditError);
    expect(error).toMatchObject({ code: 'sink-failed' });
    expect(error?.message).toBe(
      'sink siem did not store 1 event(s), and they are given up: HTTP 401',
    );
    expect(exporter.stats().sinks.siem).toMatchObject({ lost: 1, backlog: 0 });
    expect(told.at(-1)).toMatchObject({
      error: { code: 'sink-failed' },
      context: { sink: 'siem', events: [{ id: created.id }] },
    });
  });

  it('names every sink that gave up', async () => {
    const [a, b] = [recordingSink(), recordingSink()];
    a.failWith(new Error('full'));
    b.failWith('gone' as unknown as Error);
    const delivery = { maxElapsedMs: 1000 };
    const { exporter, clock } = rig.openMemory({ sinks: { a, b }, delivery });
    const result = exported(exporter, spanWith(created));
    await clock.pass(2000);
    const { code, error } = await result;
    expect(code).toBe(1);
    expect(error?.message).toContain('sink a did not store 1 event(s)');
    expect(error?.message).toContain('sink b did not store 1 event(s)');
    expect(error?.cause).toBeInstanceOf(AggregateError);
  });

  it('refuses what would take more than 64 MiB of memory, and says so', async () => {
    const { sink } = heldSink();
    const { exporter, told } = rig.openMemory({ sinks: { held: sink } });
    const payload = 'x'.repeat(1024 * 1024);
    const large = (): AuditEvent => createEvent({ type: 'flag', action: 'created', payload });
    const waiting: ExportResult[] = [];
    for (let n = 0; n < 63; n += 1) {
      exporter.export([spanWith(large())], (result) => waiting.push(result));
    }
    await settle();
    expect(waiting).toEqual([]);
    const tooMany = [large(), large()];
    const { code, error } = await exported(exporter, spanWith(...tooMany));
    expect(code).toBe(1);
    expect(error).toMatchObject({ code: 'queue-full' });
    expect(exporter.stats()).toMatchObject({ emitted: 63, dropped: 2 });
    await settle();
    expect(told).toHaveLength(1);
    expect(told[0]!.error.message).toMatch(/and 1 more like it/);
    expect(idsOf(told[0]!.context.events!)).toEqual(idsOf(tooMany));
    await expect(exporter.sendAudits([large()])).rejects.toMatchObject({ code: 'queue-full' });
    expect(exporter.stats().dropped).toBe(2); // who sends has heard of it
  });

  it('takes more once the sinks have stored what waited', async () => {
    const { sink, sends } = heldSink();
    const { exporter } = rig.openMemory({ sinks: { held: sink } });
    const payload = 'x'.repeat(4 * 1024 * 1024 - 1000);
    const large = (): AuditEvent => createEvent({ type: 'flag', action: 'created', payload });
    for (let n = 0; n < 16; n += 1) exporter.export([spanWith(large())], () => {});
    expect(await exported(exporter, spanWith(large()))).toMatchObject({ code: 1 });
    for (let n = 0; n < 16; n += 1) {
      await settle();
      sends[n]!.resolve();
    }
    await settle();
    const after = exported(exporter, spanWith(created));
    await settle();
    sends[16]!.resolve();
    expect(await after).toEqual({ code: 0 });
  });

  it('keeps what a checker that throws cannot judge, and reports it', async () => {
    const sink = recordingSink();
    const { exporter, told } = rig.openMemory({ sinks: { memory: sink }, checker: failing });
    expect(await exported(exporter, spanWith(created))).toEqual({ code: 0 });
    expect(pairs(sink.events)).toEqual(['flag:created']);
    await settle();
    expect(told.map(({ error }) => error)).toMatchObject([
      { code: 'checker-failed', message: 'the checker failed: no idea' },
    ]);
    expect(exporter.stats()).toMatchObject({ emitted: 1, rejected: 0, dropped: 0 });
  });

  it('fails, and does not throw, for what is no span', async () => {
    const { exporter } = rig.openMemory({ sinks: { memory: recordingSink() } });
    expect(await exported(exporter, null as unknown as ReadableSpan)).toMatchObject({ code: 1 });
    const result = await new Promise<ExportResult>((resolve) =>
      exporter.export(null as unknown as ReadableSpan[], resolve),
    );
    expect(result.code).toBe(1);
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
      await exported(rig.openMemory({ sinks: { probe: sink } }).exporter, spanWith(created));
      expect(seen).toEqual([true, true]);
      expect(isTracingSuppressed(context.active())).toBe(false);
    } finally {
      context.disable();
    }
  });
});

describe('what one part breaks', () => {
  it('does not take the good spans and events of the batch with it', async () => {
    const sink = recordingSink();
    const checker = {
      check: (pair: string): boolean => pair !== 'flag:updated' || failing.check(),
      events: () => [],
    };
    const { exporter, told } = rig.openMemory({ sinks: { memory: sink }, checker });
    const noSpans = [undefined, null, 7, { events: undefined }] as unknown as ReadableSpan[];
    const result = await exported(exporter, ...noSpans, spanWith(updated), spanWith(created));
    expect(result.code).toBe(1);
    expect(pairs(sink.events)).toEqual(['flag:updated', 'flag:created']);
    await settle();
    expect(told.map(({ error }) => error.code)).toEqual(['malformed-event', 'checker-failed']);
    expect(exporter.stats().dropped).toBe(0);
  });

  it('is contained: a callback that throws, before and after shutdown', async () => {
    const { exporter } = rig.openMemory({ sinks: { memory: recordingSink() } });
    const fail = () => {
      throw new Error('callback');
    };
    exporter.export([spanWith(created)], fail);
    await exporter.shutdown();
    await settle();
    expect(() => exporter.export([spanWith(created)], fail)).not.toThrow();
    const line = 'error otel-audit: the callback of export threw: callback';
    expect(diagnostics.lines.filter((each) => each === line)).toHaveLength(2);
  });

  it('is answered though what was thrown cannot be shown', async () => {
    const checker = {
      check: (): boolean => {
        throw Object.create(null);
      },
      events: () => [],
    };
    const { exporter } = rig.openMemory({ sinks: { memory: recordingSink() }, checker });
    expect((await exported(exporter, spanWith(created))).code).toBe(0);
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
    const { exporter } = rig.openMemory({ sinks: { bad, good } });
    const events = flags(2);
    await exporter.sendAudits(events);
    expect(idsOf(good.events)).toEqual(idsOf(events));
    expect(exporter.stats()).toMatchObject({ emitted: 2, pending: 0 });
  });

  it('is handed one batch at a time', async () => {
    const { sink, sends } = heldSink();
    const { exporter } = rig.openMemory({ sinks: { held: sink } });
    const first = exported(exporter, spanWith(created));
    await settle();
    const second = exported(exporter, spanWith(updated));
    await settle();
    expect(sends).toHaveLength(1);
    sends[0]!.resolve();
    await settle();
    expect(sends).toHaveLength(2);
    sends[1]!.resolve();
    expect(await Promise.all([first, second])).toEqual([{ code: 0 }, { code: 0 }]);
  });

  it('has a deadline for each attempt, 30 s unless told otherwise', async () => {
    const [usual, hasty] = [heldSink(), heldSink()];
    const { exporter, clock } = rig.openMemory({
      sinks: {
        usual: usual.sink,
        hasty: { sink: hasty.sink, delivery: { timeoutMs: 200 } },
      },
    });
    exporter.export([spanWith(created)], () => {});
    await clock.pass(199);
    expect(hasty.sends[0]!.context).toMatchObject({ attempt: 1, signal: { aborted: false } });
    await clock.pass(1);
    expect(hasty.sends[0]!.context.signal.aborted).toBe(true);
    await clock.pass(29_799);
    expect(usual.sends[0]!.context.signal.aborted).toBe(false);
    await clock.pass(1);
    expect(usual.sends[0]!.context.signal.aborted).toBe(true);
    expect(usual.sends).toHaveLength(1); // it still holds on to its batch
  });
});
