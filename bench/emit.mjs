// What one audit event costs the request that records it, against the floor: the JSON texts that any
// solution must make, and `addEvent` with attributes that lie ready.
import { randomUUID } from 'node:crypto';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import { addEventToSpan, createEvent, encodeEvent } from 'otel-audit';
import { Goal, measure, nanosEach, ratios } from './harness.mjs';
import { actor, payloads } from './samples.mjs';

const EVENTS_A_SPAN = 20;

export async function emit({ rounds, scale }) {
  const tracer = new BasicTracerProvider().getTracer('bench');
  const onSpans = (count, add) => {
    for (let done = 0; done < count; done += EVENTS_A_SPAN) {
      const span = tracer.startSpan('request');
      for (let n = 0; n < EVENTS_A_SPAN; n += 1) add(span);
    }
  };
  const goals = [];
  for (const [size, payload] of Object.entries(payloads)) {
    const count = Math.round(40_000 * scale);
    const ready = encodeEvent(createEvent({ type: 'flag', action: 'created', actor, payload }));
    let length = 0;
    const contenders = {
      floor: (span) => {
        length += JSON.stringify(actor).length + JSON.stringify(payload).length;
        span.addEvent('event', ready);
      },
      ours: (span) => {
        addEventToSpan(createEvent({ type: 'flag', action: 'created', actor, payload }), span);
      },
      byHand: (span) => {
        span.addEvent('event', {
          'flipt.event.version': '0.2',
          'flipt.event.action': 'created',
          'flipt.event.type': 'flag',
          'flipt.event.timestamp': new Date().toISOString(),
          'flipt.event.status': 'success',
          'flipt.event.metadata.actor': JSON.stringify(actor),
          'flipt.event.payload': JSON.stringify(payload),
          'flipt.event.id': randomUUID(),
        });
      },
    };
    const times = await measure(
      Object.fromEntries(
        Object.entries(contenders).map(([name, add]) => [
          name,
          () => nanosEach(count, () => onSpans(count, add)),
        ]),
      ),
      rounds,
    );
    if (length === 0) throw new Error('the floor did nothing');
    goals.push(
      new Goal(`emit ${size}, time against the floor`, ratios(times.ours, times.floor), {
        atMost: size === '300 B' ? 1.45 : 1.2,
      }),
      new Goal(`emit ${size}, time against by hand`, ratios(times.ours, times.byHand), {
        atMost: 1,
      }),
    );
  }
  return goals;
}
