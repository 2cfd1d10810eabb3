import { describe, expect, it } from '@jest/globals';
import type { AuditEvent } from '../../src/event/event.js';
import { type Sink, SinkError } from '../../src/sink.js';
import { diagLog } from '../support/diag-log.js';
import { eventsNamed, exporterFolder, idsOf } from '../support/exporter-folder.js';
import { live, pump } from '../support/pump.js';

const folder = exporterFolder();
diagLog();

const HOUR_MS = 3600 * 1000;
const STEP_MS = 10_000;

/** Answers "try later" to every batch that holds the poison, for ever. */
function poisonableSink(isPoison: (event: AuditEvent) => boolean) {
  const stored: string[] = [];
  const sink: Sink = {
    async sendAudits(events) {
      if (events.some(isPoison)) throw new SinkError('transient', 'try later');
      stored.push(...events.map(({ id }) => id));
    },
  };
  return { sink, stored };
}

describe('one event that makes its sink say "try later" for ever', () => {
  it('holds the others up for minutes only, and is a dead letter after a day', async () => {
    const { sink, stored } = poisonableSink(({ id }) => id === 'poison');
    const { exporter, clock } = folder.open({ sinks: { siem: sink } });
    const before = idsOf('before', 300);
    const after = idsOf('after', 300);
    await pump(clock, exporter.sendAudits(eventsNamed(...before, 'poison', ...after)));
    await live(clock, HOUR_MS, STEP_MS);
    expect([...stored].sort()).toEqual([...before, ...after].sort());
    const ids = [...before, ...after];
    for (let hour = 1; hour < 26; hour += 1) {
      ids.push(`hour-${hour}`);
      await pump(clock, exporter.sendAudits(eventsNamed(`hour-${hour}`)));
      await live(clock, HOUR_MS, STEP_MS);
      expect(stored).toContain(`hour-${hour}`);
      if (hour === 22) expect(folder.dead('siem')).toEqual([]);
    }
    expect([...stored].sort()).toEqual([...ids].sort());
    expect(folder.dead('siem')).toMatchObject([
      { reason: expect.stringContaining('try later'), record: { id: 'poison' } },
    ]);
    expect(exporter.stats()).toMatchObject({
      dropped: 0,
      sinks: { siem: { deadLetters: 1, lost: 0, backlog: 0 } },
    });
    expect(exporter.health()).toEqual({ ok: true, problems: [] });
  });

  it('is not forgotten by restarts, and is delivered when it is taken in the end', async () => {
    let isPoisonous = true;
    const { sink, stored } = poisonableSink(({ id }) => isPoisonous && id === 'poison');
    let { exporter, clock } = folder.open({ sinks: { siem: sink } });
    await pump(clock, exporter.sendAudits(eventsNamed('before', 'poison', 'after')));
    for (let start = 1; start <= 3; start += 1) {
      await live(clock, HOUR_MS, STEP_MS);
      expect([...stored].sort()).toEqual(['after', 'before']);
      expect(exporter.stats().sinks.siem).toMatchObject({ backlog: 1, deadLetters: 0 });
      await pump(clock, exporter.shutdown());
      ({ exporter, clock } = folder.open({ sinks: { siem: sink } }, clock));
    }
    isPoisonous = false;
    await pump(clock, exporter.forceFlush());
    expect(stored).toHaveLength(3);
    expect(stored).toContain('poison');
  });
});

it('while nothing gets through everything waits, for days', async () => {
  let isDown = true;
  const { sink, stored } = poisonableSink(() => isDown);
  const { exporter, clock } = folder.open({ sinks: { siem: sink } });
  const ids = idsOf('event', 20);
  await pump(clock, exporter.sendAudits(eventsNamed(...ids)));
  await live(clock, 72 * HOUR_MS, 3 * STEP_MS);
  expect(folder.dead('siem')).toEqual([]);
  isDown = false;
  await pump(clock, exporter.forceFlush());
  expect([...stored].sort()).toEqual([...ids].sort());
  expect(folder.dead('siem')).toEqual([]);
});
