// Opening a large ledger cold, against a loop that reads its last segment and hashes the lines.
import { hash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { createEvent, SinkSpanExporter } from 'otel-audit';
import { withFolder } from './folders.mjs';
import { Goal, measure, ratios } from './harness.mjs';
import { actor, payloads } from './samples.mjs';

const BUFFER_BYTES = 2 ** 20;
const LF = 0x0a;

export function opening({ rounds, scale }) {
  return withFolder(async (folder) => {
    const directory = join(folder, 'ledger');
    const count = Math.round(1_000_000 * scale);
    await fill(directory, count);
    const times = await measure(
      {
        ours: async () => {
          const start = process.hrtime.bigint();
          const exporter = new SinkSpanExporter({ ledger: directory, sinks: {} });
          const nanos = Number(process.hrtime.bigint() - start);
          await exporter.shutdown();
          return nanos;
        },
        loop: () => {
          const start = process.hrtime.bigint();
          hashLines(join(directory, lastSegment(directory)));
          return Number(process.hrtime.bigint() - start);
        },
      },
      rounds,
    );
    return [
      new Goal(
        `opening ${count} records, time against hashing the last segment`,
        ratios(times.ours, times.loop),
        {
          atMost: 2.2,
        },
      ),
    ];
  });
}

async function fill(directory, count) {
  const exporter = new SinkSpanExporter({ ledger: directory, sinks: {} });
  for (let done = 0; done < count; done += 1000) {
    await exporter.sendAudits(
      Array.from({ length: 1000 }, () =>
        createEvent({ type: 'flag', action: 'created', actor, payload: payloads['300 B'] }),
      ),
    );
  }
  await exporter.shutdown();
}

function lastSegment(directory) {
  return readdirSync(directory)
    .filter((name) => name.endsWith('.jsonl'))
    .sort()
    .at(-1);
}

function hashLines(path) {
  const fd = openSync(path, 'r');
  const buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  const { size } = fstatSync(fd);
  let lines = 0;
  let held = 0;
  let last = '';
  for (let at = 0; at < size; ) {
    const count = readSync(fd, buffer, held, BUFFER_BYTES - held, at);
    at += count;
    const filled = held + count;
    let start = 0;
    for (;;) {
      const end = buffer.subarray(0, filled).indexOf(LF, start);
      if (end < 0) break;
      last = hash('sha256', buffer.subarray(start, end), 'hex');
      lines += 1;
      start = end + 1;
    }
    buffer.copyWithin(0, start, filled);
    held = filled - start;
  }
  closeSync(fd);
  if (lines === 0 || last === '') throw new Error('nothing was read');
}
