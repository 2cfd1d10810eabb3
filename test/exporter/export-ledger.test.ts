import { describe, expect, it } from '@jest/globals';
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  type SpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { encodeEvent } from '../../src/event/attributes.js';
import { createEvent } from '../../src/event/event.js';
import { addEventToSpan } from '../../src/event/span.js';
import type { SinkSpanExporter } from '../../src/exporter/exporter.js';
import { AuditSpanProcessor } from '../../src/exporter/processor.js';
import type { ExportResult, ReadableSpan } from '../../src/exporter/span.js';
import { recordingSink } from '../../src/testing/recording-sink.js';
import { diagLog } from '../support/diag-log.js';
import { diskFaults, ioError } from '../support/disk-faults.js';
import {
  created,
  exported,
  exporterRig,
  flags,
  heldSink,
  idsOf,
  rule,
  shutDown,
  spanOf,
  spanWith,
  updated,
} from '../support/exporter-rig.js';
import { settle } from '../support/settle.js';
import { verifyChain } from '../support/verify-chain.js';

const diagnostics = diagLog();
const disk = diskFaults();
const rig = exporterRig();

/** A tracer with our processor, and the spans that it ended. */
function traced(exporter: SinkSpanExporter, limits = {}, ...others: SpanProcessor[]) {
  const ended: ReadableSpan[] = [];
  const noting: SpanProcessor = {
    onStart: () => {},
    onEnd: (span) => void ended.push(span),
    forceFlush: async () => {},
    shutdown: async () => {},
  };
  const provider = new BasicTracerProvider({
    spanLimits: limits,
    spanProcessors: [new AuditSpanProcessor(exporter), noting, ...others],
  });
  return { tracer: provider.getTracer('test'), provider, ended };
}

/** A ledger that 20 events of a mebibyte fill while the disk refuses. */
const bounded = () => ({ directory: rig.path, maxWaitingBytes: 20 * 2 ** 20 });
const large = () =>
  createEvent({ type: 'flag', action: 'created', payload: 'x'.repeat(2 ** 20 - 1000) });

describe('export with a ledger', () => {
  it('succeeds once the events are durable, though no sink has them', async () => {
    const { sink } = heldSink();
    const { exporter } = rig.open({ sinks: { held: sink } });
    disk.holdSyncs = true;
    const results: ExportResult[] = [];
    exporter.export([spanWith(created, rule)], (result) => results.push(result));
    await settle();
    expect(rig.lines().map(({ id }) => id)).toEqual([created.id, rule.id]);
    expect(results).toEqual([]);
    disk.finishSyncs();
    await settle();
    expect(results).toEqual([{ code: 0 }]);
    expect(exporter.stats()).toMatchObject({ emitted: 2, sinks: { held: { delivered: 0 } } });
    expect(verifyChain(rig.path)).toHaveLength(2);
  });

  it('waits for the events that the processor captured, and takes none of them again', async () => {
    const { exporter } = rig.open({ sinks: {} });
    const { tracer, ended } = traced(exporter);
    const span = tracer.startSpan('request');
    addEventToSpan(created, span);
    span.end();
    disk.holdSyncs = true;
    const results: ExportResult[] = [];
    exporter.export(ended, (result) => results.push(result));
    await settle();
    expect(results).toEqual([]);
    disk.finishSyncs();
    await settle();
    expect(results).toEqual([{ code: 0 }]);
    expect(rig.lines()).toHaveLength(1);
  });

  it('waits for captured events too where the SDK’s limits left none on the span', async () => {
    const { exporter } = rig.open({ sinks: {} });
    const { tracer, ended } = traced(exporter, { eventCountLimit: 0 });
    const span = tracer.startSpan('request');
    addEventToSpan(created, span);
    span.end();
    expect(ended[0]!.events).toEqual([]);
    disk.holdSyncs = true;
    const results: ExportResult[] = [];
    exporter.export(ended, (result) => results.push(result));
    await settle();
    expect(results).toEqual([]);
    disk.finishSyncs();
    await settle();
    expect(results).toEqual([{ code: 0 }]);
  });

  it('takes a span once, behind several stock processors', async () => {
    const sink = recordingSink();
    const { exporter } = rig.open({ sinks: { memory: sink } });
    const span = spanWith(created, rule);
    expect(await exported(exporter, span)).toEqual({ code: 0 });
    expect(await exported(exporter, span)).toEqual({ code: 0 });
    expect(rig.lines()).toHaveLength(2);
    expect(exporter.stats()).toMatchObject({ emitted: 2, malformed: 0 });
  });

  it('waits while the disk is full, loses nothing, and succeeds when there is room', async () => {
    const { exporter, clock, told } = rig.open({ sinks: {} });
    expect(await exported(exporter, spanWith(created))).toEqual({ code: 0 });
    disk.space = 0;
    const results: ExportResult[] = [];
    exporter.export([spanWith(updated)], (result) => results.push(result));
    await clock.pass(60_000);
    expect(results).toEqual([]);
    expect(exporter.health()).toMatchObject({
      ok: false,
      problems: [{ waiting: expect.anything() }],
    });
    expect(told.map(({ error }) => error.code)).toEqual(['ledger-unavailable']);
    disk.heal();
    await clock.pass(10_000);
    expect(results).toEqual([{ code: 0 }]);
    expect(exporter.health()).toEqual({ ok: true, problems: [] });
    expect(verifyChain(rig.path).map(({ id }) => id)).toEqual([created.id, updated.id]);
  });

  it('fails for what is beyond the bound on waiting bytes, and tells the lost events', async () => {
    const { exporter, clock, told } = rig.open({ sinks: {}, ledger: bounded() });
    disk.space = 0;
    const results: ExportResult[] = [];
    exporter.export([spanWith(created)], (result) => results.push(result));
    await settle();
    const events = Array.from({ length: 25 }, large);
    exporter.export([spanWith(...events)], (result) => results.push(result));
    await settle();
    expect(exporter.stats()).toMatchObject({ emitted: 21, dropped: 5 });
    const losses = told.filter(({ error: { code } }) => code === 'queue-full');
    expect(losses).toHaveLength(1);
    expect(idsOf(losses[0]!.context.events!)).toEqual(idsOf(events.slice(20)));
    await expect(exporter.sendAudits([large()])).rejects.toMatchObject({ code: 'queue-full' });
    expect(results).toEqual([]);
    disk.heal();
    await clock.pass(10_000);
    expect(results).toMatchObject([{ code: 0 }, { code: 1, error: { code: 'queue-full' } }]);
    expect(verifyChain(rig.path)).toHaveLength(21);
  });

  it('fails for a span of which a captured event was lost', async () => {
    const { exporter, clock } = rig.open({ sinks: {}, ledger: bounded() });
    const { tracer, ended } = traced(exporter);
    disk.space = 0;
    const [kept, lost] = [tracer.startSpan('kept'), tracer.startSpan('lost')];
    addEventToSpan(created, kept);
    await settle();
    for (let n = 0; n < 25; n += 1) addEventToSpan(large(), lost);
    lost.end();
    kept.end();
    await settle();
    expect(exporter.stats().dropped).toBe(5);
    disk.heal();
    await clock.pass(10_000);
    const [lostSpan, keptSpan] = ended as [ReadableSpan, ReadableSpan];
    expect(await exported(exporter, keptSpan)).toEqual({ code: 0 });
    expect(await exported(exporter, lostSpan, keptSpan)).toMatchObject({
      code: 1,
      error: { code: 'queue-full' },
    });
  });

  it('keeps a malformed event as it is, tells of it, and delivers the others', async () => {
    const sink = recordingSink();
    const { exporter, told } = rig.open({ sinks: { memory: sink } });
    const malformed = { ...encodeEvent(created), 'flipt.event.payload': '{"p":"hunter2"' };
    const span = spanOf([encodeEvent(updated), malformed, encodeEvent(rule)]);
    expect(await exported(exporter, span)).toEqual({ code: 0 });
    await exporter.forceFlush();
    expect(idsOf(sink.events)).toEqual([updated.id, rule.id]);
    expect(rig.lines()[1]).toMatchObject({
      id: created.id,
      malformed: {
        reason: 'flipt.event.payload is not valid JSON',
        attributes: { 'flipt.event.payload': '{"p":"hunter2"' },
      },
    });
    expect(exporter.stats()).toMatchObject({ emitted: 2, malformed: 1, dropped: 0 });
    expect(told.map(({ error }) => [error.code, error.message])).toEqual([
      ['malformed-event', 'flipt.event.payload is not valid JSON'],
    ]);
    expect(diagnostics.lines).toEqual([
      'warn otel-audit: a malformed audit event is not delivered: flipt.event.payload is not valid JSON',
    ]);
    expect(`${diagnostics.lines}${told[0]!.error.stack}`).not.toContain('hunter2');
  });

  it('records an event whose id stands for another under a new id, and tells of it', async () => {
    const sink = recordingSink();
    const { exporter, told } = rig.open({ sinks: { memory: sink } });
    const other = createEvent({ type: 'flag', action: 'deleted', id: created.id });
    expect(await exported(exporter, spanWith(created, other))).toEqual({ code: 0 });
    await exporter.forceFlush();
    expect(sink.events).toHaveLength(2);
    const [first, second] = sink.events;
    expect([first!.id, first!.action]).toEqual([created.id, 'created']);
    expect(second!.action).toBe('deleted');
    expect(second!.id).not.toBe(created.id);
    expect(told).toMatchObject([
      {
        error: { code: 'conflict', message: expect.stringContaining(second!.id) },
        context: { events: [{ id: created.id, action: 'deleted' }] },
      },
    ]);
    expect(exporter.stats()).toMatchObject({ emitted: 2, dropped: 0 });
  });

  it('keeps an event larger than maxEventBytes as malformed, its long values as hashes', async () => {
    const sink = recordingSink();
    const { exporter } = rig.open({ sinks: { memory: sink }, maxEventBytes: 100_000 });
    const payload = 'x'.repeat(100_000);
    const large = createEvent({ type: 'flag', action: 'created', payload });
    const { tracer } = traced(exporter);
    const span = tracer.startSpan('request');
    addEventToSpan(large, span);
    addEventToSpan(created, span);
    await exporter.forceFlush();
    expect(idsOf(sink.events)).toEqual([created.id]);
    expect(rig.lines()[0]).toMatchObject({
      id: large.id,
      malformed: {
        reason: expect.stringMatching(/^it takes \d+ bytes, more than maxEventBytes, 100000$/),
        attributes: {
          'flipt.event.type': 'flag',
          'flipt.event.payload': {
            length: 100_002,
            sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
          },
        },
      },
    });
    expect(exporter.stats()).toMatchObject({ emitted: 1, malformed: 1, dropped: 0 });
  });

  it('reduces the attributes as a whole where even they take more than maxEventBytes', async () => {
    const { exporter } = rig.open({ sinks: {}, maxEventBytes: 300 });
    const large = createEvent({ type: 'flag', action: 'created', payload: 'x'.repeat(300) });
    expect(await exported(exporter, spanWith(large))).toEqual({ code: 0 });
    expect(rig.lines()[0]).toMatchObject({
      malformed: { attributes: { length: expect.any(Number), sha256: expect.any(String) } },
    });
  });
});

describe('export after shutdown', () => {
  it('succeeds for what is recorded already, whatever it is, and fails for the rest', async () => {
    const { exporter, told } = rig.open({ sinks: {}, maxEventBytes: 300 });
    const { tracer, ended } = traced(exporter);
    const captured = tracer.startSpan('request');
    addEventToSpan(created, captured);
    captured.end();
    const large = createEvent({ type: 'flag', action: 'created', payload: 'x'.repeat(300) });
    const known = [spanWith(updated), spanWith(large), spanOf([{ 'flipt.event.type': 'flag' }])];
    expect(await exported(exporter, ...known)).toEqual({ code: 0 });
    await exporter.shutdown();
    expect(await exported(exporter, ...ended, ...known)).toEqual({ code: 0 });
    expect(await exported(exporter, spanOf([{}]))).toEqual({ code: 0 });
    expect(exporter.stats()).toMatchObject({ emitted: 2, malformed: 2, dropped: 0 });
    const before = told.length;
    expect(await exported(exporter, ...known, spanWith(rule))).toMatchObject({
      code: 1,
      error: { code: 'shutdown' },
    });
    await settle();
    expect(exporter.stats().dropped).toBe(1);
    expect(told.slice(before)).toMatchObject([{ context: { events: [{ id: rule.id }] } }]);
    expect(verifyChain(rig.path)).toHaveLength(4);
  });

  it('fails, without a ledger, for every event', async () => {
    const { exporter } = rig.openMemory({ sinks: { memory: recordingSink() } });
    expect(await exported(exporter, spanWith(created))).toEqual({ code: 0 });
    await exporter.shutdown();
    expect(await exported(exporter, spanWith(rule))).toMatchObject({
      code: 1,
      error: { code: 'shutdown' },
    });
    expect(exporter.stats()).toMatchObject({ emitted: 1, dropped: 1 });
  });

  it('is what a provider does that shuts its processors down side by side; nothing is lost', async () => {
    const sink = recordingSink();
    const { exporter } = rig.open({ sinks: { memory: sink } });
    const batches = [1, 2].map(() => new BatchSpanProcessor(exporter));
    const results: ExportResult[] = [];
    const noting = new BatchSpanProcessor({
      export: (spans, done) =>
        exporter.export(spans, (result) => {
          results.push(result);
          done(result);
        }),
      shutdown: () => exporter.shutdown(),
    });
    const { tracer, provider } = traced(exporter, {}, ...batches, noting);
    const events = flags(1000);
    for (const event of events) {
      const span = tracer.startSpan('request');
      addEventToSpan(event, span);
      span.end();
    }
    await provider.shutdown();
    expect(idsOf(sink.events)).toEqual(idsOf(events));
    expect(results.length).toBeGreaterThan(1);
    for (const result of results) expect(result).toEqual({ code: 0 });
  });

  it('tells of an event that is added to a span when all is closed', async () => {
    const { exporter, told } = rig.open({ sinks: {} });
    const { tracer } = traced(exporter);
    const span = tracer.startSpan('request');
    await exporter.shutdown();
    expect(addEventToSpan(created, span)).toBe(true);
    await settle();
    expect(exporter.stats().dropped).toBe(1);
    expect(told).toMatchObject([
      { error: { code: 'shutdown' }, context: { events: [{ id: created.id }] } },
    ]);
    expect(diagnostics.lines.at(-1)).toMatch(/^error otel-audit: an audit event is lost: /);
  });

  it('finds in the ledger what spans brought while it closed', async () => {
    const { sink } = heldSink();
    const { exporter, clock } = rig.open({ sinks: { held: sink } });
    const { tracer } = traced(exporter);
    const span = tracer.startSpan('request');
    addEventToSpan(created, span);
    const shutdown = shutDown(exporter, clock);
    await settle();
    addEventToSpan(updated, span);
    await shutdown;
    expect(exporter.stats().dropped).toBe(0);
    expect(verifyChain(rig.path).map(({ id }) => id)).toEqual([created.id, updated.id]);
    const after = recordingSink();
    const next = rig.open({ sinks: { held: after } });
    await next.exporter.forceFlush();
    expect(idsOf(after.events)).toEqual([created.id, updated.id]);
  });
});

it('a broken disk never throws into addEvent or export', async () => {
  const { exporter } = rig.open({ sinks: {} });
  const { tracer } = traced(exporter);
  disk.write = ioError('EIO');
  disk.begin = ioError('EROFS');
  disk.sync = ioError('EIO');
  const span = tracer.startSpan('request');
  expect(addEventToSpan(created, span)).toBe(true);
  expect(() => exporter.export([spanWith(updated)], () => {})).not.toThrow();
  expect(() => span.end()).not.toThrow();
  await settle();
  expect(exporter.health().ok).toBe(false);
});
