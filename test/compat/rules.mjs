// Rules over ordinary spans and the provider for tests, whatever the SDK.
import assert from 'node:assert/strict';
import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { addEventToSpan, createEvent, spanRules } from 'otel-audit';
import { memoryProvider } from 'otel-audit/testing';

/** Asserts that a rule reads of an SDK's span what it should. */
export async function checkRules(sdk) {
  const rules = spanRules([
    {
      match: { 'http.request.method': 'POST', 'url.path': '/flags' },
      name: { prefix: 'POST' },
      type: 'flag',
      action: 'created',
      outcomes: ['success', 'failed'],
      actor: { name: { attribute: 'enduser.id' } },
    },
  ]);
  const audit = memoryProvider(sdk.BasicTracerProvider ?? sdk.TracerProvider, { rules });
  const tracer = audit.provider.getTracer('http');
  const attributes = { 'http.request.method': 'POST', 'url.path': '/flags', 'enduser.id': 'ann' };
  const endTime = new Date('2026-01-31T12:00:00.500Z');
  const startTime = new Date('2026-01-31T12:00:00.000Z');
  for (const kind of [SpanKind.SERVER, SpanKind.CLIENT]) {
    const span = tracer.startSpan('POST /flags', { kind, attributes, startTime });
    span.end(endTime);
  }
  const failed = tracer.startSpan('POST /flags', { kind: SpanKind.SERVER, attributes });
  failed.setStatus({ code: SpanStatusCode.ERROR });
  addEventToSpan(createEvent({ type: 'token', action: 'deleted' }), failed);
  failed.end();
  assert.deepEqual(
    audit.events.map(({ type, status, metadata }) => [type, status, metadata.actor?.name]),
    [
      ['flag', 'success', 'ann'],
      ['token', 'success', undefined],
      ['flag', 'failed', 'ann'],
    ],
  );
  assert.equal(audit.events[0].timestamp, '2026-01-31T12:00:00.500Z');
  await audit.shutdown();
}
