import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  it,
  jest,
} from '@jest/globals';
import { context, type Span, TraceFlags, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  AlwaysOffSampler,
  BasicTracerProvider,
  type ReadableSpan,
} from '@opentelemetry/sdk-trace-base';
import { Checker } from '../../src/checker.js';
import { systemClock } from '../../src/clock.js';
import { AuditError } from '../../src/errors.js';
import type { AuditEvent, AuditEventInit } from '../../src/event/event.js';
import { unrecordedCount } from '../../src/event/unrecorded.js';
import { AuditSpanProcessor } from '../../src/exporter/processor.js';
import { alwaysRecord } from '../../src/exporter/sampler.js';
import { auditActor } from '../../src/interceptors/actor.js';
import {
  type AuditSender,
  checkRecordOptions,
  type RecordOptions,
  recordAudits,
} from '../../src/interceptors/record.js';
import { recordingSink } from '../../src/testing/index.js';
import { diagLog } from '../support/diag-log.js';
import { exporterRig } from '../support/exporter-rig.js';

const flag: AuditEventInit = { type: 'flag', action: 'created', payload: { key: 'a' } };
const rule: AuditEventInit = { type: 'rule', action: 'created' };
const tracer = new BasicTracerProvider().getTracer('test');
const unsampled = new BasicTracerProvider({ sampler: new AlwaysOffSampler() }).getTracer('test');
const startSpan = () => tracer.startSpan('request') as Span & ReadableSpan;
const attributesOf = (span: ReadableSpan) => span.events.map(({ attributes }) => attributes);

/** Notes what it is sent; a sender of the user's could be anything with this method. */
function sender(answer: () => Promise<never[]> = async () => []) {
  const sends: { events: readonly AuditEvent[]; options: unknown }[] = [];
  const sendAudits: AuditSender['sendAudits'] = (events, options) => {
    sends.push({ events, options });
    return answer();
  };
  return { sends, sendAudits };
}

const manager = new AsyncLocalStorageContextManager();
beforeAll(() => {
  context.setGlobalContextManager(manager.enable());
});
afterAll(() => context.disable());
const diagnostics = diagLog();
// What is told once a burst asks the system's clock: here each test begins a burst of its own.
let now = 0;
beforeEach(() => {
  now += 10_000;
  jest.spyOn(systemClock, 'monotonic').mockImplementation(() => now);
});
afterEach(() => {
  jest.restoreAllMocks();
});

describe('recording what an interceptor saw', () => {
  it('puts the events onto the span that is given, in order', () => {
    const span = startSpan();
    expect(recordAudits([flag, rule], {}, span)).toBeUndefined();
    expect(attributesOf(span)).toMatchObject([
      { 'flipt.event.type': 'flag', 'flipt.event.payload': '{"key":"a"}' },
      { 'flipt.event.type': 'rule' },
    ]);
  });

  it('puts them onto the active span where none is given', () => {
    const span = startSpan();
    context.with(trace.setSpan(context.active(), span), () => recordAudits([flag], {}));
    expect(span.events).toHaveLength(1);
  });

  it('takes them from a function', () => {
    const span = startSpan();
    recordAudits(() => flag, {}, span);
    recordAudits(() => [flag, rule], {}, span);
    recordAudits(() => undefined, {}, span);
    expect(span.events).toHaveLength(3);
  });

  it('gives those without an actor the current one', () => {
    const span = startSpan();
    auditActor({ name: 'Ann' }, () => recordAudits([flag, { ...rule, actor: {} }], {}, span));
    expect(attributesOf(span)).toMatchObject([
      { 'flipt.event.metadata.actor': '{"name":"Ann"}' },
      { 'flipt.event.metadata.actor': '{}' },
    ]);
  });

  it('makes nothing of what the checker turns away', () => {
    const span = startSpan();
    const read = jest.fn();
    const costly: AuditEventInit = { ...rule, payload: { toJSON: read } };
    recordAudits([flag, costly], { checker: new Checker(['flag:*']) }, span);
    expect(span.events).toHaveLength(1);
    expect(read).not.toHaveBeenCalled();
  });

  it('asks a checker that fails for nothing, as the exporter does', () => {
    const span = startSpan();
    const checker = {
      check() {
        throw new Error('secret');
      },
      events: () => [],
    };
    recordAudits([flag], { checker }, span);
    expect(span.events).toHaveLength(1);
    expect(diagnostics.lines).toEqual([
      'error otel-audit: the checker of an interceptor failed, so the event is recorded: it threw Error',
    ]);
  });

  it('leaves a recording span’s events to the span, sender or not', () => {
    const span = startSpan();
    const { sends, sendAudits } = sender();
    recordAudits([flag], { sender: { sendAudits } }, span);
    expect(span.events).toHaveLength(1);
    expect(sends).toEqual([]);
  });

  it('hands them to the sender where there is no span', () => {
    const { sends, sendAudits } = sender();
    auditActor({ name: 'Ann' }, () => recordAudits([flag, rule], { sender: { sendAudits } }));
    expect(sends).toMatchObject([
      { events: [{ type: 'flag', metadata: { actor: { name: 'Ann' } } }, { type: 'rule' }] },
    ]);
  });

  it('hands them to the sender with the ids of a span that records nothing', () => {
    const { sends, sendAudits } = sender();
    const span = unsampled.startSpan('request');
    recordAudits([flag], { sender: { sendAudits } }, span);
    const { traceId, spanId } = span.spanContext();
    expect(sends[0]!.events).toMatchObject([
      { payload: { key: 'a' }, trace: { traceId, spanId, traceFlags: TraceFlags.NONE } },
    ]);
  });

  it('says once a burst where neither a span nor a sender takes them', () => {
    recordAudits([flag, rule], {});
    expect(diagnostics.lines).toEqual([
      'warn otel-audit: an audit event was not recorded: there is no active span; addEventToSpan returned false, sendAudits takes it',
    ]);
  });

  it.each<[string, () => Promise<never[]>]>([
    ['rejects', () => Promise.reject(new AuditError('queue-full', 'the bound is reached'))],
    [
      'throws',
      () => {
        throw new AuditError('queue-full', 'the bound is reached');
      },
    ],
  ])('tells of a sender that %s, once a burst, and goes on', async (_, answer) => {
    const { sends, sendAudits } = sender(answer);
    for (let n = 0; n < 3; n += 1) recordAudits([flag], { sender: { sendAudits } });
    await new Promise(setImmediate);
    expect(sends).toHaveLength(3);
    expect(diagnostics.lines).toHaveLength(1);
    expect(diagnostics.lines[0]).toContain('the bound is reached');
  });

  it('goes on when the function that makes the events fails, and counts it', () => {
    const before = unrecordedCount();
    const fail = () => JSON.parse('the secret');
    expect(() => recordAudits(fail, {}, startSpan())).not.toThrow();
    expect(diagnostics.lines).toEqual([
      'error otel-audit: audit events were not recorded: it threw SyntaxError',
    ]);
    expect(unrecordedCount()).toBe(before + 1);
    expect(diagnostics.lines.join()).not.toContain('secret');
  });

  it.each<[string, unknown]>([
    ['no type', { action: 'created' }],
    ['a type that is no text', { type: 7, action: 'created' }],
    ['an action with a colon', { type: 'flag', action: 'a:b' }],
    ['no object', 7],
    ['null', null],
  ])('goes on past an event with %s, and counts it', (_, bad) => {
    const before = unrecordedCount();
    const span = startSpan();
    recordAudits([bad as AuditEventInit, flag], {}, span);
    expect(attributesOf(span)).toMatchObject([{ 'flipt.event.type': 'flag' }]);
    expect(diagnostics.lines).toHaveLength(1);
    expect(diagnostics.lines[0]).toContain('an audit event was not made');
    expect(unrecordedCount()).toBe(before + 1);
  });

  it('leaves out a payload or an actor that cannot be recorded, and keeps the rest', () => {
    const span = startSpan();
    const actor = { name: 'Ann' };
    const cycle: { self?: unknown } = {};
    cycle.self = cycle;
    const bad = { name: 7 as unknown as string };
    recordAudits([{ ...flag, actor, payload: cycle }], {}, span);
    auditActor(actor, () => recordAudits([{ ...flag, actor: bad }], {}, span));
    recordAudits([{ ...flag, actor: bad, payload: 1n }], {}, span);
    expect(attributesOf(span)).toEqual([
      expect.objectContaining({ 'flipt.event.metadata.actor': '{"name":"Ann"}' }),
      expect.objectContaining({
        'flipt.event.metadata.actor': 'null',
        'flipt.event.payload': '{"key":"a"}',
      }),
      expect.not.objectContaining({ 'flipt.event.payload': expect.anything() }),
    ]);
    expect(diagnostics.lines).toEqual([
      expect.stringContaining('recorded in part: payload cannot be written as JSON'),
    ]);
  });
});

describe('recording durably', () => {
  it('resolves once the sender has the receipts, and adds nothing to the span', async () => {
    const span = startSpan();
    let settle: (receipts: never[]) => void = () => {};
    const { sends, sendAudits } = sender(
      () =>
        new Promise((resolve) => {
          settle = resolve;
        }),
    );
    let isOver = false;
    const over = recordAudits(
      [flag, rule],
      { sender: { sendAudits }, durable: true, timeoutMs: 50 },
      span,
    ).then(() => {
      isOver = true;
    });
    await new Promise(setImmediate);
    expect(isOver).toBe(false);
    expect(sends).toMatchObject([
      {
        events: [{ type: 'flag' }, { type: 'rule' }],
        options: { until: 'durable', timeoutMs: 50 },
      },
    ]);
    const { traceId, spanId } = span.spanContext();
    expect(sends[0]!.events[0]!.trace).toMatchObject({ traceId, spanId });
    expect(span.events).toHaveLength(0);
    settle([]);
    await over;
  });

  const durable = (more: Partial<RecordOptions> = {}): RecordOptions & { durable: true } =>
    ({
      sender: sender(),
      durable: true,
      ...more,
    }) as RecordOptions & { durable: true };

  it('has nothing to wait for where the checker lets nothing pass', async () => {
    const { sends, sendAudits } = sender();
    const checker = new Checker(['flag:*']);
    await recordAudits([rule], durable({ sender: { sendAudits }, checker }));
    expect(sends).toEqual([]);
  });

  it('rejects with what the sender rejects with', async () => {
    const fault = new AuditError('timeout', 'too slow');
    const { sendAudits } = sender(() => Promise.reject(fault));
    await expect(recordAudits([flag], durable({ sender: { sendAudits } }))).rejects.toBe(fault);
  });

  it('rejects, and sends nothing, when an event cannot be made', async () => {
    const { sends, sendAudits } = sender();
    const options = durable({ sender: { sendAudits } });
    await expect(recordAudits([flag, { ...rule, payload: 1n }], options)).rejects.toMatchObject({
      code: 'invalid-event',
    });
    const fault = new Error('no');
    const fail = () => {
      throw fault;
    };
    await expect(recordAudits(fail, options)).rejects.toBe(fault);
    await expect(
      recordAudits([flag], { ...options, checker: { check: fail, events: () => [] } }),
    ).rejects.toBe(fault);
    expect(sends).toEqual([]);
  });

  const rig = exporterRig();
  it('has its events in the ledger, with their trace, when it resolves', async () => {
    const { exporter } = rig.open({ sinks: {} });
    const span = startSpan();
    await recordAudits([flag], { sender: exporter, durable: true }, span);
    const { traceId, spanId, traceFlags } = span.spanContext();
    expect(rig.lines()).toMatchObject([
      { trace: { traceId, spanId, traceFlags }, event: { type: 'flag', payload: { key: 'a' } } },
    ]);
  });

  it('rejects once the exporter is shut down', async () => {
    const { exporter } = rig.open({ sinks: {} });
    await exporter.shutdown();
    await expect(
      recordAudits([flag], { sender: exporter, durable: true }, startSpan()),
    ).rejects.toMatchObject({ code: 'shutdown' });
  });
});

describe('through an exporter', () => {
  const rig = exporterRig();
  it('an event reaches the ledger once, sampled or not, and after its span’s end', async () => {
    const { exporter } = rig.open({ sinks: { memory: recordingSink() } });
    const provider = new BasicTracerProvider({
      sampler: alwaysRecord(new AlwaysOffSampler()),
      spanProcessors: [new AuditSpanProcessor(exporter)],
    });
    const span = provider.getTracer('test').startSpan('request');
    recordAudits([flag], { sender: exporter }, span);
    span.end();
    recordAudits([rule], { sender: exporter }, span);
    await new Promise(setImmediate);
    expect(rig.lines().map(({ event }) => event)).toMatchObject([
      { type: 'flag' },
      { type: 'rule' },
    ]);
  });
});

describe('the options', () => {
  const check = (options: unknown) => () =>
    checkRecordOptions('grpcAudit', options as RecordOptions);

  it('pass', () => {
    expect(check({})).not.toThrow();
    expect(
      check({ checker: new Checker(['*:*']), sender: sender(), durable: true, timeoutMs: 1 }),
    ).not.toThrow();
    expect(check({ durable: false })).not.toThrow();
  });

  it.each<[string, unknown, string]>([
    ['durable without a sender', { durable: true }, 'durable needs a sender'],
    ['a durable of another type', { durable: 'yes' }, 'durable must be true or false'],
    ['no checker', { checker: ['flag:*'] }, 'checker must be a checker'],
    ['no sender', { sender: {} }, 'sender must have a method sendAudits'],
    ['null for a sender', { sender: null }, 'sender must have a method sendAudits'],
    ['no time', { timeoutMs: 0 }, 'timeoutMs must be a number above 0, at most 2147483647, not 0'],
    ['NaN', { timeoutMs: Number.NaN }, 'not NaN'],
    ['a time beyond a timer', { timeoutMs: 2 ** 31 }, 'not 2147483648'],
    ['a text for a time', { timeoutMs: '5' }, 'not 5'],
  ])('refuse %s', (_, options, message) => {
    expect(check(options)).toThrow(AuditError);
    expect(check(options)).toThrow(`grpcAudit: `);
    expect(check(options)).toThrow(message);
  });
});
