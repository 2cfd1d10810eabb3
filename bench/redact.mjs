// What redaction costs an event on its way into a ledger: making it, adding it to a span, capture, line and
// hash, with ten paths of which four lead to something in the payload and two in the actor.
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import { AuditSpanProcessor, addEventToSpan, createEvent, SinkSpanExporter } from 'otel-audit';
import { withFolder } from './folders.mjs';
import { Goal, measure, ratios } from './harness.mjs';
import { actor, payloads } from './samples.mjs';

const EVENTS_A_SPAN = 20;
const EVENTS_A_TURN = 100;
const PATHS = [
  'metadata.actor.email',
  'metadata.actor.ip',
  'payload.description',
  'payload.rollout.salt',
  'payload.rollout.owner',
  'payload.rollout.percentage',
  'payload.password',
  'payload.user.ssn',
  'payload.card.number',
  'payload.headers["x-api-key"]',
];
const KEY = 'a key that is long enough for this';

export function redact({ rounds, scale }) {
  return withFolder(async (folder) => {
    const goals = [];
    for (const [size, payload] of Object.entries(payloads)) {
      const turns = Math.round(300 * scale);
      const init = { type: 'flag', action: 'created', actor, payload };
      const open = (name, options) => capturing(join(folder, `${name}-${size}`), options);
      const exporters = {
        clear: open('clear'),
        mask: open('mask', { paths: PATHS, mode: 'mask' }),
        remove: open('remove', { paths: PATHS, mode: 'remove' }),
        hmac: open('hmac', { paths: PATHS, mode: 'hmac', key: KEY }),
        credentials: open('credentials', { paths: ['credentials'], mode: 'mask' }),
      };
      const times = await measure(
        Object.fromEntries(
          Object.entries(exporters).map(([name, { tracer }]) => [
            name,
            () => nanosOf(tracer, turns, init),
          ]),
        ),
        rounds,
      );
      for (const { close } of Object.values(exporters)) await close();
      const against = (name) => ratios(times[name], times.clear);
      goals.push(
        new Goal(
          `emit into a ledger, ${size}, ten paths masked, time against none`,
          against('mask'),
          {
            atMost: 1.5,
          },
        ),
        new Goal('… removed', against('remove'), { atMost: 1.5 }),
        new Goal('… as HMACs, six of them', against('hmac'), {
          atMost: size === '300 B' ? 3.5 : 2.75, // an HMAC takes 2 µs
        }),
        new Goal('… credentials at any depth, of which there are none', against('credentials'), {
          atMost: 1.75,
        }),
      );
    }
    return goals;
  });
}

/** Nanoseconds an event, from making it to the end of the turn that writes it. */
async function nanosOf(tracer, turns, init) {
  const start = process.hrtime.bigint();
  for (let turn = 0; turn < turns; turn += 1) {
    for (let done = 0; done < EVENTS_A_TURN; done += EVENTS_A_SPAN) {
      const span = tracer.startSpan('request');
      for (let n = 0; n < EVENTS_A_SPAN; n += 1) addEventToSpan(createEvent(init), span);
      span.end();
    }
    await nextTurn();
  }
  return Number(process.hrtime.bigint() - start) / (turns * EVENTS_A_TURN);
}

function capturing(directory, redactOptions) {
  const exporter = new SinkSpanExporter({ ledger: directory, sinks: {}, redact: redactOptions });
  const provider = new BasicTracerProvider({ spanProcessors: [new AuditSpanProcessor(exporter)] });
  return {
    tracer: provider.getTracer('bench'),
    async close() {
      const { emitted, dropped, malformed } = exporter.stats();
      if (emitted === 0 || dropped > 0 || malformed > 0) throw new Error('not all were captured');
      await provider.shutdown();
    },
  };
}
