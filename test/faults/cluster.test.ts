import { describe, expect, it } from '@jest/globals';
import { recordingSink } from '../../src/testing/recording-sink.js';
import { diagLog } from '../support/diag-log.js';
import { exporterFolder } from '../support/exporter-folder.js';
import { live, pump } from '../support/pump.js';
import { slotsPrograms, startTeam, WRITERS } from '../support/slots-team.js';

const writers = slotsPrograms();
const folder = exporterFolder();
diagLog();

const COUNT = 100;

describe('four workers of a cluster on one folder of slots', () => {
  it('record side by side, each in a slot of its own, and all is delivered', async () => {
    const team = await startTeam(writers, 'cluster');
    await Promise.all(
      WRITERS.map(async (writer) => {
        await team.tell(writer, `record ${COUNT}`);
        await team.tell(writer, `capture ${COUNT}`);
      }),
    );
    await Promise.all(WRITERS.map((writer) => team.end(writer, 'end')));
    team.program.process.stdin!.end();
    expect([await team.program.end, await team.program.stderr]).toEqual([0, '']);
    const slots = team.slots();
    expect(Object.keys(slots)).toEqual(['0', '1', '2', '3']);
    expect(Object.values(slots).map((ids) => ids.length)).toEqual([200, 200, 200, 200]);
    const recorded = Object.values(slots).flat().sort();
    expect(recorded).toEqual(team.acknowledged().sort());
    expect(team.delivered().sort()).toEqual(recorded);
  });

  it('give the slot of one that was killed to the next, which delivers what it left', async () => {
    const team = await startTeam(writers, 'cluster');
    await Promise.all(WRITERS.map((writer) => team.tell(writer, `capture ${COUNT}`)));
    await team.kill('w2');
    await team.start('w5');
    await team.tell('w5', `record ${COUNT}`);
    const others = ['w1', 'w3', 'w4', 'w5'];
    await Promise.all(others.map((writer) => team.end(writer, 'end')));
    team.program.process.stdin!.end();
    expect([await team.program.end, await team.program.stderr]).toEqual([0, '']);
    const slots = team.slots();
    expect(Object.keys(slots)).toEqual(['0', '1', '2', '3']);
    const recorded = Object.values(slots).flat().sort();
    expect(recorded).toEqual(team.acknowledged().sort());
    expect([...new Set(team.delivered())].sort()).toEqual(recorded);
  });

  it('that were all killed leave nothing that one writer does not deliver', async () => {
    const team = await startTeam(writers, 'cluster', true);
    await Promise.all(WRITERS.map((writer) => team.tell(writer, `record ${COUNT}`)));
    await Promise.all(WRITERS.map((writer) => team.kill(writer)));
    team.program.process.stdin!.end();
    expect(await team.program.end).toBe(0);
    const sink = recordingSink();
    const { exporter, clock } = folder.open({
      ledger: { directory: team.directory, slots: true },
      sinks: { file: sink },
    });
    await live(clock, 60_000, 1000);
    await pump(clock, exporter.shutdown());
    expect(sink.events.map(({ id }) => id).sort()).toEqual(team.acknowledged().sort());
    expect(Object.values(team.slots()).flat().sort()).toEqual(team.acknowledged().sort());
  });
});
