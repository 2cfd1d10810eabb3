// Encoding as otlpSink does it, from events to protobuf, against OpenTelemetry's own serializer fed with
// the same records ready made.
import { ProtobufLogsSerializer } from '@opentelemetry/otlp-transformer';
import { createEvent, decodeEvent, encodeEvent } from 'otel-audit';
import { Goal, measure, nanosEach, ratios } from './harness.mjs';
import { internal } from './internal.mjs';
import { actor, payloads } from './samples.mjs';

/** The inside of the sink. */
const { toLogBatch } = await internal('sinks/otlp/batch.ts');

const BATCH = 512; // a lane's batch
const EVENTS = 20 * BATCH;
const resource = { attributes: { 'service.name': 'bench', 'service.version': '1.0.0' } };
const observed = [1_769_860_800, 0];

export async function otlp({ rounds, scale }) {
  const goals = [];
  for (const [size, payload] of Object.entries(payloads)) {
    const count = Math.ceil((EVENTS * scale) / BATCH) * BATCH;
    const { events, infos } = sampleBatch(payload);
    const ready = toLogBatch(events, infos, () => observed, resource).records;
    const times = await measure(
      {
        ours: () =>
          encode(count, () => toLogBatch(events, infos, () => observed, resource).records),
        ready: () => encode(count, () => ready),
      },
      rounds,
    );
    const what = `OTLP encoding, mapping included, against ready records, ${size}`;
    goals.push(new Goal(what, ratios(times.ready, times.ours), { atLeast: 0.7 }));
  }
  return goals;
}

function encode(count, records) {
  return nanosEach(count, () => {
    for (let done = 0; done < count; done += BATCH) {
      ProtobufLogsSerializer.serializeRequest(records());
    }
  });
}

function sampleBatch(payload) {
  const events = Array.from({ length: BATCH }, () => {
    const { event } = decodeEvent(
      encodeEvent(createEvent({ type: 'flag', action: 'updated', actor, payload })),
    );
    const trace = {
      traceId: '0af7651916cd43dd8448eb211c80319c',
      spanId: 'b7ad6b7169203331',
      traceFlags: 1,
    };
    return Object.freeze({ ...event, trace });
  });
  const hash = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
  const infos = events.map((_, index) => ({
    sequence: index + 1,
    hash,
    previousHash: hash,
    stream: '3f0c5a8e-9f5d-4a53-9d3f-6f6c1f0b7c11',
    recordedAt: '2026-01-31T12:00:00.000Z',
  }));
  return { events, infos };
}
