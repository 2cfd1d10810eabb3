import { afterAll, beforeEach, describe, expect, it } from '@jest/globals';
import { context, SpanKind, trace } from '@opentelemetry/api';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import {
  addEventToSpan,
  auditActor,
  Checker,
  createEvent,
  spanRules,
  withAudit,
} from '../../src/index.js';
import { memoryProvider, toHaveAudited } from '../../src/testing/index.js';

expect.extend({ toHaveAudited });

const flag = createEvent({ type: 'flag', action: 'created', payload: { key: 'a' } });
const inSpan = <T>(fn: () => T): T =>
  trace.getTracer('app').startActiveSpan('request', (span) => {
    try {
      return fn();
    } finally {
      span.end();
    }
  });

describe('a provider in memory', () => {
  const audit = memoryProvider(NodeTracerProvider, {
    checker: new Checker(['flag:*', 'invoice:*'], { nouns: ['flag', 'invoice'], verbs: 'any' }),
    rules: spanRules([{ match: { 'http.route': '/flags' }, type: 'flag', action: 'read' }]),
  });
  beforeEach(() => audit.clear());
  afterAll(() => audit.shutdown());

  it('has what the code under test adds to its spans, at once', () => {
    inSpan(() => {
      addEventToSpan(flag);
      expect(audit).toHaveAudited('flag:created', { payload: { key: 'a' } });
    });
    expect(audit.events).toHaveLength(1);
    expect(audit.events[0]!.trace).toBeDefined();
  });

  it('has it though a caller says not to sample', () => {
    const spanContext = {
      traceId: '0af7651916cd43dd8448eb211c80319c',
      spanId: 'b7ad6b7169203331',
      traceFlags: 0,
    };
    context.with(trace.setSpanContext(context.active(), { ...spanContext, isRemote: true }), () =>
      inSpan(() => addEventToSpan(flag)),
    );
    expect(audit).toHaveAudited('flag:created');
  });

  it('has what withAudit records, with its actor, across an await', async () => {
    await inSpan(() =>
      auditActor({ name: 'Ann' }, () =>
        withAudit({ type: 'invoice', action: 'paid' }, async () => {
          await null;
        }),
      ),
    );
    expect(audit).toHaveAudited('invoice:paid', { actor: { name: 'Ann' }, status: 'success' });
  });

  it('has what its rules make of spans', () => {
    const attributes = { 'http.route': '/flags' };
    trace.getTracer('http').startSpan('GET', { kind: SpanKind.SERVER, attributes }).end();
    expect(audit).toHaveAudited('flag:read');
  });

  it('keeps to its checker', async () => {
    const rule = createEvent({ type: 'rule', action: 'created' });
    inSpan(() => addEventToSpan(rule));
    expect(await audit.sendAudits([rule, flag])).toEqual([
      null,
      expect.objectContaining({ recordId: flag.id, sequence: 1 }),
    ]);
    expect(audit.events.map(({ type }) => type)).toEqual(['flag']);
  });

  it('takes events without a span, and fails when it is told to', async () => {
    const call = { type: 'flag', action: 'created', sender: audit, durable: true } as const;
    expect(await withAudit(call, () => 7)).toBe(7);
    expect(audit).toHaveAudited('flag:created');
    audit.clear();
    const fault = new Error('the disk is full');
    audit.failWith(fault);
    await expect(withAudit(call, () => 7)).rejects.toBe(fault);
    audit.failWith();
    expect(audit).not.toHaveAudited('flag:created');
    await expect(audit.sendAudits([{ ...flag, type: '' }])).rejects.toMatchObject({
      code: 'invalid-event',
    });
  });

  it('says what made no event', () => {
    inSpan(() => trace.getActiveSpan()!.addEvent('event', { 'flipt.event.version': '0.2' }));
    expect(audit.malformed).toEqual(['flipt.event.action is missing']);
    audit.clear();
    expect(audit.malformed).toEqual([]);
  });
});

describe('a provider that is shut down', () => {
  it('makes way for another one, of another class', async () => {
    const first = memoryProvider(NodeTracerProvider);
    inSpan(() => addEventToSpan(flag));
    await first.shutdown();
    inSpan(() => addEventToSpan(flag));
    expect(first.events).toHaveLength(1);

    const second = memoryProvider(BasicTracerProvider);
    addEventToSpan(flag, trace.getTracer('app').startSpan('request'));
    expect(second).toHaveAudited('flag:created');
    expect(first.events).toHaveLength(1);
    await second.shutdown();
  });
});
