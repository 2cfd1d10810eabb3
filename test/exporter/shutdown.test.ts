import { describe, expect, it, jest } from '@jest/globals';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { addEventToSpan } from '../../src/event/span.js';
import { SinkSpanExporter } from '../../src/exporter/exporter.js';
import { AuditSpanProcessor } from '../../src/exporter/processor.js';
import type { ExportResult } from '../../src/exporter/span.js';
import type { Sink } from '../../src/sink.js';
import { recordingSink } from '../../src/testing/recording-sink.js';
import { diagLog } from '../support/diag-log.js';
import { diskFaults } from '../support/disk-faults.js';
import {
  created,
  exported,
  exporterRig,
  heldSink,
  idsOf,
  rule,
  shutDown,
  spanOf,
  spanWith,
  updated,
} from '../support/exporter-rig.js';
import { settle, until } from '../support/settle.js';
import { verifyChain } from '../support/verify-chain.js';

const diagnostics = diagLog();
const disk = diskFaults();
const rig = exporterRig();

describe('shutdown', () => {
  it('delivers what waits without lingering, then closes every sink once', async () => {
    const { sink, sends } = heldSink();
    const close = jest.fn(async () => {});
    const { exporter, clock } = rig.open({ sinks: { a: { ...sink, close } } });
    expect(await exported(exporter, spanWith(created))).toEqual({ code: 0 });
    const shutdown = exporter.shutdown();
    await until(() => sends.length === 1);
    await settle();
    expect(close).not.toHaveBeenCalled();
    sends[0]!.resolve();
    await shutdown;
    expect(close).toHaveBeenCalledTimes(1);
    expect(clock.monotonic()).toBe(0);
    expect(clock.waiting).toBe(0);
    const after = recordingSink();
    const next = rig.open({ sinks: { a: after } });
    await next.exporter.forceFlush();
    expect(after.events).toEqual([]);
  });

  it('ends within 12 s though a sink neither answers nor closes; the next start delivers', async () => {
    const { sink, sends } = heldSink();
    const closeNever = () => new Promise<void>(() => {});
    const quick = recordingSink();
    const sinks = { hung: { ...sink, close: closeNever }, quick };
    const { exporter, clock } = rig.open({ sinks });
    await exported(exporter, spanWith(created));
    const failure = await shutDown(exporter, clock);
    expect(clock.monotonic()).toBeLessThanOrEqual(12_000);
    expect(sends[0]!.context.signal.aborted).toBe(true);
    expect(failure).toBeInstanceOf(AggregateError);
    expect((failure as AggregateError).errors.map(({ message }) => message)).toEqual([
      'sink hung did not close: not done within 1000 ms',
    ]);
    expect(quick.closed).toBe(true);
    expect(idsOf(quick.events)).toEqual([created.id]);
    expect(diagnostics.lines.at(-1)).toMatch(
      /^warn otel-audit: not everything was delivered before shutdown: .*sink hung is behind/,
    );
    const [hung, other] = [recordingSink(), recordingSink()];
    await rig.open({ sinks: { hung, quick: other } }).exporter.forceFlush();
    expect(idsOf(hung.events)).toEqual([created.id]);
    expect(other.events).toEqual([]);
  });

  it('waits 10 s for a sink that is slow', async () => {
    const { sink, sends } = heldSink();
    const { exporter, clock } = rig.open({ sinks: { slow: sink } });
    await exported(exporter, spanWith(created));
    const shutdown = exporter.shutdown();
    await until(() => sends.length === 1);
    await clock.pass(9999);
    expect(sends[0]!.context.signal.aborted).toBe(false);
    sends[0]!.resolve();
    await shutdown;
    expect(exporter.stats().sinks.slow).toMatchObject({ delivered: 1, backlog: 0 });
  });

  it('tries a sink that is backing off once more', async () => {
    const sink = recordingSink();
    sink.failWith(new Error('down'));
    const { exporter, clock } = rig.open({ sinks: { memory: sink } });
    await exported(exporter, spanWith(created));
    await clock.pass(7500);
    sink.failWith();
    await exporter.shutdown();
    expect(idsOf(sink.events)).toEqual([created.id]);
  });

  it('closes all sinks though some fail, and gathers the errors', async () => {
    const good = recordingSink();
    const sendAudits = async () => {};
    const { exporter } = rig.open({
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
    const failure = await exporter.shutdown().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(AggregateError);
    expect((failure as AggregateError).errors.map(({ message }) => message)).toEqual([
      'sink a did not close: stuck',
      'sink b did not close: broken',
    ]);
    expect(good.closed).toBe(true);
  });

  it('says what could not be written, and ends though the disk hangs', async () => {
    const full = rig.open({ sinks: {} });
    disk.space = 0;
    full.exporter.export([spanWith(created)], () => {});
    expect(await shutDown(full.exporter, full.clock)).toMatchObject({
      errors: [{ code: 'ledger-unavailable', message: expect.stringMatching(/^1 record\(s\)/) }],
    });
    expect(full.exporter.stats().dropped).toBe(1);
    disk.heal();
    const hung = rig.open({ sinks: {} });
    disk.holdSyncs = true;
    hung.exporter.export([spanWith(created)], () => {});
    expect(await shutDown(hung.exporter, hung.clock)).toMatchObject({
      errors: [{ code: 'timeout' }],
    });
    expect(hung.clock.monotonic()).toBeLessThanOrEqual(17_000);
  });

  it('gives the same promise again', async () => {
    const { exporter } = rig.open({ sinks: { memory: recordingSink() } });
    const first = exporter.shutdown();
    expect(exporter.shutdown()).toBe(first);
    await first;
    expect(exporter.shutdown()).toBe(first);
  });

  it('lets go of the ledger, whose folder may be opened again', async () => {
    const { exporter } = rig.open({ sinks: {} });
    expect(() => rig.open({ sinks: {} })).toThrow(
      expect.objectContaining({ code: 'ledger-locked' }),
    );
    await exporter.shutdown();
    expect(() => rig.open({ sinks: {} })).not.toThrow();
  });

  it('answers every export that waits without a ledger, and tells what is lost', async () => {
    const { exporter, clock, told } = rig.openMemory({ sinks: { held: heldSink().sink } });
    const results: ExportResult[] = [];
    exporter.export([spanWith(created)], (result) => results.push(result));
    await settle();
    exporter.export([spanWith(updated)], (result) => results.push(result));
    const failure = await shutDown(exporter, clock);
    expect(results).toMatchObject([{ code: 1 }, { code: 1 }]);
    expect(failure).toMatchObject({
      errors: [{ code: 'sink-failed', message: '2 event(s) were not delivered' }],
    });
    expect(exporter.stats().sinks.held).toMatchObject({ lost: 2 });
    const lost = told.flatMap(({ context }) => context.events ?? []);
    expect(idsOf(lost)).toEqual(expect.arrayContaining([created.id, updated.id]));
  });

  it('from inside onError does not keep the batch of that export from the sinks', async () => {
    const sink = recordingSink();
    const exporter: SinkSpanExporter = new SinkSpanExporter({
      sinks: { memory: sink },
      onError: () => void exporter.shutdown(),
    });
    const malformed = spanOf([{ 'flipt.event.type': 'flag' }]);
    expect((await exported(exporter, malformed, spanWith(created))).code).toBe(0);
    expect(idsOf(sink.events)).toEqual([created.id]);
    await exporter.shutdown();
    expect(sink.closed).toBe(true);
  });

  it('from inside the callback of an export, and from a sink, ends', async () => {
    const sink: Sink = {
      sendAudits: async () => void exporter.shutdown(),
      close: () => exporter.forceFlush(),
    };
    const { exporter, clock } = rig.open({ sinks: { memory: sink } });
    exporter.export([spanWith(created)], () => void exporter.shutdown());
    await settle();
    await shutDown(exporter, clock);
    expect(exporter.stats().sinks.memory).toMatchObject({ delivered: 1 });
    expect(clock.monotonic()).toBeLessThanOrEqual(12_000);
  });

  it('keeps what a sink brings while it closes', async () => {
    const sink: Sink = {
      sendAudits: async () => {},
      close: async () => void addEventToSpan(created, span),
    };
    const { exporter } = rig.open({ sinks: { talkative: sink } });
    const spanProcessors = [new AuditSpanProcessor(exporter)];
    const span = new BasicTracerProvider({ spanProcessors }).getTracer('test').startSpan('request');
    await exporter.shutdown();
    expect(verifyChain(rig.path).map(({ id }) => id)).toEqual([created.id]);
    expect(exporter.stats()).toMatchObject({ emitted: 1, dropped: 0 });
  });

  it('of a provider ends all processors that share the exporter', async () => {
    const sink = recordingSink();
    const { exporter } = rig.open({ sinks: { memory: sink } });
    const provider = new BasicTracerProvider({
      spanProcessors: [
        new AuditSpanProcessor(exporter),
        new BatchSpanProcessor(exporter),
        new AuditSpanProcessor(exporter),
      ],
    });
    const span = provider.getTracer('test').startSpan('request');
    for (const event of [created, updated, rule]) addEventToSpan(event, span);
    span.end();
    await provider.shutdown();
    await provider.shutdown();
    expect(idsOf(sink.events)).toEqual([created.id, updated.id, rule.id]);
    expect(sink.closed).toBe(true);
    expect(verifyChain(rig.path)).toHaveLength(3);
  });
});
