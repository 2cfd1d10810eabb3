// Verifying a ledger, against a bare loop that reads its segments and hashes each line; and appending with
// checkpoints against appending without.
import { generateKeyPairSync, hash } from 'node:crypto';
import { closeSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { createEvent, SinkSpanExporter } from 'otel-audit';
import { verifyLedger } from 'otel-audit/evidence';
import { withFolder } from './folders.mjs';
import { Goal, measure, ratios } from './harness.mjs';
import { actor, payloads } from './samples.mjs';

const BUFFER_BYTES = 2 ** 20;
const LF = 0x0a;
const PRODUCERS = 512;

export function evidence({ rounds, scale }) {
  return withFolder(async (folder) => [
    ...(await verifying(folder, rounds, Math.round(200_000 * scale))),
    ...(await appending(folder, rounds, Math.round(60_000 * scale))),
  ]);
}

const checkpointOption = () => ({
  origin: 'audit.example/bench',
  key: generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }),
});

async function verifying(folder, rounds, count) {
  const [plain, signed] = ['plain', 'signed'].map((name) => join(folder, name));
  await fill(plain, count);
  await fill(signed, count, checkpointOption());
  const timed = (work) => async () => {
    const start = process.hrtime.bigint();
    const records = await work();
    if (records !== count) throw new Error(`${records} records in place of ${count}`);
    return Number(process.hrtime.bigint() - start) / count;
  };
  const recordsOf = async (directory) => (await verifyLedger(directory)).records;
  const times = await measure(
    {
      chain: timed(() => recordsOf(plain)),
      tree: timed(() => recordsOf(signed)),
      loop: timed(() => hashLines(plain)),
    },
    rounds,
  );
  const perSecond = (nanos) => Math.round(1e9 / median(nanos)).toLocaleString('en');
  console.log(
    `note  records/s: verify ${perSecond(times.chain)}, with checkpoints ${perSecond(times.tree)}, bare loop ${perSecond(times.loop)}`,
  );
  return [
    new Goal('verify, records/s against a bare loop', ratios(times.loop, times.chain), {
      atLeast: 0.7,
    }),
    new Goal('verify with checkpoints, the same', ratios(times.loop, times.tree), {
      atLeast: 0.7,
    }),
  ];
}

async function appending(folder, rounds, count) {
  const goals = [];
  for (const [name, step] of [
    ['one by one', 1],
    ['in batches of 100', 100],
  ]) {
    const open = (checkpoint) =>
      new SinkSpanExporter({
        ledger: { directory: join(folder, `${step}-${checkpoint ? 'on' : 'off'}`), checkpoint },
        sinks: {},
      });
    const exporters = { off: open(), on: open(checkpointOption()) };
    const run = (exporter) => () => nanosOfProducers(exporter, count, step);
    const times = await measure({ off: run(exporters.off), on: run(exporters.on) }, rounds);
    for (const exporter of Object.values(exporters)) await exporter.shutdown();
    goals.push(
      new Goal(
        `durable events/s, ${PRODUCERS} producers ${name}, checkpoints on against off`,
        ratios(times.off, times.on),
        { atLeast: 0.85 },
      ),
    );
  }
  return goals;
}

async function nanosOfProducers(exporter, count, step) {
  const share = Math.ceil(count / step / PRODUCERS);
  const start = process.hrtime.bigint();
  await Promise.all(
    Array.from({ length: PRODUCERS }, async () => {
      for (let n = 0; n < share; n += 1) {
        await exporter.sendAudits(Array.from({ length: step }, makeEvent));
      }
    }),
  );
  return Number(process.hrtime.bigint() - start) / (share * PRODUCERS * step);
}

function makeEvent() {
  return createEvent({ type: 'flag', action: 'created', actor, payload: payloads['300 B'] });
}

async function fill(directory, count, checkpoint) {
  const exporter = new SinkSpanExporter({ ledger: { directory, checkpoint }, sinks: {} });
  for (let done = 0; done < count; done += 1000) {
    const size = Math.min(1000, count - done);
    await exporter.sendAudits(Array.from({ length: size }, makeEvent));
  }
  await exporter.shutdown();
}

function hashLines(directory) {
  let lines = 0;
  for (const name of readdirSync(directory).sort()) {
    if (name.endsWith('.jsonl')) lines += hashFile(join(directory, name));
  }
  return lines;
}

function hashFile(path) {
  const fd = openSync(path, 'r');
  const buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  let lines = 0;
  let held = 0;
  for (;;) {
    const count = readSync(fd, buffer, held, BUFFER_BYTES - held, null);
    if (count === 0) break;
    const filled = held + count;
    let start = 0;
    for (;;) {
      const end = buffer.indexOf(LF, start);
      if (end < 0 || end >= filled) break;
      hash('sha256', buffer.subarray(start, end), 'hex');
      lines += 1;
      start = end + 1;
    }
    buffer.copyWithin(0, start, filled);
    held = filled - start;
  }
  closeSync(fd);
  return lines;
}

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];
