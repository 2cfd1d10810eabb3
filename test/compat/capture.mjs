// Capture, whatever the SDK: each check puts events where a stock pipeline loses them.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import * as esm from 'otel-audit';
import { recordingSink } from 'otel-audit/testing';

const cjs = createRequire(import.meta.url)('otel-audit');
const { addEventToSpan, createEvent } = esm;

/** Asserts that nothing is lost between `addEvent` and the sink. */
export async function checkCapture(sdk) {
  await capturesUnsampled(sdk);
  await capturesBeyondLimits(sdk);
  await capturesWithoutEnd(sdk);
  await capturesAfterEnd(sdk);
  await readsWhatStartedBefore(sdk);
  await takesOnce(sdk);
  await capturesAcrossCopies(sdk, esm, cjs);
  await capturesAcrossCopies(sdk, cjs, esm);
}

async function capturesUnsampled(sdk) {
  const { tracer, stored } = setUp(sdk);
  const span = tracer.startSpan('request');
  assert.equal(span.isRecording(), true);
  assert.equal(span.spanContext().traceFlags, 0);
  const event = flagEvent();
  assert.equal(addEventToSpan(event, span), true);
  span.end();
  assert.deepEqual(await stored(), [event.id]);
}

async function capturesBeyondLimits(sdk) {
  const { tracer, sink, stored } = setUp(sdk, {
    spanLimits: { attributeValueLengthLimit: 128, attributePerEventCountLimit: 2 },
  });
  const span = tracer.startSpan('request');
  const note = 'x'.repeat(500);
  const events = Array.from({ length: 500 }, (_, n) => flagEvent({ n, note }));
  for (const event of events) addEventToSpan(event, span);
  assert.equal(span.events.length, 128, 'the SDK drops the rest');
  span.end();
  assert.deepEqual(
    await stored(),
    events.map(({ id }) => id),
  );
  sink.events.forEach(({ payload }, n) => {
    assert.deepEqual(payload, { n, note });
  });
}

async function capturesWithoutEnd(sdk) {
  const { tracer, stored } = setUp(sdk);
  const span = tracer.startSpan('request');
  span.addEvent('cache.miss', { key: 'none of ours' });
  span.addEvent('event', withoutId());
  const { traceId, spanId } = span.spanContext();
  assert.deepEqual(await stored(), [`${traceId}-${spanId}-1`]);
}

async function capturesAfterEnd(sdk) {
  const { tracer, stored } = setUp(sdk);
  const span = tracer.startSpan('request');
  span.end();
  const event = flagEvent();
  assert.equal(addEventToSpan(event, span), true, 'a watched span takes it even then');
  span.addEvent('event', withoutId());
  assert.equal(span.events.length, 0, 'the SDK does not');
  const { traceId, spanId } = span.spanContext();
  assert.deepEqual(await stored(), [event.id, `${traceId}-${spanId}-late-1`]);
}

async function readsWhatStartedBefore(sdk) {
  const { tracer, stored, processors } = setUp(sdk, { late: true });
  const span = tracer.startSpan('request');
  processors.begin();
  const event = flagEvent();
  addEventToSpan(event, span);
  span.end();
  assert.deepEqual(await stored(), [event.id]);
}

/** The exporter is also behind a stock processor, and behind a second one of ours. */
async function takesOnce(sdk) {
  const { tracer, provider, stored } = setUp(sdk, { sampled: true, stock: true });
  const event = flagEvent();
  const span = tracer.startSpan('request');
  addEventToSpan(event, span);
  span.end();
  await provider.forceFlush();
  assert.deepEqual(await stored(), [event.id]);
}

async function capturesAcrossCopies(sdk, mine, other) {
  const { tracer, stored } = setUp(sdk, { exporterOf: mine, processorOf: other });
  const event = mine.createEvent({ type: 'flag', action: 'created' });
  const late = other.createEvent({ type: 'flag', action: 'deleted' });
  const span = tracer.startSpan('request');
  assert.equal(other.addEventToSpan(event, span), true);
  span.end();
  assert.equal(other.addEventToSpan(late, span), true);
  assert.deepEqual(await stored(), [event.id, late.id]);
}

/** A provider that samples nothing but has everything recorded, with our processor. */
function setUp(sdk, options = {}) {
  const { exporterOf = esm, processorOf = esm, sampled = false, late = false } = options;
  const sink = recordingSink();
  const exporter = new exporterOf.SinkSpanExporter({ sinks: { memory: sink } });
  const processors = new Beginning(new processorOf.AuditSpanProcessor(exporter), !late);
  const spanProcessors = [processors];
  if (options.stock) {
    const { BasicTracerProvider, BatchSpanProcessor } = sdk;
    spanProcessors.push(
      new esm.AuditSpanProcessor(exporter),
      // 3.x takes the exporter as a member of an object.
      new BatchSpanProcessor(BasicTracerProvider ? exporter : { exporter }),
    );
  }
  const provider = new (sdk.BasicTracerProvider ?? sdk.TracerProvider)({
    sampler: processorOf.alwaysRecord(ratioSampler(sdk, sampled ? 1 : 0)),
    spanProcessors,
    ...(options.spanLimits && { spanLimits: options.spanLimits }),
  });
  return {
    sink,
    provider,
    processors,
    tracer: provider.getTracer('compat'),
    /** The ids of all that reached the sink. */
    async stored() {
      await exporter.forceFlush();
      await exporter.shutdown();
      return sink.events.map(({ id }) => id);
    },
  };
}

function ratioSampler({ TraceIdRatioBasedSampler }, ratio) {
  if (TraceIdRatioBasedSampler) return new TraceIdRatioBasedSampler(ratio);
  // Should a version have no such class: what it decides at the two ends.
  return { shouldSample: () => ({ decision: ratio === 1 ? 2 : 0 }), toString: () => `${ratio}` };
}

/** Hands on to a processor once that has begun. */
class Beginning {
  #processor;
  #begun;

  constructor(processor, begun) {
    this.#processor = processor;
    this.#begun = begun;
  }

  begin() {
    this.#begun = true;
  }

  onStart(span, context) {
    if (this.#begun) this.#processor.onStart(span, context);
  }

  onEnd(span) {
    if (this.#begun) this.#processor.onEnd(span);
  }

  forceFlush() {
    return this.#processor.forceFlush();
  }

  shutdown() {
    return this.#processor.shutdown();
  }
}

const flagEvent = (payload = { key: 'a' }) =>
  createEvent({ type: 'flag', action: 'created', payload });

/** As another program might add it. */
const withoutId = () => ({
  'flipt.event.version': '0.2',
  'flipt.event.action': 'created',
  'flipt.event.type': 'flag',
  'flipt.event.timestamp': '2026-01-31T12:00:00Z',
});
