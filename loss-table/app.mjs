// node loss-table/app.mjs CONTENDER HAZARD FOLDER [--restart]: one application, in a process of its own.
import { join } from 'node:path';
import { ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import { createEvent, encodeEvent } from 'otel-audit';
import { contenders } from './contenders.mjs';
import { hazards } from './hazards.mjs';

const [contender, index, folder, flag] = process.argv.slice(2);
const hazard = hazards[Number(index)];
const isRestart = flag === '--restart';
const { sampler, processor } = contenders[contender]({
  file: join(folder, 'audit.jsonl'),
  ledger: join(folder, 'ledger'),
  hazard,
  isRestart,
});
const provider = new BasicTracerProvider({
  ...hazard.tracing,
  sampler,
  spanProcessors: [...(hazard.neighbours ?? []), processor],
});
const tracer = provider.getTracer('loss-table');
const text = 'x'.repeat(hazard.payloadBytes ?? 0);
let number = 0;

const app = {
  startSpan(parent) {
    const context = parent && trace.setSpanContext(ROOT_CONTEXT, parent);
    return tracer.startSpan('request', {}, context ?? ROOT_CONTEXT);
  },
  addEvent(span) {
    number += 1;
    const event = createEvent({ type: 'flag', action: 'created', payload: { number, text } });
    span.addEvent('event', encodeEvent(event));
  },
  shutdown: () => provider.shutdown(),
};

if (isRestart) {
  await app.shutdown();
} else {
  await hazard.record(app);
  await hazard.end(app);
}
