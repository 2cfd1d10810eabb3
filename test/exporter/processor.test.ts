import { describe, expect, it } from '@jest/globals';
import { ROOT_CONTEXT, TraceFlags } from '@opentelemetry/api';
import {
  AlwaysOffSampler,
  BasicTracerProvider,
  BatchSpanProcessor,
  NoopSpanProcessor,
  type ReadableSpan,
  type Span,
  type SpanProcessor,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace-base';
import { createEvent } from '../../src/event/event.js';
import { addEventToSpan } from '../../src/event/span.js';
import { collectEvents } from '../../src/exporter/collect.js';
import { AuditSpanProcessor } from '../../src/exporter/processor.js';
import { alwaysRecord } from '../../src/exporter/sampler.js';
import { CAPTURE } from '../../src/exporter/span-capture.js';
import { CapturingExporter } from '../support/capturing-exporter.js';
import { diagLog } from '../support/diag-log.js';

const event = createEvent({ type: 'flag', action: 'created', payload: { key: 'a' } });

const tracerOf = (...spanProcessors: SpanProcessor[]) =>
  new BasicTracerProvider({ spanProcessors }).getTracer('test');

class Throwing extends NoopSpanProcessor {
  readonly where: 'onStart' | 'onEnd';
  constructor(where: 'onStart' | 'onEnd') {
    super();
    this.where = where;
  }
  override onStart(): void {
    if (this.where === 'onStart') throw new Error('onStart failed');
  }
  override onEnd(): void {
    if (this.where === 'onEnd') throw new Error('onEnd failed');
  }
}

/** Does something to each span before other processors see it. */
class Meddling extends NoopSpanProcessor {
  readonly meddle: (span: Span) => void;
  constructor(meddle: (span: Span) => void) {
    super();
    this.meddle = meddle;
  }
  override onStart(span: Span): void {
    this.meddle(span);
  }
}

/** Is not there before it has begun. */
class Beginning extends NoopSpanProcessor {
  readonly processor: SpanProcessor;
  begun = false;
  constructor(processor: SpanProcessor) {
    super();
    this.processor = processor;
  }
  override onStart(span: Span): void {
    if (this.begun) this.processor.onStart(span, ROOT_CONTEXT);
  }
  override onEnd(span: ReadableSpan): void {
    if (this.begun) this.processor.onEnd(span);
  }
}

describe('the audit span processor', () => {
  const diagnostics = diagLog();

  it.each([
    ['none', new AlwaysOffSampler()],
    ['none of a ratio', new TraceIdRatioBasedSampler(0)],
  ])('captures events of spans when the sampler chooses %s', (_, sampler) => {
    const exporter = new CapturingExporter();
    const provider = new BasicTracerProvider({
      sampler: alwaysRecord(sampler),
      spanProcessors: [new AuditSpanProcessor(exporter)],
    });
    const span = provider.getTracer('test').startSpan('request');
    expect(span.spanContext().traceFlags).toBe(TraceFlags.NONE);
    expect(addEventToSpan(event, span)).toBe(true);
    span.end();
    expect(exporter.drain().ids).toEqual([event.id]);
    expect(exporter.events[0]!.trace!.traceFlags).toBe(TraceFlags.NONE);
  });

  it('captures the events of a span that never ends', () => {
    const exporter = new CapturingExporter();
    addEventToSpan(event, tracerOf(new AuditSpanProcessor(exporter)).startSpan('request'));
    expect(exporter.drain().ids).toEqual([event.id]);
  });

  it('captures what is added in onEnding, and what is added in onEnd as late', () => {
    const exporter = new CapturingExporter();
    const atTheEnd = createEvent({ type: 'flag', action: 'updated' });
    const adding: SpanProcessor = Object.assign(new NoopSpanProcessor(), {
      onEnding: (span: Span) => void addEventToSpan(event, span),
      onEnd: (span: ReadableSpan) => void addEventToSpan(atTheEnd, span as Span),
    });
    tracerOf(new AuditSpanProcessor(exporter), adding).startSpan('request').end();
    expect(exporter.drain().ids).toEqual([event.id, atTheEnd.id]);
    expect(exporter.late).toEqual([atTheEnd.id]);
  });

  it('reads a span that started before it at its end, sampled or not', () => {
    for (const sampler of [new AlwaysOffSampler(), new TraceIdRatioBasedSampler(1)]) {
      const exporter = new CapturingExporter();
      const processor = new Beginning(new AuditSpanProcessor(exporter));
      const spanProcessors = [processor];
      const provider = new BasicTracerProvider({ sampler: alwaysRecord(sampler), spanProcessors });
      const span = provider.getTracer('test').startSpan('request');
      processor.begun = true;
      addEventToSpan(event, span);
      expect(exporter.drain().ids).toEqual([]);
      span.end();
      expect(exporter.drain().ids).toEqual([event.id]);
    }
  });

  it('shares its exporter with a batch processor and with its own like: each event is taken once', async () => {
    const exporter = new CapturingExporter();
    const exported: string[] = [];
    const spanExporter = {
      export: (spans: ReadableSpan[], done: (result: { code: number }) => void) => {
        const capture = exporter[CAPTURE];
        const unseen = spans.filter((span) => !capture.hasSeen(span) && !capture.hasTaken(span));
        collectEvents(unseen, {
          event: ({ id }) => void exported.push(id),
          malformed: () => {},
          broken: () => {},
        });
        done({ code: 0 });
      },
      shutdown: async () => {},
    };
    const batch = new BatchSpanProcessor(spanExporter);
    const ours = [1, 2].map(() => new Beginning(new AuditSpanProcessor(exporter)));
    const tracer = tracerOf(batch, ...ours);
    const early = tracer.startSpan('early');
    const ended = tracer.startSpan('ended');
    const events = ['created', 'updated', 'deleted'].map((action) =>
      createEvent({ type: 'flag', action }),
    );
    addEventToSpan(events[0]!, ended);
    ended.end();
    for (const processor of ours) processor.begun = true;
    const span = tracer.startSpan('request');
    addEventToSpan(events[1]!, span);
    addEventToSpan(events[2]!, early);
    span.end();
    early.end();
    await batch.forceFlush();
    expect(exported).toEqual([events[0]!.id]);
    expect(exporter.drain().ids).toEqual([events[1]!.id, events[2]!.id]);
    await batch.shutdown();
  });

  it('has captured before an earlier processor throws in onEnd', () => {
    const exporter = new CapturingExporter();
    const tracer = tracerOf(new Throwing('onEnd'), new AuditSpanProcessor(exporter));
    const span = tracer.startSpan('request');
    addEventToSpan(event, span);
    expect(() => span.end()).toThrow('onEnd failed');
    expect(exporter.drain().ids).toEqual([event.id]);
  });

  it('reads at its end a span whose start an earlier processor kept from it', () => {
    const exporter = new CapturingExporter();
    const [throwing, ours] = [new Throwing('onStart'), new AuditSpanProcessor(exporter)];
    expect(() => tracerOf(throwing, ours).startSpan('request')).toThrow('onStart failed');
    // As SDKs and wrappers do that go on after such a fault.
    const surviving = Object.assign(new NoopSpanProcessor(), {
      onStart: (span: Span) => {
        try {
          throwing.onStart();
          ours.onStart(span);
        } catch {}
      },
      onEnd: (span: ReadableSpan) => ours.onEnd(span),
    });
    const span = tracerOf(surviving).startSpan('request');
    addEventToSpan(event, span);
    span.end();
    expect(exporter.drain().ids).toEqual([event.id]);
  });

  it.each<[string, (span: Span) => void]>([
    ['has an addEvent that cannot be replaced', (span) => lock(span, { writable: false })],
    ['ignores a replacement', (span) => lock(span, { set: () => {} })],
    ['takes no new properties', (span) => void Object.preventExtensions(span)],
  ])('reads at its end a span that %s', (_, meddle) => {
    const exporter = new CapturingExporter();
    const tracer = tracerOf(new Meddling(meddle), new AuditSpanProcessor(exporter));
    const span = tracer.startSpan('request');
    addEventToSpan(event, span);
    expect(exporter.drain().ids).toEqual([]);
    span.end();
    expect(exporter.drain().ids).toEqual([event.id]);
    expect(diagnostics.lines).toEqual([]);
  });

  it('captures what an earlier processor adds to a span that starts, once', () => {
    const exporter = new CapturingExporter();
    const adding = new Meddling((span) => void addEventToSpan(event, span));
    tracerOf(adding, new AuditSpanProcessor(exporter)).startSpan('request').end();
    expect(exporter.drain().ids).toEqual([event.id]);
  });

  it('never throws, whatever it is given; diag is told', () => {
    const processor = new AuditSpanProcessor(new CapturingExporter());
    for (const nothing of [undefined, null, {}, { addEvent: () => {}, events: 1 }]) {
      processor.onStart(nothing as never);
      processor.onEnd(nothing as never);
    }
    expect(diagnostics.lines).toContain(
      'error otel-audit: the audit events of a span were not taken: ' +
        "Cannot read properties of undefined (reading 'addEvent')",
    );
  });

  it('hands flush and shutdown on to the exporter', async () => {
    const exporter = new CapturingExporter();
    const processor = new AuditSpanProcessor(exporter);
    await processor.forceFlush();
    await processor.shutdown();
    expect(exporter.calls).toEqual(['forceFlush', 'shutdown']);
  });

  it('takes an exporter of the other copy of the package, by a registered symbol', () => {
    const seen: unknown[] = [];
    const capture = {
      watch: (span: unknown) => void seen.push('watch', span),
      takeEnded: (span: unknown) => void seen.push('takeEnded', span),
    };
    const exporter = Object.assign(new CapturingExporter(), {
      [Symbol.for('otel-audit.capture')]: capture,
    });
    const span = tracerOf(new AuditSpanProcessor(exporter)).startSpan('request');
    span.end();
    expect(seen).toEqual(['watch', span, 'takeEnded', span]);
  });

  it.each([
    undefined,
    null,
    {},
    { [CAPTURE]: {} },
    { export: () => {}, forceFlush: async () => {}, shutdown: async () => {} },
  ])('refuses %p, which is no exporter that captures', (value) => {
    expect(() => new AuditSpanProcessor(value as never)).toThrow(
      expect.objectContaining({
        code: 'invalid-option',
        message: expect.stringMatching(/^AuditSpanProcessor: exporter must be a SinkSpanExporter/),
      }),
    );
  });
});

function lock(span: Span, descriptor: PropertyDescriptor): void {
  const { addEvent } = span;
  const value = descriptor.set ? { get: () => addEvent } : { value: addEvent };
  Object.defineProperty(span, 'addEvent', { ...value, ...descriptor });
}
