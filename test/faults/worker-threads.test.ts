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

describe('four worker threads on one folder of slots', () => {
  it('record side by side, each in a slot of its own, and all is delivered', async () => {
    const team = await startTeam(writers, 'threads');
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
    expect(Object.values(slots).map((ids) => ids.length)).toEqual([200, 200, 200, 200]);
    const recorded = Object.values(slots).flat().sort();
    expect(recorded).toEqual(team.acknowledged().sort());
    expect(team.delivered().sort()).toEqual(recorded);
  });

  it('lose nothing when one exits, one throws, one is terminated and the process is killed', async () => {
    const team = await startTeam(writers, 'threads', true);
    await Promise.all(WRITERS.map((writer) => team.tell(writer, `capture ${COUNT}`)));
    await team.end('w1', 'exit');
    await team.end('w2', 'throw');
    await team.kill('w3');
    await team.tell('w4', `record ${COUNT}`);
    await team.program.kill();
    const acknowledged = [...team.acknowledged(), 'w1-last', 'w2-last'].sort();
    expect(Object.values(team.slots()).flat().sort()).toEqual(acknowledged);

    const sink = recordingSink();
    const { exporter, clock } = folder.open({
      ledger: { directory: team.directory, slots: true },
      sinks: { file: sink },
    });
    await live(clock, 60_000, 1000);
    await pump(clock, exporter.shutdown());
    expect(sink.events.map(({ id }) => id).sort()).toEqual(acknowledged);
  });
});
