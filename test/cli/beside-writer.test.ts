import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { buildExporterLibrary, startExporterChild } from '../support/exporter-child.js';
import { builtCommand, hasPython, screenOf } from './support/command.js';
import { otelAudit } from './support/otel-audit.js';

const command = builtCommand();
const inTerminal = hasPython || process.env.CI ? it : it.skip;
beforeAll(() => buildExporterLibrary(command.folder));

/** Writes until it is killed: rolls its segments, and lets old ones go. */
const WRITER = `
const exporter = new SinkSpanExporter({
  ledger: { directory: ledger, maxSegmentBytes: 64 * 1024, retain: { maxBytes: 1024 * 1024 } },
  sinks: {},
});
for (let n = 1; ; n += 1) {
  const events = Array.from({ length: 20 }, (_, i) =>
    createEvent({ type: 'flag', action: i === 0 ? 'deleted' : 'created', payload: { n, i } }));
  await exporter.sendAudits(events);
  if (n === 200) say('filled');
}
`;

/** Writes one record for each word that it is told, then waits. */
const TELLER = (...words: string[]) => `
const exporter = new SinkSpanExporter({ ledger: { directory: ledger, maxSegmentBytes: 2048 }, sinks: {} });
for (const word of ${JSON.stringify(words)}) {
  await exporter.sendAudits([createEvent({ type: 'word', action: 'said', payload: { word } })]);
}
say('said');
setInterval(() => {}, 1000);
`;

describe('beside a process that writes', () => {
  it('every command works, and nothing is found to be broken', async () => {
    const ledger = join(command.folder, 'busy');
    const writer = startExporterChild(command.folder, [ledger, ''], WRITER);
    await writer.printed('filled');
    for (let round = 0; round < 3; round += 1) {
      for (const args of [
        ['verify', ledger],
        ['stats', ledger],
        ['search', ledger, 'flag:deleted'],
        ['tail', ledger, '-n', '50'],
        ['dead', ledger],
      ]) {
        const running = command.start([...args, '--json']);
        const code = await running.end;
        expect({ args, code, err: running.err }).toEqual({ args, code: 0, err: '' });
        const lines = running.shown.split('\n').slice(0, -1);
        for (const line of lines) expect(() => JSON.parse(line)).not.toThrow();
        if (args[0] === 'verify') expect(JSON.parse(lines[0]!)).toMatchObject({ ok: true });
        if (args[0] === 'tail') expect(lines).toHaveLength(50);
      }
    }
    writer.process.kill('SIGKILL');
    await writer.exit;
    const { first } = (await otelAudit(['verify', ledger, '--json'])).json[0];
    expect(first).toBeGreaterThan(1); // it has let go of segments meanwhile
  });

  inTerminal(
    'tail -f goes on when the writer is killed and started again (needs python3)',
    async () => {
      const ledger = join(command.folder, 'killed');
      const start = (...words: string[]) =>
        startExporterChild(command.folder, [ledger, ''], TELLER(...words));
      const words = (from: number) => Array.from({ length: 20 }, (_, n) => `word-${from + n}`);
      const first = start(...words(100));
      await first.printed('said');
      const tail = command.start(['tail', '-f', ledger, '-n', '1'], { columns: 120 });
      await tail.until('word-119');
      first.process.kill('SIGKILL');
      await first.exit;
      const second = start(...words(200));
      await tail.until('word-219');
      second.process.kill('SIGKILL');
      await second.exit;
      tail.type('\u0003');
      expect(await tail.end).toBe(0);
      const shown = screenOf(tail.shown).flatMap(
        (line) => /"word":"([^"]+)"/.exec(line)?.[1] ?? [],
      );
      expect(shown).toEqual(['word-119', ...words(200)]);
    },
  );
});
