import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { recordingSink } from '../../src/testing/recording-sink.js';
import { diagLog } from '../support/diag-log.js';
import { buildExporterLibrary, startExporterChild } from '../support/exporter-child.js';
import {
  created,
  exporterRig,
  flags,
  heldSink,
  idsOf,
  rule,
  shutDown,
} from '../support/exporter-rig.js';
import { until } from '../support/settle.js';
import { verifyChain } from '../support/verify-chain.js';

diagLog();
const rig = exporterRig();
let folder: string;

beforeAll(() => {
  folder = fs.mkdtempSync(join(tmpdir(), 'exporter-child-'));
  buildExporterLibrary(folder);
});
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

const ledger = () => ({ directory: rig.path, slots: true });
const waiting = (slot: string) => rig.lines(rig.file(slot)).map(({ id }) => id);

const acknowledged = (slot: string, sink: string): number =>
  JSON.parse(fs.readFileSync(rig.file(slot, 'cursors', `${sink}.json`), 'utf8')).acknowledged;

/** A process that writes into the lowest free slot, and is killed before anything is delivered. */
async function killedWriter(...ids: string[]): Promise<void> {
  const child = startExporterChild(
    folder,
    [rig.path, ''],
    `
    const options = { ledger: { directory: ledger, slots: true }, sinks: { siem: hung } };
    const exporter = new SinkSpanExporter(options);
    await exporter.sendAudits(${JSON.stringify(ids)}.map(flag));
    say('ready');
    setInterval(() => {}, 1000);`,
  );
  await child.printed('ready');
  child.process.kill('SIGKILL');
  await child.exit;
}

describe('exporters with slots on one folder', () => {
  it('take the lowest free slot each, and deliver each its own', async () => {
    const [one, two] = [recordingSink(), recordingSink()];
    const first = rig.open({ sinks: { siem: one }, ledger: ledger() });
    const second = rig.open({ sinks: { siem: two }, ledger: ledger() });
    await first.exporter.sendAudits([created]);
    await second.exporter.sendAudits([rule]);
    await first.exporter.forceFlush();
    await second.exporter.forceFlush();
    expect([waiting('0'), waiting('1')]).toEqual([[created.id], [rule.id]]);
    expect([idsOf(one.events), idsOf(two.events)]).toEqual([[created.id], [rule.id]]);
    await first.exporter.shutdown();
    const third = rig.open({ sinks: { siem: recordingSink() }, ledger: ledger() });
    await third.exporter.sendAudits(flags(1));
    expect(waiting('0')).toHaveLength(2);
    expect(verifyChain(rig.file('0'))).toHaveLength(2);
  });

  it('go on with a slot whose writer was killed', async () => {
    await killedWriter('a', 'b');
    const sink = recordingSink();
    const { exporter } = rig.open({ sinks: { siem: sink }, ledger: ledger() });
    await exporter.sendAudits([created]);
    await exporter.forceFlush();
    expect(idsOf(sink.events)).toEqual(['a', 'b', created.id]);
    expect(verifyChain(rig.file('0'))).toHaveLength(3);
  });

  it('deliver what a killed writer left in its slot, beside their own, once', async () => {
    const child = startExporterChild(
      folder,
      [rig.path, ''],
      `
      const options = { ledger: { directory: ledger, slots: true }, sinks: { siem: hung, log: { ...hung } } };
      await new SinkSpanExporter(options).sendAudits(['a', 'b'].map(flag));
      say('ready');
      setInterval(() => {}, 1000);`,
    );
    await child.printed('ready');
    const [siem, log] = [recordingSink(), recordingSink()];
    const { exporter, clock, told } = rig.open({ sinks: { siem, log }, ledger: ledger() });
    await exporter.sendAudits([created]);
    await exporter.forceFlush();
    await clock.pass(30_000);
    expect(idsOf(siem.events)).toEqual([created.id]); // its writer lives
    child.process.kill('SIGKILL');
    await child.exit;
    await clock.pass(10_000);
    await until(() => siem.events.length === 3 && log.events.length === 3);
    expect(idsOf(siem.events)).toEqual([created.id, 'a', 'b']);
    expect(exporter.stats().sinks.siem).toMatchObject({ delivered: 3, backlog: 0 });
    // Done with it, it lets go of it. The cursors are saved in the disk's own time.
    await until(() => ['siem', 'log'].every((name) => acknowledged('0', name) === 2));
    while (fs.existsSync(rig.file('0', 'lock'))) await clock.pass(10_000);
    const touchedAt = fs.statSync(rig.file('0')).mtimeMs;
    await clock.pass(60_000);
    expect(fs.statSync(rig.file('0')).mtimeMs).toBe(touchedAt);
    expect(exporter.stats().sinks.siem).toMatchObject({ delivered: 3 });
    expect(told).toEqual([]);
    const next = recordingSink();
    const other = rig.open({ sinks: { siem: next, log: recordingSink() }, ledger: ledger() });
    await other.exporter.forceFlush();
    expect(next.events).toEqual([]);
    expect(verifyChain(rig.file('0')).map(({ id }) => id)).toEqual(['a', 'b']);
  });

  it('let go of a slot that they are draining when they are shut down', async () => {
    const holder = rig.open({ sinks: {}, ledger: ledger() });
    await killedWriter('a'); // in slot 1
    await holder.exporter.shutdown();
    const { sink, sends } = heldSink();
    const first = rig.open({ sinks: { siem: sink }, ledger: ledger() });
    await until(() => sends.length === 1);
    expect(fs.existsSync(rig.file('1', 'lock'))).toBe(true);
    await shutDown(first.exporter, first.clock);
    expect(fs.existsSync(rig.file('1', 'lock'))).toBe(false);
    expect(first.clock.monotonic()).toBeLessThanOrEqual(12_000);
    const stored = recordingSink();
    rig.open({ sinks: { siem: stored }, ledger: ledger() });
    await until(() => stored.events.length === 1);
  });

  it('leave a damaged slot alone, say so once, and drain the others', async () => {
    const holders = [1, 2, 3].map(() =>
      rig.open({ sinks: { siem: heldSink().sink }, ledger: ledger() }),
    );
    for (const { exporter } of holders) await exporter.sendAudits(flags(2));
    for (const { exporter, clock } of holders) await shutDown(exporter, clock);
    const segment = rig.file('1', '00000000000000000001.jsonl');
    fs.writeFileSync(segment, fs.readFileSync(segment, 'utf8').replace('flag', 'flog'));
    const sink = recordingSink();
    const { exporter, clock, told } = rig.open({ sinks: { siem: sink }, ledger: ledger() });
    await exporter.forceFlush();
    expect(sink.events).toHaveLength(2);
    await until(() => sink.events.length === 4);
    await clock.pass(60_000);
    expect(told).toMatchObject([
      { error: { code: 'ledger-corrupt', message: expect.stringContaining(segment) } },
    ]);
  });

  it('refuse a folder that is the ledger of one writer', async () => {
    const { exporter } = rig.open({ sinks: {} });
    await exporter.shutdown();
    expect(() => rig.open({ sinks: {}, ledger: ledger() })).toThrow(
      expect.objectContaining({
        code: 'invalid-option',
        message: expect.stringContaining(rig.file('0')),
      }),
    );
  });
});
