import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { recordingSink } from '../../src/testing/recording-sink.js';
import { buildExporterLibrary, startExporterChild } from '../support/exporter-child.js';
import { exporterRig, idsOf } from '../support/exporter-rig.js';
import { verifyChain } from '../support/verify-chain.js';

const rig = exporterRig();
let folder: string;
let file: string;

beforeAll(() => {
  folder = fs.mkdtempSync(join(tmpdir(), 'exporter-child-'));
  buildExporterLibrary(folder);
});
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));
beforeEach(() => {
  file = join(rig.path, '..', 'audit.jsonl');
});

const start = (script: string) => startExporterChild(folder, [rig.path, file], script);

const stored = (): string[] =>
  fs.existsSync(file)
    ? fs
        .readFileSync(file, 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line).id)
    : [];

const FILE_SINK = "logSink({ file, fields: 'full' })";

describe('an application that ends by itself', () => {
  it.each([
    ['a ledger', 'ledger'],
    ['memory', 'ledger: undefined'],
  ])('has everything delivered before, from %s', async (_, option) => {
    const { exit } = start(`
      const exporter = new SinkSpanExporter({ ${option}, sinks: { file: ${FILE_SINK} } });
      const span = spanOf(exporter);
      addEventToSpan(flag('a'), span);
      addEventToSpan(flag('b'), span);
      span.end();
      setTimeout(() => addEventToSpan(flag('late'), span), 20);`);
    expect(await exit).toMatchObject({ code: 0 });
    expect(stored()).toEqual(['a', 'b', 'late']);
  });

  it('is held while a promise of ours is pending, and no longer', async () => {
    const { exit, lines } = start(`
      const exporter = new SinkSpanExporter({ ledger, sinks: { file: ${FILE_SINK} } });
      const [receipt] = await exporter.sendAudits([flag('a')], { until: 'delivered' });
      say('receipt ' + receipt.sequence);
      await exporter.sendAudits([flag('b'), {}]).catch(({ code }) => say(code));
      await exporter.sendAudits([flag('c')], { until: 'delivered', timeoutMs: 1e9 });
      await exporter.forceFlush();
      await exporter.shutdown();
      say('done');`);
    expect(await exit).toEqual({ code: 0, signal: null, stderr: '' });
    expect(lines).toEqual(['receipt 1', 'invalid-event', 'done']);
    expect(stored()).toEqual(['a', 'c']);
  });

  it('is held no longer than the deadline of a send', async () => {
    const { exit, lines } = start(`
      const exporter = new SinkSpanExporter({ ledger, sinks: { hung }, clock: fastClock });
      await exporter.sendAudits([flag('a')], { until: 'delivered' }).catch(({ code }) => say(code));`);
    expect(await exit).toMatchObject({ code: 0 });
    expect(lines).toEqual(['timeout']);
  });

  it('is held 10 s for a sink that is down, once; the next start delivers', async () => {
    const { exit } = start(`
      const exporter = new SinkSpanExporter({ ledger, sinks: { down, hung }, clock: fastClock });
      addEventToSpan(flag('a'), spanOf(exporter));`);
    const { code, stderr } = await exit;
    expect(code).toBe(0);
    expect(stderr.match(/not everything was delivered before the process ended/g)).toHaveLength(1);
    const [down, hung] = [recordingSink(), recordingSink()];
    await rig.open({ sinks: { down, hung } }).exporter.forceFlush();
    expect([...idsOf(down.events), ...idsOf(hung.events)]).toEqual(['a', 'a']);
  });

  it('hears what is lost, without a ledger', async () => {
    const { exit } = start(`
      const exporter = new SinkSpanExporter({ sinks: { hung }, onError: ({ message }) => say(message) });
      addEventToSpan(flag('a'), spanOf(exporter));
      setImmediate(() => process.exit(7));`);
    const { code, stderr } = await exit;
    expect(code).toBe(7);
    expect(stderr).toContain('1 event(s) end with the process, undelivered to sink hung');
  });

  it('tells onError too what is lost at the very end', async () => {
    const { exit, lines } = start(`
      const onError = ({ message }, { sink }) => say(sink + ': ' + message);
      const exporter = new SinkSpanExporter({ sinks: { hung }, onError });
      addEventToSpan(flag('a'), spanOf(exporter));
      process.exit();`);
    expect(await exit).toMatchObject({ code: 0 });
    expect(lines).toEqual(['hung: 1 event(s) end with the process, undelivered to sink hung']);
  });
});

describe('what was captured is in the ledger, and delivered by the next start, after', () => {
  it.each([
    ['process.exit in the same turn', 'process.exit(0);', 0],
    ['an uncaught exception in the same turn', "throw new Error('of the application');", 1],
    ['a rejection that nobody hears', "Promise.reject(new Error('of the application'));", 1],
    [
      'SIGKILL once the turn is over',
      "setImmediate(() => process.kill(process.pid, 'SIGKILL'));",
      null,
    ],
    [
      'SIGTERM without a handler',
      "setImmediate(() => process.kill(process.pid, 'SIGTERM')); setInterval(() => {}, 1000);",
      null,
    ],
    [
      'SIGTERM with the application’s handler',
      "process.on('SIGTERM', () => process.exit(3)); setImmediate(() => process.kill(process.pid, 'SIGTERM')); setInterval(() => {}, 1000);",
      3,
    ],
  ])('%s', async (_, end, expected) => {
    const { exit } = start(`
      const exporter = new SinkSpanExporter({ ledger, sinks: { siem: hung } });
      const span = spanOf(exporter);
      for (let n = 0; n < 100; n += 1) addEventToSpan(flag('event-' + n), span);
      ${end}`);
    expect((await exit).code).toBe(expected);
    const sink = recordingSink();
    const { exporter } = rig.open({ sinks: { siem: sink } });
    await exporter.forceFlush();
    const ids = Array.from({ length: 100 }, (_, n) => `event-${n}`);
    expect(idsOf(sink.events)).toEqual(ids);
    expect(verifyChain(rig.path).map(({ id }) => id)).toEqual(ids);
  });
});
