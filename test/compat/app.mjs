// What a service does with the package, whatever its SDK. `run.mjs` copies this file to a folder where
// the bare names below lead to the built package and to the SDK in question.
import assert from 'node:assert/strict';
import { ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { addEventToSpan, createEvent, eventToJson, SinkSpanExporter } from 'otel-audit';
import { recordingSink } from 'otel-audit/testing';
import { checkCapture } from './capture.mjs';
import { checkRules } from './rules.mjs';

const ACTIONS = ['created', 'updated', 'deleted'];

/** Asserts that the package works with `@opentelemetry/<name>`. */
export async function checkSdk(name) {
  const sdk = await import(`@opentelemetry/${name}`);
  await deliversThrough(sdk, 'SimpleSpanProcessor');
  await deliversThrough(sdk, 'BatchSpanProcessor');
  await deliversOnShutdown(sdk);
  await reportsFailure(sdk);
  await refusesAfterShutdown(sdk);
  await checkCapture(sdk);
  await checkRules(sdk);
}

async function deliversThrough(sdk, processor) {
  const { exporter, sink, provider, results } = setUp(sdk, processor);
  const tracer = provider.getTracer('compat');
  const parent = tracer.startSpan('request');
  const inner = tracer.startSpan('handler', {}, trace.setSpan(ROOT_CONTEXT, parent));
  const sent = ACTIONS.map((action) => createEvent({ type: 'flag', action, payload: { action } }));
  assert.equal(addEventToSpan(sent[0], inner), true);
  assert.equal(addEventToSpan(sent[1], inner), true);
  inner.addEvent('cache.miss', { key: 'none of ours' });
  assert.equal(addEventToSpan(sent[2], parent), true);
  inner.end();
  parent.end();
  assert.equal(addEventToSpan(sent[2], parent), false, 'an ended span records nothing');

  await provider.forceFlush();
  assert.deepEqual(sink.events.map(toJson), sent.map(toJson), `${processor} delivers in order`);
  assert.deepEqual(
    sink.events.map(({ id }) => id),
    sent.map(({ id }) => id),
  );
  const { traceId, spanId } = inner.spanContext();
  assert.equal(sink.events[0].trace.traceId, traceId);
  assert.equal(sink.events[0].trace.spanId, spanId);
  assert.ok(results.every(({ code }) => code === 0));
  assert.equal(exporter.stats().sinks.memory.delivered, 3);

  await provider.shutdown();
  assert.equal(sink.closed, true, `${processor} hands the shutdown on`);
}

async function deliversOnShutdown(sdk) {
  const { sink, provider } = setUp(sdk, 'BatchSpanProcessor');
  emit(provider);
  await provider.shutdown();
  assert.equal(sink.events.length, 1, 'what waited is delivered by the shutdown');
  assert.equal(sink.closed, true);
}

async function reportsFailure(sdk) {
  const { exporter, sink, provider, results } = setUp(sdk, 'BatchSpanProcessor', {
    delivery: { maxElapsedMs: 50, backoff: { initialMs: 10, maxMs: 10 } },
  });
  sink.failWith(new Error('disk full'));
  emit(provider);
  // Some versions reject the flush then, others tell the global error handler; the result is what counts.
  await provider.forceFlush().catch(() => {});
  assert.equal(results.length, 1);
  assert.equal(results[0].code, 1, 'a batch that is not stored is FAILED');
  assert.match(results[0].error.message, /memory.*disk full/);
  assert.equal(exporter.health().ok, false);

  sink.failWith();
  emit(provider);
  await provider.forceFlush();
  assert.equal(results[1].code, 0);
  assert.equal(sink.events.length, 1);
  assert.equal(exporter.health().ok, true);
  await provider.shutdown();
}

async function refusesAfterShutdown(sdk) {
  const { exporter, sink, provider } = setUp(sdk, 'SimpleSpanProcessor');
  const span = provider.getTracer('compat').startSpan('request');
  addEventToSpan(createEvent({ type: 'flag', action: 'created' }), span);
  await provider.shutdown();
  const result = await new Promise((resolve) => exporter.export([span], resolve));
  assert.equal(result.code, 1, 'an export after shutdown is FAILED');
  assert.equal(sink.events.length, 0);
  assert.equal(exporter.stats().dropped, 1, 'and counted');
}

/** A provider whose exporter notes the result of each export. */
function setUp(sdk, processor, options = {}) {
  const sink = recordingSink();
  const exporter = new SinkSpanExporter({ sinks: { memory: sink }, ...options });
  const results = [];
  const noting = {
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        results.push(result);
        done(result);
      }),
    forceFlush: () => exporter.forceFlush(),
    shutdown: () => exporter.shutdown(),
  };
  // 3.x renamed the provider, and its processors take an object.
  const { BasicTracerProvider, TracerProvider, [processor]: Processor } = sdk;
  const provider = BasicTracerProvider
    ? new BasicTracerProvider({ spanProcessors: [new Processor(noting)] })
    : new TracerProvider({ spanProcessors: [new Processor({ exporter: noting })] });
  return { exporter, sink, provider, results };
}

function emit(provider) {
  const span = provider.getTracer('compat').startSpan('request');
  assert.equal(addEventToSpan(createEvent({ type: 'flag', action: 'created' }), span), true);
  span.end();
}

const toJson = (event) => eventToJson(event);
