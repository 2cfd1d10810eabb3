// kafkaSink against its bare client, which sends the same bytes, encoded before, in the same batches to the
// same broker; and its two encoders against JSON.stringify of the same event.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createEvent } from 'otel-audit';
import { kafkaSink } from 'otel-audit/sinks/kafka';
import { folders } from '../scripts/kafka/places.mjs';
import { Goal, measure, nanosEach, ratios } from './harness.mjs';
import { internal } from './internal.mjs';
import { actor, payloads } from './samples.mjs';

const BATCH = 512; // a lane's batch
const PARTITIONS = 3;
/** So few that both have the same of what else the machine does. */
const BATCHES_IN_TURN = 5;
/** The first batches measure the compiler, and the broker's. */
const WARM_UP_BATCHES = 100;
const context = { signal: new AbortController().signal, attempt: 1 };

export async function kafka(settings) {
  return [...(await encoding(settings)), ...(await sending(settings))];
}

async function encoding({ rounds, scale }) {
  const { encodeProtobuf } = await internal('sinks/kafka/protobuf.ts');
  const { encodeAvro } = await internal('sinks/kafka/avro.ts');
  const { ByteSink, REUSED_BYTES } = await internal('sinks/kafka/byte-sink.ts');
  const count = BATCH * Math.ceil(80 * scale);
  const goals = [];
  for (const [size, payload] of Object.entries(payloads)) {
    const events = sampleEvents(payload);
    const remarks = {};
    const values = new ByteSink(REUSED_BYTES);
    const each = (encode) => () =>
      nanosEach(count, () => {
        for (let done = 0; done < count; done += BATCH) {
          values.lease();
          for (const event of events) encode(event, values, remarks);
          values.release();
        }
      });
    const times = await measure(
      {
        json: each((event) => JSON.stringify(event)),
        protobuf: each(encodeProtobuf),
        avro: each(encodeAvro),
      },
      rounds,
    );
    for (const name of ['protobuf', 'avro']) {
      const what = `Kafka ${name} encoding against JSON.stringify, ${size}`;
      goals.push(new Goal(what, ratios(times.json, times[name]), { atLeast: 0.7 }));
    }
  }
  return goals;
}

async function sending({ rounds, scale }) {
  if (!existsSync(folders.kafka) || spawnSync('java', ['-version']).status !== 0) {
    console.warn(
      'no Kafka, or no Java, to measure with: node scripts/fetch-kafka.mjs fetches the former',
    );
    return [];
  }
  const script = fileURLToPath(new URL('../scripts/kafka.mjs', import.meta.url));
  const broker = spawn(process.execPath, [script, '--no-registry'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [line] = await once(createInterface({ input: broker.stdout }), 'line');
  const { bootstrapServers } = JSON.parse(line);
  const goals = [];
  for (const encoding of ['protobuf', 'avro']) {
    const events = sampleEvents(payloads['300 B']);
    const topic = `bench-${encoding}`;
    const sink = kafkaSink({
      topic,
      encoding,
      bootstrapServers: [bootstrapServers],
      createTopic: { partitions: PARTITIONS },
    });
    const send = () => sink.sendAudits(events, context);
    await send(); // makes the topic
    const bare = await bareClient(bootstrapServers, topic, events, encoding);
    for (let n = 0; n < WARM_UP_BATCHES; n += 1) {
      await send();
      await bare.send();
    }
    const turns = Math.ceil(12 * scale);
    const times = { ours: [], bare: [] };
    for (let round = 0; round < rounds; round += 1) {
      const took = await inTurns({ ours: send, bare: bare.send }, turns);
      for (const name of Object.keys(times)) times[name].push(took[name]);
    }
    await sink.close();
    await bare.close();
    const fastest = Math.min(...times.ours);
    const perSecond = Math.round((turns * BATCHES_IN_TURN * BATCH) / (fastest / 1e9) / 1000);
    const what = `Kafka ${encoding}, encoding included, against the bare client (up to ${perSecond} k events/s)`;
    goals.push(new Goal(what, ratios(times.bare, times.ours), { atLeast: 0.85 }));
  }
  broker.stdin.end();
  await once(broker, 'exit');
  return goals;
}

/** What each takes for its turns, in nanoseconds. */
async function inTurns(senders, turns) {
  const names = Object.keys(senders);
  const took = Object.fromEntries(names.map((name) => [name, 0]));
  for (let turn = 0; turn < turns; turn += 1) {
    for (const name of turn % 2 === 0 ? names : [...names].reverse()) {
      const start = process.hrtime.bigint();
      for (let done = 0; done < BATCHES_IN_TURN; done += 1) await senders[name]();
      took[name] += Number(process.hrtime.bigint() - start);
    }
  }
  return took;
}

/** Sends what the sink sends, to where it sends it, all of it ready: key, value, headers and partition. */
async function bareClient(bootstrapServers, topic, events, encoding) {
  const { compatibilityPartitioner, Producer } = await import('@platformatic/kafka');
  const { ByteSink } = await internal('sinks/kafka/byte-sink.ts');
  const { toRecord } = await internal('sinks/kafka/record.ts');
  const producer = new Producer({
    clientId: 'bare',
    bootstrapBrokers: [bootstrapServers],
    idempotent: true,
    retries: 2,
  });
  const values = new ByteSink();
  const messages = events.map((event) => {
    const { key: text, value, headers } = toRecord(event, event.type, encoding, values);
    const key = Buffer.from(text);
    const named = headers.map(([name, text]) => [Buffer.from(name), Buffer.from(text)]);
    const partition = compatibilityPartitioner({}, key) % PARTITIONS;
    return { topic, partition, key, value, headers: new Map(named) };
  });
  return {
    send: () => producer.send({ messages }),
    close: () => producer.close(),
  };
}

function sampleEvents(payload) {
  return Array.from({ length: BATCH }, () =>
    createEvent({ type: 'flag', action: 'updated', actor, payload }),
  );
}
