// The body of a request made from a template, against JSON.stringify of the same body.
import { createEvent } from 'otel-audit';
import { Goal, measure, nanosEach, ratios } from './harness.mjs';
import { internal } from './internal.mjs';
import { actor, payloads } from './samples.mjs';

/** The sink's own step, without its requests. */
const { parseBody } = await internal('sinks/template/body.ts');

/** Flipt's example, and what Flipt Cloud is sent. */
const BODIES = {
  words: {
    template: '{"event": "{{ .Type }} {{ .Action }}", "timestamp": "{{ .Timestamp }}"}',
    plain: ({ type, action, timestamp }) => ({ event: `${type} ${action}`, timestamp }),
  },
  all: {
    template:
      '{"type": "{{ .Type }}", "action": "{{ .Action }}", "actor": {{ toJson .Metadata.Actor }}, "payload": {{ toJson .Payload }}}',
    plain: ({ type, action, metadata, payload }) => ({
      type,
      action,
      actor: metadata.actor,
      payload,
    }),
  },
};

export async function template({ rounds, scale }) {
  const goals = [];
  for (const [name, size, least] of [
    ['words', '300 B', 60_000],
    ['all', '300 B', 30_000],
    ['all', '2 KB', 8_000],
  ]) {
    const count = Math.round(least * scale);
    const events = Array.from({ length: 512 }, (_, n) =>
      createEvent({ type: 'flag', action: 'created', actor, payload: { ...payloads[size], n } }),
    );
    const { template: text, plain } = BODIES[name];
    const body = parseBody(text);
    let length = 0;
    const times = await measure(
      {
        ours: () =>
          nanosEach(count, () => {
            for (let n = 0; n < count; n += 1) length += body.render(events[n % 512]).length;
          }),
        bare: () =>
          nanosEach(count, () => {
            for (let n = 0; n < count; n += 1) {
              length += JSON.stringify(plain(events[n % 512])).length;
            }
          }),
      },
      rounds,
    );
    if (length === 0) throw new Error('nothing was rendered');
    goals.push(
      new Goal(
        `template of ${name}, ${size}, speed against JSON.stringify`,
        ratios(times.bare, times.ours),
        { atLeast: 0.5 },
      ),
    );
  }
  return goals;
}
