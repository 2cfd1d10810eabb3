import { describe, expect, it } from '@jest/globals';
import { BasicTracerProvider, type SpanProcessor } from '@opentelemetry/sdk-trace-base';
import type { AuditSpanProcessor } from '../../src/exporter/processor.js';
import { joinProvider } from '../../src/register/join.js';

const recorder = (log: string[], name: string): SpanProcessor & AuditSpanProcessor =>
  ({
    onStart: () => log.push(`${name} start`),
    onEnd: () => log.push(`${name} end`),
    forceFlush: async () => {},
    shutdown: async () => {
      log.push(`${name} shutdown`);
    },
  }) as unknown as SpanProcessor & AuditSpanProcessor;
const none = { shouldSample: () => ({ decision: 0 }), toString: () => 'None' };

describe('a provider that is joined', () => {
  it('has the processor first, records every span, of tracers made before too, and shuts it down', async () => {
    const log: string[] = [];
    const theirs = [recorder(log, 'theirs')];
    const provider = new BasicTracerProvider({ sampler: none, spanProcessors: theirs });
    const before = provider.getTracer('before');
    expect(joinProvider(provider, recorder(log, 'ours'))).toBeUndefined();
    before.startSpan('a').end();
    const span = provider.getTracer('after').startSpan('b');
    expect(span.isRecording()).toBe(true);
    expect(span.spanContext().traceFlags).toBe(0);
    await provider.shutdown();
    const once = ['ours start', 'theirs start', 'ours end', 'theirs end'];
    expect(log).toEqual([...once, ...once.slice(0, 2), 'ours shutdown', 'theirs shutdown']);
    expect(theirs).toHaveLength(1); // the list is the user's
  });

  it('is joined once, however often', () => {
    const log: string[] = [];
    const provider = new BasicTracerProvider({ sampler: none });
    const ours = recorder(log, 'ours');
    for (let n = 0; n < 3; n += 1) expect(joinProvider(provider, ours)).toBeUndefined();
    provider.getTracer('a').startSpan('a').end();
    expect(log).toEqual(['ours start', 'ours end']);
  });
});

describe('a provider that cannot be joined', () => {
  class Foreign {
    getTracer() {
      return {};
    }
  }

  it.each<[string, unknown, string]>([
    ['another class', new Foreign(), 'the tracer provider Foreign cannot be joined'],
    ['nothing', undefined, 'cannot be joined'],
    [
      'one that cannot be read',
      new Proxy(new Foreign(), {
        get: () => {
          throw new Error('no');
        },
      }),
      'cannot be joined',
    ],
    [
      'one with frozen processors',
      { _activeSpanProcessor: Object.freeze({ _spanProcessors: [] }), getTracer: () => ({}) },
      'cannot be joined',
    ],
    [
      'one whose sampler is hidden',
      { _activeSpanProcessor: { _spanProcessors: [] }, getTracer: () => ({}) },
      'the sampler of the tracer provider Object cannot be wrapped',
    ],
  ])('is named, with what to do: %s', (_, provider, fault) => {
    const told = joinProvider(provider, recorder([], 'ours'));
    expect(told).toContain(fault);
    expect(told).toContain('createAudit');
  });
});
