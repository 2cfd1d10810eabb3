import { expect, it } from '@jest/globals';
import { type Sink, SinkError } from '../../src/sink.js';
import { recordingSink } from '../../src/testing/recording-sink.js';
import { diagLog } from '../support/diag-log.js';
import { eventsNamed, exporterFolder } from '../support/exporter-folder.js';
import { live, pump } from '../support/pump.js';

const folder = exporterFolder();
diagLog();

it('a sink with wrong credentials for an hour gets everything once they are right', async () => {
  const behind = recordingSink();
  let attempts = 0;
  let areWrong = true;
  const siem: Sink = {
    async sendAudits(events, context) {
      attempts += 1;
      if (areWrong) throw new SinkError('sink', '401 Unauthorized');
      await behind.sendAudits(events, context);
    },
  };
  const file = recordingSink();
  const { exporter, clock, errors } = folder.open({ sinks: { file, siem } });
  const ids: string[] = [];
  for (let minute = 0; minute < 60; minute += 1) {
    ids.push(`minute-${minute}`);
    await pump(clock, exporter.sendAudits(eventsNamed(ids.at(-1)!)));
    await live(clock, 60_000, 1000);
  }
  expect(behind.events).toEqual([]);
  expect(file.events.map(({ id }) => id)).toEqual(ids);
  const [problem] = exporter.health().problems;
  expect(problem).toMatchObject({
    sink: 'siem',
    message: expect.stringContaining('401 Unauthorized'),
    waiting: 60,
  });
  expect(problem!.forMs).toBeGreaterThan(59 * 60_000);
  // With half of the jitter: every 15 s in the end. Neither silence nor a storm.
  expect(attempts).toBeGreaterThan(120);
  expect(attempts).toBeLessThan(400);
  expect(errors.every(({ message }) => message.includes('401 Unauthorized'))).toBe(true);
  expect(folder.dead('siem')).toEqual([]);

  areWrong = false;
  await pump(clock, exporter.forceFlush());
  expect(behind.events.map(({ id }) => id)).toEqual(ids);
  expect(exporter.health()).toEqual({ ok: true, problems: [] });
  expect(exporter.stats().sinks.siem).toMatchObject({ deadLetters: 0, lost: 0, backlog: 0 });
});
