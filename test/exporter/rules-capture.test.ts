import { describe, expect, it } from '@jest/globals';
import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BasicTracerProvider,
  BatchSpanProcessor,
  type ReadableSpan,
  type Sampler,
  SimpleSpanProcessor,
  type SpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { createEvent } from '../../src/event/event.js';
import { addEventToSpan } from '../../src/event/span.js';
import type { SinkSpanExporter } from '../../src/exporter/exporter.js';
import { AuditSpanProcessor } from '../../src/exporter/processor.js';
import { type SpanRule, spanRules } from '../../src/exporter/rules.js';
import { alwaysRecord } from '../../src/exporter/sampler.js';
import { auditActor } from '../../src/interceptors/actor.js';
import { recordingSink } from '../../src/testing/index.js';
import { exported, exporterRig } from '../support/exporter-rig.js';

const created: SpanRule = {
  match: { 'http.request.method': 'POST', 'http.route': '/flags' },
  type: 'flag',
  action: 'created',
};
const read: SpanRule = { match: { 'http.route': '/flags' }, type: 'flag', action: 'read' };

const rig = exporterRig();
const pairsIn = () =>
  rig.lines().map(({ event }) => {
    const { type, action } = event as { type: string; action: string };
    return `${type}:${action}`;
  });

function provide(spanProcessors: SpanProcessor[], sampler: Sampler = new AlwaysOnSampler()) {
  const provider = new BasicTracerProvider({ spanProcessors, sampler });
  const request = (during?: (span: ReadableSpan) => void): ReadableSpan => {
    const span = provider.getTracer('http').startSpan('POST', { kind: SpanKind.SERVER });
    span.setAttributes({ 'http.request.method': 'POST', 'http.route': '/flags' });
    during?.(span as unknown as ReadableSpan);
    span.end();
    return span as unknown as ReadableSpan;
  };
  return { provider, request };
}
const turn = () => new Promise(setImmediate);

describe('rules of an exporter', () => {
  it('take a span when it ends, by a processor, though it is not sampled', async () => {
    const { exporter } = rig.open({ sinks: {}, rules: spanRules([created]) });
    const { request } = provide(
      [new AuditSpanProcessor(exporter)],
      alwaysRecord(new AlwaysOffSampler()),
    );
    const span = request(() => expect(pairsIn()).toEqual([]));
    await turn();
    const { traceId, spanId } = span.spanContext();
    expect(rig.lines()).toMatchObject([
      {
        id: expect.stringMatching(new RegExp(`^${traceId}-${spanId}-rule-`)),
        trace: { traceId, spanId, traceFlags: 0 },
        event: { type: 'flag', action: 'created', status: 'success' },
      },
    ]);
  });

  it('take a span that is exported, without a processor', async () => {
    const { exporter } = rig.open({ sinks: {}, rules: spanRules([created]) });
    const { request, provider } = provide([new BatchSpanProcessor(exporter)]);
    request();
    await provider.forceFlush();
    expect(pairsIn()).toEqual(['flag:created']);
  });

  const orders: [string, (exporter: SinkSpanExporter) => SpanProcessor[]][] = [
    ['first', (one) => [new AuditSpanProcessor(one), new BatchSpanProcessor(one)]],
    ['last', (one) => [new BatchSpanProcessor(one), new AuditSpanProcessor(one)]],
    [
      'after one that exports at once',
      (one) => [new SimpleSpanProcessor(one), new AuditSpanProcessor(one)],
    ],
    ['twice', (one) => [new AuditSpanProcessor(one), new AuditSpanProcessor(one)]],
  ];
  it.each(orders)('take a span once, the processor being there %s', async (_, processors) => {
    const { exporter } = rig.open({ sinks: {}, rules: spanRules([created]) });
    const { request, provider } = provide(processors(exporter));
    request();
    await provider.forceFlush();
    expect(pairsIn()).toEqual(['flag:created']);
  });

  it.each(orders)('take it once without a ledger too, the processor %s', async (_, processors) => {
    const sink = recordingSink();
    const { exporter } = rig.openMemory({ sinks: { sink }, rules: spanRules([created, read]) });
    const { request } = provide(processors(exporter));
    const span = request();
    expect((await exported(exporter, span)).code).toBe(0);
    expect(sink.events.map(({ action }) => action)).toEqual(['created', 'read']);
  });

  it('take it beside the audit events on it', async () => {
    const { exporter } = rig.open({ sinks: {}, rules: spanRules([created]) });
    const own = createEvent({ type: 'token', action: 'deleted' });
    for (const processors of [[new AuditSpanProcessor(exporter)], []]) {
      const { request } = provide(processors);
      const span = request((span) => addEventToSpan(own, span as never));
      expect((await exported(exporter, span)).code).toBe(0);
    }
    expect(pairsIn().sort()).toEqual(['flag:created', 'flag:created', 'token:deleted']);
  });

  it('are kept to by a checker', async () => {
    const checker = { check: (pair: string) => pair === 'flag:read', events: () => [] };
    const { exporter } = rig.open({ sinks: {}, checker, rules: spanRules([created, read]) });
    const { request } = provide([new AuditSpanProcessor(exporter)]);
    request();
    await turn();
    expect(pairsIn()).toEqual(['flag:read']);
    expect(exporter.stats()).toMatchObject({ emitted: 1, rejected: 1 });
  });

  it('let export succeed after the shutdown for a span that they took before', async () => {
    const { exporter } = rig.open({ sinks: {}, rules: spanRules([created]) });
    const { request } = provide([new AuditSpanProcessor(exporter)]);
    const span = request();
    await turn();
    await exporter.shutdown();
    expect((await exported(exporter, span)).code).toBe(0);
    expect((await exported(exporter, provide([]).request())).code).toBe(1);
    expect(pairsIn()).toEqual(['flag:created']);
  });

  it('see what the span is at its end', async () => {
    const rules = spanRules([{ ...created, outcomes: ['failed'] }]);
    const { exporter } = rig.open({ sinks: {}, rules });
    const { request } = provide([new AuditSpanProcessor(exporter)]);
    request();
    request((span) =>
      (span as never as { setStatus(s: object): void }).setStatus({ code: SpanStatusCode.ERROR }),
    );
    await turn();
    expect(rig.lines()).toMatchObject([{ event: { status: 'failed' } }]);
  });

  it('make nobody of the context in which a span ends its actor', async () => {
    const { exporter } = rig.open({ sinks: {}, rules: spanRules([created]) });
    const { request } = provide([new AuditSpanProcessor(exporter)]);
    auditActor({ name: 'Ann' }, () => request());
    await turn();
    expect(rig.lines()).toMatchObject([{ event: { metadata: {} } }]);
    expect(rig.lines()[0]!.event).not.toHaveProperty('metadata.actor');
  });

  it('leave spans alone that they do not match', async () => {
    const { exporter } = rig.open({ sinks: {}, rules: spanRules([created]) });
    const { provider } = provide([new AuditSpanProcessor(exporter)]);
    provider.getTracer('http').startSpan('GET', { kind: SpanKind.SERVER }).end();
    await turn();
    expect(exporter.stats().emitted).toBe(0);
  });
});

describe('rules of a processor', () => {
  it('take spans besides those of the exporter, each once', async () => {
    const rules = spanRules([created]);
    const { exporter } = rig.open({ sinks: {}, rules });
    const { request, provider } = provide([
      new AuditSpanProcessor(exporter, { rules }),
      new AuditSpanProcessor(exporter, { rules: spanRules([read, created]) }),
      new BatchSpanProcessor(exporter),
    ]);
    request();
    await provider.forceFlush();
    expect(pairsIn()).toEqual(['flag:created', 'flag:read']);
  });

  it('need none of the exporter', async () => {
    const { exporter } = rig.open({ sinks: {} });
    const { request } = provide([new AuditSpanProcessor(exporter, { rules: spanRules([read]) })]);
    request();
    await turn();
    expect(pairsIn()).toEqual(['flag:read']);
  });
});

describe('rules that spanRules has not made', () => {
  const rules = [created] as never;
  it('are refused', () => {
    expect(() => rig.open({ sinks: {}, rules })).toThrow(
      'SinkSpanExporter: rules must be made by spanRules([…])',
    );
    const { exporter } = rig.open({ sinks: {} });
    expect(() => new AuditSpanProcessor(exporter, { rules })).toThrow(
      'AuditSpanProcessor: rules must be made by spanRules([…])',
    );
  });
});
