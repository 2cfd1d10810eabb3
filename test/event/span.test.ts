import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { context, INVALID_SPAN_CONTEXT, type Span, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  AlwaysOffSampler,
  BasicTracerProvider,
  type ReadableSpan,
} from '@opentelemetry/sdk-trace-base';
import { encodeEvent } from '../../src/event/attributes.js';
import { createEvent } from '../../src/event/event.js';
import { addEventToSpan } from '../../src/event/span.js';
import { diagLog } from '../support/diag-log.js';

const event = createEvent({ type: 'flag', action: 'created', payload: { key: 'a' } });
const tracer = new BasicTracerProvider().getTracer('test');
const startSpan = () => tracer.startSpan('request') as Span & ReadableSpan;

describe('adding an event to a span', () => {
  const diagnostics = diagLog();
  const manager = new AsyncLocalStorageContextManager();
  beforeAll(() => {
    context.setGlobalContextManager(manager.enable());
  });
  afterAll(() => context.disable());

  it('takes the active span, across an await', async () => {
    const span = startSpan();
    const added = await context.with(trace.setSpan(context.active(), span), async () => {
      await Promise.resolve();
      return addEventToSpan(event);
    });
    expect(added).toBe(true);
    expect(span.events).toMatchObject([{ name: 'event', attributes: encodeEvent(event) }]);
  });

  it('takes the span that it is given instead of the active one', () => {
    const [active, given] = [startSpan(), startSpan()];
    context.with(trace.setSpan(context.active(), active), () => {
      expect(addEventToSpan(event, given)).toBe(true);
    });
    expect(active.events).toHaveLength(0);
    expect(given.events).toHaveLength(1);
  });

  it('says false when there is no span', () => {
    expect(addEventToSpan(event)).toBe(false);
    expect(addEventToSpan(event, null as unknown as Span)).toBe(false);
  });

  it('says false when the span records nothing', () => {
    const ended = startSpan();
    ended.end();
    expect(addEventToSpan(event, ended)).toBe(false);
    expect(ended.events).toHaveLength(0);
    expect(addEventToSpan(event, trace.wrapSpanContext(INVALID_SPAN_CONTEXT))).toBe(false);
    const unsampled = new BasicTracerProvider({ sampler: new AlwaysOffSampler() });
    expect(addEventToSpan(event, unsampled.getTracer('test').startSpan('x'))).toBe(false);
    expect(diagnostics.lines).toEqual([]);
  });

  it('never throws: says false, and through diag why', () => {
    const cycle: Record<string, unknown> = {};
    cycle.self = cycle;
    const span = startSpan();
    expect(addEventToSpan({ ...event, payload: cycle }, span)).toBe(false);
    expect(addEventToSpan(null as unknown as typeof event, span)).toBe(false);
    const broken = {
      isRecording: () => true,
      addEvent: () => {
        throw new Error('full');
      },
    };
    expect(addEventToSpan(event, broken as unknown as Span)).toBe(false);
    expect(span.events).toHaveLength(0);
    expect(diagnostics.lines).toHaveLength(3);
    expect(diagnostics.lines[2]).toBe('error otel-audit: an audit event was not recorded: full');
  });
});
