// Whether a hung sink slows a fast one down, and what a backlog costs the heap.
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createEvent, SinkSpanExporter } from 'otel-audit';
import { withFolder } from './folders.mjs';
import { Goal, measure, ratios } from './harness.mjs';
import { actor, payloads } from './samples.mjs';

const EVENTS_A_TURN = 100;

export function lanes(settings) {
  return withFolder(async (folder) => [
    await besideHung(folder, settings),
    await backlog(folder, settings),
  ]);
}

async function besideHung(folder, { rounds, scale }) {
  const count = Math.round(40_000 * scale);
  const alone = withSinks(join(folder, 'alone'), ['fast']);
  const beside = withSinks(join(folder, 'beside'), ['fast', 'hung']);
  const times = await measure(
    { alone: () => alone.nanosEach(count), beside: () => beside.nanosEach(count) },
    rounds,
  );
  await Promise.all([alone.close(), beside.close()]);
  return new Goal(
    'a fast sink’s events/s beside a hung one, against alone',
    ratios(times.alone, times.beside),
    {
      atLeast: 0.95,
    },
  );
}

/** An exporter with these sinks; `hung` never settles what it is sent, until it is aborted. */
function withSinks(directory, names) {
  let stored = 0;
  let onStored;
  const sinks = {
    fast: {
      async sendAudits(events) {
        stored += events.length;
        onStored?.();
      },
    },
    hung: {
      sendAudits: (_, { signal }) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason));
        }),
    },
  };
  const exporter = new SinkSpanExporter({
    ledger: directory,
    sinks: Object.fromEntries(names.map((name) => [name, sinks[name]])),
    delivery: { maxDelayMs: 0 },
  });
  return {
    /** Nanoseconds an event, from the first one made to the last one stored by the fast sink. */
    async nanosEach(count) {
      const last = stored + count;
      const start = process.hrtime.bigint();
      await sendAll(exporter, count);
      await new Promise((resolve) => {
        onStored = () => {
          if (stored >= last) resolve();
        };
        onStored();
      });
      return Number(process.hrtime.bigint() - start) / count;
    },
    close: () => exporter.shutdown(),
  };
}

async function backlog(folder, { scale }) {
  const count = Math.round(1_000_000 * scale);
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc');
  const heap = () => {
    collect();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  const exporter = new SinkSpanExporter({
    ledger: join(folder, 'backlog'),
    sinks: {
      down: {
        async sendAudits() {
          throw new Error('the sink is down');
        },
      },
    },
  });
  await sendAll(exporter, 10_000);
  const before = heap();
  await sendAll(exporter, count);
  const after = heap();
  const { backlog } = exporter.stats().sinks.down;
  if (backlog < count) throw new Error(`the backlog is ${backlog} only`);
  await exporter.shutdown();
  return new Goal(
    `heap growth for a backlog of ${count} events`,
    [Math.max(0.01, (after - before) / 2 ** 20)],
    {
      atMost: 64,
    },
    'MiB',
  );
}

/** Hands over so many events, each turn some, and no more at a time than the disk keeps up with. */
async function sendAll(exporter, count) {
  let receipts;
  for (let sent = 0; sent < count; sent += EVENTS_A_TURN) {
    const events = Array.from({ length: EVENTS_A_TURN }, () =>
      createEvent({ type: 'flag', action: 'created', actor, payload: payloads['300 B'] }),
    );
    const earlier = receipts;
    receipts = exporter.sendAudits(events);
    await earlier;
  }
  await receipts;
}
