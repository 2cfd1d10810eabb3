import { describe, expect, it } from '@jest/globals';
import {
  createTraceState,
  INVALID_TRACEID,
  ROOT_CONTEXT,
  SpanKind,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BasicTracerProvider,
  ParentBasedSampler,
  type Sampler,
  SamplingDecision,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace-base';
import { alwaysRecord } from '../../src/exporter/sampler.js';

const decide = (sampler: Pick<Sampler, 'shouldSample'>) =>
  sampler.shouldSample(ROOT_CONTEXT, INVALID_TRACEID, 'request', SpanKind.SERVER, {}, []);

const startSpan = (sampler: Sampler, context = ROOT_CONTEXT) =>
  new BasicTracerProvider({ sampler }).getTracer('test').startSpan('request', {}, context);

describe('alwaysRecord', () => {
  it('records what the sampler did not choose, unsampled', () => {
    const span = startSpan(alwaysRecord(new AlwaysOffSampler()));
    expect(span.isRecording()).toBe(true);
    expect(span.spanContext().traceFlags).toBe(TraceFlags.NONE);
  });

  it('leaves what the sampler chose', () => {
    const span = startSpan(alwaysRecord(new AlwaysOnSampler()));
    expect(span.spanContext().traceFlags).toBe(TraceFlags.SAMPLED);
    const result = { decision: SamplingDecision.RECORD };
    expect(decide(alwaysRecord({ shouldSample: () => result }))).toBe(result);
  });

  it('records under a remote parent that says 00', () => {
    const parent = trace.setSpanContext(ROOT_CONTEXT, {
      traceId: '0af7651916cd43dd8448eb211c80319c',
      spanId: 'b7ad6b7169203331',
      traceFlags: TraceFlags.NONE,
      isRemote: true,
    });
    const sampler = new ParentBasedSampler({ root: new AlwaysOnSampler() });
    expect(startSpan(sampler, parent).isRecording()).toBe(false);
    const span = startSpan(alwaysRecord(sampler), parent);
    expect(span.isRecording()).toBe(true);
    expect(span.spanContext().traceFlags).toBe(TraceFlags.NONE);
  });

  it('keeps the attributes and the trace state of the result', () => {
    const attributes = { 'sampler.ratio': 0.1 };
    const traceState = createTraceState('a=b');
    const inner: Sampler = {
      shouldSample: () => ({ decision: SamplingDecision.NOT_RECORD, attributes, traceState }),
    };
    expect(decide(alwaysRecord(inner))).toEqual({
      decision: SamplingDecision.RECORD,
      attributes,
      traceState,
    });
    expect(decide(alwaysRecord(new AlwaysOffSampler()))).toEqual({
      decision: SamplingDecision.RECORD,
    });
  });

  it('asks the sampler with all that it was asked with', () => {
    const calls: unknown[] = [];
    const inner: Sampler = {
      shouldSample(...args) {
        calls.push(this, ...args);
        return { decision: SamplingDecision.NOT_RECORD };
      },
    };
    const links = [{ context: { traceId: '1', spanId: '2', traceFlags: 0 } }];
    alwaysRecord(inner).shouldSample(ROOT_CONTEXT, 'id', 'name', SpanKind.CLIENT, { a: 1 }, links);
    expect(calls).toEqual([inner, ROOT_CONTEXT, 'id', 'name', SpanKind.CLIENT, { a: 1 }, links]);
  });

  it('changes nothing about a sampler that throws or decides nothing', () => {
    const outcome = (sampler: Sampler) => {
      try {
        return startSpan(sampler);
      } catch (error) {
        return error;
      }
    };
    const throwing: Sampler = {
      shouldSample: () => {
        throw new RangeError('no rate');
      },
    };
    const undecided: Sampler = { shouldSample: () => undefined as never };
    for (const sampler of [throwing, undecided]) {
      expect(outcome(alwaysRecord(sampler))).toEqual(outcome(sampler));
    }
    expect(outcome(alwaysRecord(throwing))).toBeInstanceOf(RangeError);
  });

  it('names the sampler inside', () => {
    const sampler = alwaysRecord(new TraceIdRatioBasedSampler(0.1));
    expect(String(sampler)).toBe('AlwaysRecord{TraceIdRatioBased{0.1}}');
  });

  it.each([undefined, null, {}, 'always', () => 0.1])(
    'refuses %p, which is no sampler',
    (value) => {
      expect(() => alwaysRecord(value as never)).toThrow(
        expect.objectContaining({
          code: 'invalid-option',
          message: 'alwaysRecord: sampler must have a method shouldSample',
        }),
      );
    },
  );
});
