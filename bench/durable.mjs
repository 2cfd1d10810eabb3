// Durable events a second: each producer makes an event and waits for its receipt. Against a bare loop
// that makes the same event and line but hashes nothing, and against lmdb storing the same lines.
import { join } from 'node:path';
import { open } from 'lmdb';
import { createEvent, eventToJson, SinkSpanExporter } from 'otel-audit';
import { BareLog } from './bare-log.mjs';
import { withFolder } from './folders.mjs';
import { Goal, measure, ratios } from './harness.mjs';
import { actor, payloads } from './samples.mjs';

const PAYLOAD = payloads['300 B'];
const PREVIOUS = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const CASES = [
  { producers: 512, events: 40_000, againstBare: 0.65, againstLmdb: 0.7 },
  { producers: 64, events: 40_000, againstBare: 0.8, againstLmdb: 1 },
  { producers: 1, events: 3000, againstBare: 1, againstLmdb: 1.5 },
];

export function durable({ rounds, scale }) {
  return withFolder(async (folder) => {
    const goals = [];
    for (const { producers, events, againstBare, againstLmdb } of CASES) {
      const name = `${producers} producer${producers === 1 ? '' : 's'}`;
      const count = Math.max(producers, Math.round(events * scale));
      const exporter = new SinkSpanExporter({
        ledger: join(folder, `ours-${producers}`),
        sinks: {},
      });
      const bare = new BareLog(join(folder, `bare-${producers}.jsonl`));
      // By default its promises tell that others see a line; this way, that it is on disk.
      const lmdb = open({ path: join(folder, `lmdb-${producers}`), overlappingSync: false });
      let sequence = 0;
      const lineOf = () => {
        const event = makeEvent();
        sequence += 1;
        return `{"seq":${sequence},"prev":"${PREVIOUS}","at":"${event.timestamp}","id":"${event.id}","event":${eventToJson(event)}}\n`;
      };
      const run = (step) => () => nanosOfProducers(producers, count, step);
      const times = await measure(
        {
          ours: run(() => exporter.sendAudits([makeEvent()])),
          bare: run(() => bare.append(lineOf())),
          lmdb: run(() => {
            const line = lineOf();
            return lmdb.put(sequence, line);
          }),
        },
        rounds,
      );
      await exporter.shutdown();
      bare.close();
      await lmdb.close();
      const perSecond = (nanos) => Math.round(1e9 / median(nanos)).toLocaleString('en');
      console.log(
        `note  durable events/s, ${name}: ours ${perSecond(times.ours)}, bare ${perSecond(times.bare)}, lmdb ${perSecond(times.lmdb)}`,
      );
      goals.push(
        new Goal(`durable events/s, ${name}, against a bare loop`, ratios(times.bare, times.ours), {
          atLeast: againstBare,
        }),
        new Goal(`durable events/s, ${name}, against lmdb`, ratios(times.lmdb, times.ours), {
          atLeast: againstLmdb,
        }),
      );
    }
    return goals;
  });
}

function makeEvent() {
  return createEvent({ type: 'flag', action: 'created', actor, payload: PAYLOAD });
}

/** Nanoseconds for each of `count` events, shared among so many producers. */
async function nanosOfProducers(producers, count, step) {
  const share = Math.ceil(count / producers);
  const start = process.hrtime.bigint();
  await Promise.all(
    Array.from({ length: producers }, async () => {
      for (let n = 0; n < share; n += 1) await step();
    }),
  );
  return Number(process.hrtime.bigint() - start) / (share * producers);
}

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];
