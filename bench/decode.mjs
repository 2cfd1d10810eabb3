// From attributes to a line of JSON: ours validates the texts and splices them; the usual
// way parses them, builds the event and prints it again.
import { createEvent, decodeEvent, encodeEvent, eventToJson } from 'otel-audit';
import { Goal, measure, nanosEach, ratios } from './harness.mjs';
import { actor, payloads } from './samples.mjs';

export async function decode({ rounds, scale }) {
  const goals = [];
  for (const [size, payload] of Object.entries(payloads)) {
    const count = Math.round((size === '300 B' ? 60_000 : 15_000) * scale);
    // Texts that this process did not make with encodeEvent, so that each has to be validated.
    const attributes = Array.from({ length: 512 }, (_, n) => ({
      ...encodeEvent(createEvent({ type: 'flag', action: 'created', actor })),
      'flipt.event.payload': JSON.stringify({ ...payload, n }),
    }));
    let length = 0;
    const times = await measure(
      {
        ours: () =>
          nanosEach(count, () => {
            for (let n = 0; n < count; n += 1) {
              const decoded = decodeEvent(attributes[n % 512]);
              length += eventToJson(decoded.event).length;
            }
          }),
        parsed: () =>
          nanosEach(count, () => {
            for (let n = 0; n < count; n += 1) length += parseAndPrint(attributes[n % 512]).length;
          }),
      },
      rounds,
    );
    if (length === 0) throw new Error('nothing was decoded');
    goals.push(
      new Goal(
        `decode and validate ${size}, speed against parse and print`,
        ratios(times.parsed, times.ours),
        {
          atLeast: 1.3,
        },
      ),
    );
  }
  return goals;
}

function parseAndPrint(attributes) {
  return JSON.stringify({
    version: attributes['flipt.event.version'],
    type: attributes['flipt.event.type'],
    action: attributes['flipt.event.action'],
    metadata: { actor: JSON.parse(attributes['flipt.event.metadata.actor']) },
    payload: JSON.parse(attributes['flipt.event.payload']),
    timestamp: attributes['flipt.event.timestamp'],
    status: attributes['flipt.event.status'],
  });
}
