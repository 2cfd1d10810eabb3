import { describe, expect, it } from '@jest/globals';
import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import { Checker } from '../../src/checker.js';
import { systemClock } from '../../src/clock.js';
import type { AuditError } from '../../src/errors.js';
import { type AuditEvent, createEvent } from '../../src/event/event.js';
import { addEventToSpan } from '../../src/event/span.js';
import { AuditSpanProcessor } from '../../src/exporter/processor.js';
import type { SendOptions } from '../../src/exporter/send-options.js';
import type { AuditReceipt } from '../../src/receipt.js';
import { SinkError } from '../../src/sink.js';
import { recordingSink } from '../../src/testing/recording-sink.js';
import { diskFaults } from '../support/disk-faults.js';
import {
  created,
  exporterRig,
  flags,
  heldSink,
  idsOf,
  rule,
  shutDown,
  spanId,
  traceId,
  updated,
} from '../support/exporter-rig.js';
import { settle, until } from '../support/settle.js';
import { verifyChain } from '../support/verify-chain.js';

const disk = diskFaults();
const rig = exporterRig();

const failure = (promise: Promise<unknown>): Promise<AuditError> =>
  promise.then(
    () => {
      throw new Error('it should have rejected');
    },
    (error: AuditError) => error,
  );

describe('sendAudits until durable', () => {
  it('resolves with a receipt for each event after the sync, though no sink has it', async () => {
    const { sink } = heldSink();
    const { exporter } = rig.open({ sinks: { held: sink } });
    disk.holdSyncs = true;
    let receipts: (AuditReceipt | null)[] | undefined;
    void exporter.sendAudits([created, rule]).then((resolved) => {
      receipts = resolved;
    });
    await settle();
    expect(rig.lines()).toHaveLength(2);
    expect(receipts).toBeUndefined();
    disk.finishSyncs();
    await settle();
    const lines = verifyChain(rig.path);
    expect(receipts).toEqual([
      {
        recordId: created.id,
        sequence: 1,
        hash: expect.stringMatching(/^[0-9a-f]{64}$/),
        recordedAt: lines[0]!.at,
      },
      {
        recordId: rule.id,
        sequence: 2,
        hash: expect.stringMatching(/^[0-9a-f]{64}$/),
        recordedAt: lines[1]!.at,
      },
    ]);
    expect(lines[1]!.prev).toBe(receipts![0]!.hash);
  });

  it.each(['', 'without '])(
    '%sa ledger gives sinks what was recorded, whatever the application changes',
    async (without) => {
      const payload = { key: 'a', tags: ['one'] };
      const sink = recordingSink();
      const { exporter } = rig.open({
        sinks: { sink },
        ...(without === '' ? {} : { ledger: undefined }),
      });
      const sent = exporter.sendAudits(
        [createEvent({ type: 'flag', action: 'created', payload })],
        {
          until: 'delivered',
        },
      );
      payload.key = 'forged';
      payload.tags.push('two');
      await sent;
      expect(sink.events.map((event) => event.payload)).toEqual([{ key: 'a', tags: ['one'] }]);
    },
  );

  it('has null in the place of an event that the checker turned away', async () => {
    const { exporter } = rig.open({ sinks: {}, checker: new Checker(['*:created']) });
    const receipts = await exporter.sendAudits([updated, created, updated, rule]);
    expect(receipts.map((receipt) => receipt?.sequence ?? null)).toEqual([null, 1, null, 2]);
    expect(await exporter.sendAudits([updated])).toEqual([null]);
    expect(await exporter.sendAudits([])).toEqual([]);
    expect(exporter.stats()).toMatchObject({ emitted: 2, rejected: 3 });
  });

  it('gives the same receipt for the same event, in one call, in another and after a restart', async () => {
    const first = rig.open({ sinks: {} });
    const [one, two, three] = await first.exporter.sendAudits([created, rule, created]);
    expect(three).toEqual(one);
    expect(await first.exporter.sendAudits([rule, created])).toEqual([two, one]);
    expect(first.exporter.stats().emitted).toBe(2);
    await first.exporter.shutdown();
    const second = rig.open({ sinks: {} });
    expect(await second.exporter.sendAudits([updated, created])).toMatchObject([
      { sequence: 3 },
      one!,
    ]);
    expect(rig.lines()).toHaveLength(3);
  });

  it('rejects an id that stands for another event; what stands before it is recorded', async () => {
    const { exporter } = rig.open({ sinks: {} });
    const other = createEvent({ type: 'flag', action: 'deleted', id: created.id });
    await expect(exporter.sendAudits([created, other, rule])).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining(created.id),
    });
    expect(await exporter.sendAudits([created])).toMatchObject([{ sequence: 1 }]);
    expect(rig.lines()).toHaveLength(1);
    expect(exporter.stats()).toMatchObject({ emitted: 1, dropped: 0 });
  });

  it('rejects an event larger than maxEventBytes, and records none of the call', async () => {
    const { exporter } = rig.open({ sinks: {}, maxEventBytes: 1000 });
    const large = createEvent({ type: 'flag', action: 'created', payload: 'ä'.repeat(500) });
    await expect(exporter.sendAudits([created, large])).rejects.toMatchObject({
      code: 'event-too-large',
      message: expect.stringMatching(/^events\[1\] takes 1\d\d\d bytes, more than maxEventBytes/),
    });
    expect(exporter.stats()).toMatchObject({ emitted: 0, malformed: 0 });
    const fitting = createEvent({ type: 'flag', action: 'created', payload: 'ä'.repeat(400) });
    expect(await exporter.sendAudits([fitting])).toMatchObject([{ sequence: 1 }]);
  });

  it('gives a receipt for each of more events than the ledger knows ids in one call', async () => {
    const { exporter } = rig.open({ sinks: {} });
    const events = flags(110_000);
    const receipts = await exporter.sendAudits(events);
    expect(receipts.findIndex((receipt, n) => receipt?.recordId !== events[n]!.id)).toBe(-1);
    expect(receipts.findIndex((receipt, n) => receipt?.sequence !== n + 1)).toBe(-1);
    const lines = verifyChain(rig.path);
    expect(lines.findIndex(({ prev }, n) => n > 0 && prev !== receipts[n - 1]!.hash)).toBe(-1);
  });

  it('lets the event loop go round while somebody awaits one receipt after the other', async () => {
    const { exporter } = rig.open({ sinks: {}, clock: systemClock });
    let hasTurned = false;
    let sends = 0;
    const send = async () => {
      await exporter.sendAudits([createEvent({ type: 'flag', action: 'created' })]);
      sends += 1;
    };
    for (let n = 0; n < 100; n += 1) await send(); // by now syncs are known to be fast, where they are
    setImmediate(() => {
      hasTurned = true;
    });
    while (!hasTurned && sends < 3000) await send();
    expect(hasTurned).toBe(true);
  });

  it('comes after what was captured before it in the same turn', async () => {
    const { exporter } = rig.open({ sinks: {} });
    const spanProcessors = [new AuditSpanProcessor(exporter)];
    const span = new BasicTracerProvider({ spanProcessors }).getTracer('test').startSpan('request');
    addEventToSpan(updated, span);
    const both = [exporter.sendAudits([created]), exporter.sendAudits([rule])];
    expect((await Promise.all(both)).map(([receipt]) => receipt?.sequence)).toEqual([2, 3]);
    expect(rig.lines().map(({ id }) => id)).toEqual([updated.id, created.id, rule.id]);
  });
});

describe('sendAudits with a deadline', () => {
  it('rejects after 30 s with the receipts of what is durable already', async () => {
    const { exporter, clock } = rig.open({ sinks: {}, checker: new Checker(['*:created']) });
    const [first] = await exporter.sendAudits([created]);
    disk.space = 0;
    const sent = failure(exporter.sendAudits([created, updated, rule]));
    await clock.pass(29_999);
    expect(clock.waiting).toBeGreaterThan(0);
    await clock.pass(1);
    const error = await sent;
    expect(error).toMatchObject({
      code: 'timeout',
      message: expect.stringMatching(/^not durable within 30000 ms, not in the ledger: .*ENOSPC/),
    });
    expect(error.receipts).toEqual([first, null, undefined]);
    disk.heal();
    await clock.pass(10_000);
    expect(await exporter.sendAudits([rule])).toMatchObject([{ sequence: 2 }]);
    expect(verifyChain(rig.path)).toHaveLength(2);
  });

  it('rejects when it says so, naming the sinks that are behind', async () => {
    const [held, quick] = [heldSink(), recordingSink()];
    const { exporter, clock } = rig.open({ sinks: { quick, held: held.sink } });
    const sent = failure(exporter.sendAudits([created], { until: 'delivered', timeoutMs: 50 }));
    await clock.pass(50);
    const error = await sent;
    expect(error).toMatchObject({
      code: 'timeout',
      message: 'not delivered within 50 ms, not with every sink: held',
    });
    expect(error.receipts).toMatchObject([{ recordId: created.id, sequence: 1 }]);
  });

  it('expires each call at its own time, whatever was sent and is done between', async () => {
    const { exporter, clock } = rig.open({ sinks: { held: heldSink().sink } });
    const ended: string[] = [];
    const send = (name: string, event: AuditEvent, until: 'durable' | 'delivered') =>
      exporter.sendAudits([event], { until }).then(
        () => ended.push(`${name} resolved`),
        () => ended.push(`${name} rejected`),
      );
    void send('first', created, 'delivered');
    await clock.pass(10_000);
    for (const [n, event] of flags(3000).entries()) {
      if (n % 1000 === 0) await settle();
      void send('between', event, 'durable');
    }
    await clock.pass(10_000);
    expect(ended).toEqual(Array(3000).fill('between resolved'));
    ended.length = 0;
    void send('last', rule, 'delivered');
    await clock.pass(10_000);
    expect(ended).toEqual(['first rejected']);
    await clock.pass(19_999);
    expect(ended).toEqual(['first rejected']);
    await clock.pass(1);
    expect(ended).toEqual(['first rejected', 'last rejected']);
  });

  it.each([Number.NaN, 0, -1, 2 ** 31, '5'])('does not send under the deadline %p', async (ms) => {
    const { exporter } = rig.open({ sinks: {} });
    const options = { timeoutMs: ms } as SendOptions;
    await expect(exporter.sendAudits([created], options)).rejects.toThrow(
      `sendAudits: timeoutMs must be a number above 0, at most 2147483647, not ${ms}`,
    );
    expect(exporter.stats().emitted).toBe(0);
  });

  it('does not send until something it does not know', async () => {
    const { exporter } = rig.open({ sinks: {} });
    const options = { until: 'later' } as unknown as SendOptions;
    await expect(exporter.sendAudits([created], options)).rejects.toMatchObject({
      code: 'invalid-option',
      message: "sendAudits: until must be 'durable' or 'delivered', not later",
    });
  });
});

describe('sendAudits until delivered', () => {
  const delivered = { until: 'delivered' } as const;

  it('resolves once every sink has stored the events, at once', async () => {
    const [held, quick] = [heldSink(), recordingSink()];
    const { exporter } = rig.open({ sinks: { held: held.sink, quick } });
    let receipts: unknown;
    void exporter.sendAudits([created, rule], delivered).then((resolved) => {
      receipts = resolved;
    });
    await until(() => held.sends.length === 1 && quick.events.length === 2);
    await settle();
    expect(receipts).toBeUndefined();
    held.sends[0]!.resolve();
    await settle();
    expect(receipts).toMatchObject([{ sequence: 1 }, { sequence: 2 }]);
    expect(held.sends[0]!.context.records).toMatchObject([{ sequence: 1 }, { sequence: 2 }]);
  });

  it('resolves for an event that a sink’s own checker turns away', async () => {
    const { exporter } = rig.open({
      sinks: { some: { sink: recordingSink(), checker: new Checker(['*:created']) } },
    });
    expect(await exporter.sendAudits([updated], delivered)).toMatchObject([{ sequence: 1 }]);
  });

  it('resolves at once where there is no sink', async () => {
    const { exporter } = rig.open({ sinks: {} });
    expect(await exporter.sendAudits([created], delivered)).toMatchObject([{ sequence: 1 }]);
  });

  it('rejects when a sink refuses an event for good, also when it is sent again', async () => {
    const sink = recordingSink();
    const { exporter } = rig.open({ sinks: { siem: sink } });
    sink.failWith(new SinkError('event', 'HTTP 422'));
    const refused = {
      code: 'dead-letter',
      message: expect.stringContaining('HTTP 422'),
    };
    await expect(exporter.sendAudits([created], delivered)).rejects.toMatchObject(refused);
    sink.failWith();
    await expect(exporter.sendAudits([created], delivered)).rejects.toMatchObject(refused);
    expect(await exporter.sendAudits([created])).toMatchObject([{ sequence: 1 }]);
  });

  it('is not spoiled by an event of somebody else that is refused between two of its own', async () => {
    const sink = recordingSink();
    const { exporter } = rig.open({ sinks: { siem: sink } });
    await exporter.sendAudits([created], delivered);
    sink.failWith(new SinkError('event', 'HTTP 422'));
    await expect(exporter.sendAudits([updated], delivered)).rejects.toMatchObject({
      code: 'dead-letter',
    });
    sink.failWith();
    expect(await exporter.sendAudits([created, rule], delivered)).toMatchObject([
      { sequence: 1 },
      { sequence: 3 },
    ]);
  });

  it('rejects with the receipts when the exporter is shut down before every sink has it', async () => {
    const { exporter, clock } = rig.open({ sinks: { held: heldSink().sink } });
    const sent = failure(exporter.sendAudits([created], { ...delivered, timeoutMs: 600_000 }));
    await settle();
    await shutDown(exporter, clock);
    const error = await sent;
    expect(error.code).toBe('shutdown');
    expect(error.receipts).toMatchObject([{ recordId: created.id, sequence: 1 }]);
  });
});

describe('sendAudits without a ledger', () => {
  it('resolves with nothing but null once every sink has stored the events', async () => {
    const sink = recordingSink();
    const { exporter } = rig.openMemory({
      sinks: { memory: sink },
      checker: new Checker(['*:created']),
    });
    expect(await exporter.sendAudits([created, updated, rule])).toEqual([null, null, null]);
    expect(idsOf(sink.events)).toEqual([created.id, rule.id]);
    expect(sink.events[0]).not.toHaveProperty('trace');
  });

  it('rejects once a lane has given up', async () => {
    const sink = recordingSink();
    sink.failWith(new Error('full'));
    const { exporter, clock } = rig.openMemory({
      sinks: { memory: sink },
      delivery: { maxElapsedMs: 10_000 },
    });
    const sent = failure(exporter.sendAudits([created]));
    await clock.pass(10_000);
    expect(await sent).toMatchObject({
      code: 'sink-failed',
      message: 'sink memory did not store 1 event(s), and they are given up: full',
    });
  });

  it('rejects after 30 s, for then the lane is still trying', async () => {
    const sink = recordingSink();
    sink.failWith(new Error('full'));
    const { exporter, clock } = rig.openMemory({ sinks: { memory: sink } });
    const sent = failure(exporter.sendAudits([created]));
    await clock.pass(30_000);
    const error = await sent;
    expect(error).toMatchObject({ code: 'timeout' });
    expect(error.receipts).toEqual([undefined]);
  });

  it('rejects when the exporter is shut down before every sink has it', async () => {
    const { exporter, clock } = rig.openMemory({ sinks: { held: heldSink().sink } });
    const sent = failure(exporter.sendAudits([created], { timeoutMs: 600_000 }));
    await settle();
    await shutDown(exporter, clock);
    expect((await sent).code).toBe('sink-failed');
  });
});

describe('the events given to sendAudits', () => {
  it('take the trace of the active span', async () => {
    const sink = recordingSink();
    const { exporter } = rig.openMemory({ sinks: { memory: sink } });
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    try {
      const active = trace.setSpanContext(context.active(), { traceId, spanId, traceFlags: 0 });
      await context.with(active, () => exporter.sendAudits([created]));
    } finally {
      context.disable();
    }
    expect(sink.events[0]!.trace).toEqual({ traceId, spanId, traceFlags: 0 });
  });

  it('are sent as they were recorded, though the payload changed since', async () => {
    const sink = recordingSink();
    const payload = { n: 1 };
    const event = createEvent({ type: 'flag', action: 'created', payload });
    payload.n = 2;
    await rig.openMemory({ sinks: { memory: sink } }).exporter.sendAudits([event]);
    expect(sink.events[0]!.payload).toEqual({ n: 1 });
  });

  it('are refused as a whole when one cannot be recorded, which is named by its index', async () => {
    const { exporter } = rig.open({ sinks: {} });
    const sparse = [created];
    sparse.length = 2;
    const calls = [
      { ...created, type: '' },
      { ...created, timestamp: 'now' },
      { ...created, payload: 1n },
      {},
      null,
    ].map((bad) => [created, bad as unknown as AuditEvent]);
    for (const events of [...calls, sparse]) {
      await expect(exporter.sendAudits(events)).rejects.toMatchObject({
        code: 'invalid-event',
        message: expect.stringMatching(/^events\[1\] cannot be recorded: /),
      });
    }
    await expect(exporter.sendAudits('x' as unknown as AuditEvent[])).rejects.toMatchObject({
      code: 'invalid-event',
    });
    expect(exporter.stats().emitted).toBe(0);
  });

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
    const { exporter } = rig.open({ sinks: {} });
    const event = { ...created, ...part } as unknown as AuditEvent;
    await expect(exporter.sendAudits([created, event])).rejects.toThrow(
      `events[1] cannot be recorded: ${message}`,
    );
    expect(exporter.stats().emitted).toBe(0);
  });

  it('do not quote what a toJSON throws, which may be a secret', async () => {
    const payload = {
      toJSON() {
        throw new Error('password=hunter2');
      },
    };
    const { exporter } = rig.open({ sinks: {} });
    const sent = exporter.sendAudits([{ ...created, payload }]);
    await expect(sent).rejects.toThrow('events[0] cannot be recorded: reading it failed');
    await expect(sent).rejects.not.toThrow('hunter2');
  });

  it('are refused as a whole when the checker throws', async () => {
    const checker = {
      check: (): boolean => {
        throw new Error('no idea');
      },
      events: () => [],
    };
    const { exporter } = rig.open({ sinks: {}, checker });
    await expect(exporter.sendAudits([created])).rejects.toMatchObject({ code: 'checker-failed' });
    expect(exporter.stats()).toMatchObject({ emitted: 0, dropped: 0 });
  });

  it('are refused from the moment in which shutdown is called', async () => {
    const { exporter } = rig.open({ sinks: {} });
    const shutdown = exporter.shutdown();
    await expect(exporter.sendAudits([created])).rejects.toMatchObject({ code: 'shutdown' });
    await shutdown;
    await expect(exporter.sendAudits([created])).rejects.toMatchObject({ code: 'shutdown' });
    expect(exporter.stats()).toMatchObject({ emitted: 0, dropped: 0 });
  });
});
