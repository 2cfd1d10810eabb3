import { expect, it } from '@jest/globals';
import type { AuditEvent } from '../../src/event/event.js';
import type { Sink } from '../../src/sink.js';
import { recordingSink } from '../../src/testing/recording-sink.js';
import { diagLog } from '../support/diag-log.js';
import { eventsNamed, exporterFolder } from '../support/exporter-folder.js';
import { type FakeClock, fakeClock } from '../support/fake-clock.js';
import { live, pump } from '../support/pump.js';

const folder = exporterFolder();
diagLog();

const HOUR_MS = 3600 * 1000;

/** The host's time of day may be set; what has passed stays what it was. */
function jumpingClock(): FakeClock & { jump(ms: number): void } {
  const clock = fakeClock();
  let offset = 0;
  return {
    ...clock,
    now: () => clock.now() + offset,
    get waiting() {
      return clock.waiting;
    },
    jump(ms) {
      offset += ms;
    },
  };
}

it('a clock that jumps an hour back and forth hurts neither chain, nor deadlines, nor order', async () => {
  const clock = jumpingClock();
  const stored: AuditEvent[] = [];
  let calls = 0;
  const flapping: Sink = {
    async sendAudits(events) {
      calls += 1;
      if (calls % 3 !== 0) throw new Error('try later');
      stored.push(...events);
    },
  };
  const { exporter } = folder.open({ sinks: { flapping } }, clock);
  const ids: string[] = [];
  for (let n = 0; n < 50; n += 1) {
    ids.push(`event-${n}`);
    const sent = exporter.sendAudits(eventsNamed(ids.at(-1)!), {
      until: 'delivered',
      timeoutMs: 60_000,
    });
    clock.jump(n % 2 === 0 ? HOUR_MS : -HOUR_MS);
    const [receipt] = await pump(clock, sent);
    expect(receipt).toMatchObject({ recordId: ids.at(-1), sequence: n + 1 });
    clock.jump(n % 3 === 0 ? -HOUR_MS : HOUR_MS / 2);
    await live(clock, 1000, 100);
  }
  expect(stored.map(({ id }) => id)).toEqual(ids);
  const lines = folder.lines();
  expect(lines.map(({ id }) => id)).toEqual(ids);
  // The records say what the clock said, jumps and all: order is told by their numbers.
  const times = lines.map(({ at }) => Date.parse(at));
  expect(times).not.toEqual([...times].sort((a, b) => a - b));
  expect(exporter.health()).toEqual({ ok: true, problems: [] });
});

it('a clock that jumps ahead has retention remove nothing that a sink has not got yet', async () => {
  const clock = jumpingClock();
  const siem = recordingSink();
  siem.failWith(new Error('down'));
  const file = recordingSink();
  const { exporter } = folder.open(
    {
      ledger: {
        directory: folder.path,
        maxSegmentBytes: 1024,
        retain: { maxAgeMs: HOUR_MS / 2 },
      },
      sinks: { file, siem },
    },
    clock,
  );
  const ids = Array.from({ length: 20 }, (_, n) => `event-${n}`);
  for (const id of ids) await pump(clock, exporter.sendAudits(eventsNamed(id)));
  await live(clock, 60_000, 1000);
  clock.jump(HOUR_MS);
  await live(clock, 60_000, 1000);
  expect(folder.lines().map(({ id }) => id)).toEqual(ids);
  siem.failWith();
  await pump(clock, exporter.forceFlush());
  expect(siem.events.map(({ id }) => id)).toEqual(ids);
  await live(clock, 60_000, 1000);
  // Now they may go, and the shortened ledger is whole.
  expect(folder.lines().length).toBeLessThan(ids.length);
});
