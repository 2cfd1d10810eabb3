import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { createEvent } from '../../src/event/event.js';
import { SinkSpanExporter } from '../../src/exporter/exporter.js';
import { builtCommand, hasPython, screenOf } from './support/command.js';
import { makeDemoLedger } from './support/demo-ledger.js';

const command = builtCommand();
const inTerminal = hasPython || process.env.CI ? describe : describe.skip;
const ESCAPE = '\u001b';

let demo = '';
beforeAll(async () => {
  demo = join(command.folder, 'demo');
  await makeDemoLedger(demo);
});

/** Runs it to its end. */
async function ran(...[args, options]: Parameters<typeof command.start>) {
  const running = command.start(args, options);
  const code = await running.end;
  return { code, shown: running.shown, err: running.err };
}

inTerminal('in a pseudo-terminal (needs python3)', () => {
  it('shows colours, and a line a record that fits the window', async () => {
    const { code, shown } = await ran(['tail', demo, '-n', '3'], { columns: 100 });
    expect(code).toBe(0);
    expect(shown).toContain(`${ESCAPE}[36mflag:updated`);
    const lines = screenOf(shown).slice(0, -1);
    expect(lines.map((line) => line.split(' ')[0])).toEqual(['38', '39', '40']);
    expect(lines.filter((line) => [...line].length > 100)).toEqual([]);
    expect(lines[1]).toMatch(/flag:deleted +denied +linus@example.com +\{.*…$/);
  });

  it.each([{ NO_COLOR: '1' }, { TERM: 'dumb' }])('shows no colours with %j', async (env) => {
    const { code, shown } = await ran(['stats', demo], { columns: 100, env });
    expect(code).toBe(0);
    expect(shown).toContain('40 record(s)');
    expect(shown).not.toContain(ESCAPE);
  });

  it('follows until Ctrl-C, which is a good end', async () => {
    const running = command.start(['tail', '-f', demo, '-n', '1'], { columns: 120 });
    await running.until('member:invited');
    running.type('\u0003');
    expect(await running.end).toBe(0);
  });

  it('goes a person’s way: what is broken, which record, who it was', async () => {
    const copy = join(command.folder, 'copy');
    fs.cpSync(demo, copy, { recursive: true });
    const file = join(copy, '00000000000000000018.jsonl');
    fs.writeFileSync(file, fs.readFileSync(file, 'utf8').replace('"amount":-5', '"amount":50'));
    const verified = await ran(['verify', copy], { columns: 120 });
    expect(verified.code).toBe(1);
    expect(screenOf(verified.shown).slice(0, 2)).toEqual([
      `✘ broken  ${copy}`,
      expect.stringMatching(/^ {2}altered record 18 /),
    ]);
    const shown = await ran(['show', copy, '18'], { columns: 120 });
    expect(shown.code).toBe(0);
    expect(screenOf(shown.shown)).toEqual(
      expect.arrayContaining([
        'who       linus@example.com',
        expect.stringMatching(/^chain +the next record holds another hash/),
        expect.stringMatching(/^proof +not what is in the checkpoint of 40 records/),
      ]),
    );
  });

  it('lets no event drive the terminal, forge a line or hide in one', async () => {
    const ledger = join(command.folder, 'hostile');
    const hostile = 'a\r\nb\u001b[2J\u001b]0;owned\u0007\u009b31m\u202egpj\u2028\u200b\ud800';
    const wide = '寬'.repeat(400);
    const exporter = new SinkSpanExporter({ ledger, sinks: {} });
    await exporter.sendAudits([
      createEvent({
        type: 'flag',
        action: 'created',
        actor: { email: hostile, [hostile]: hostile },
        payload: { before: { [hostile]: 1 }, after: { [hostile]: hostile, wide } },
        status: hostile,
        id: 'gpj\u202e',
      }),
    ]);
    await exporter.shutdown();
    const harmless = async (...[name, ...rest]: readonly string[]) => {
      const { code, shown } = await ran([name!, ledger, ...rest], { columns: 80 });
      expect(code).toBe(0);
      expect(shown).toMatch(/\\u000|\\r\\n/);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: colours, the only sequences of ours
      const plain = shown.replace(/\u001b\[\d+m/g, '');
      expect(plain).not.toMatch(/[^\r\n\u0020-\u007e\u00a0-\u1fff\u2010-\u2027\u2030-\uffff]/);
      expect(plain).not.toMatch(/\r(?!\n)|[^\r]\n|\u202e|\u200b|\u2028/);
      return shown;
    };
    for (const name of ['tail', 'search', 'stats', 'show']) {
      await harmless(name, ...(name === 'show' ? ['1'] : []), '--json');
    }
    for (const args of [['tail'], ['search'], ['stats'], ['show', '1']]) {
      const shown = await harmless(...args);
      // No line of ours is longer than the window: a terminal would go on at the left margin.
      const widths = screenOf(shown).map((line) => line.replace(/寬/g, 'xx').length);
      expect(Math.max(...widths)).toBeLessThanOrEqual(80);
    }
  });
});

describe('in a pipe', () => {
  it('shows no colours and no notes between the lines', async () => {
    const { code, shown, err } = await ran(['search', demo, '--actor', 'linus@example.com']);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(shown.trimEnd().split('\n')).toHaveLength(6);
    expect(shown).not.toContain(ESCAPE);
  });

  it('ends quietly when its reader goes', async () => {
    const ledger = join(command.folder, 'long');
    const exporter = new SinkSpanExporter({ ledger, sinks: {} });
    const events = Array.from({ length: 3000 }, (_, n) =>
      createEvent({ type: 'flag', action: 'created', payload: { n, text: 'x'.repeat(200) } }),
    );
    await exporter.sendAudits(events);
    await exporter.shutdown();
    const running = command.start(['search', ledger, '--json']);
    await running.until('\n');
    running.process.stdout!.destroy();
    expect(await running.end).toBe(0);
    expect(running.err).toBe('');
  });

  const itIfFull = fs.existsSync('/dev/full') ? it : it.skip;
  itIfFull('says that its output cannot be written (needs /dev/full)', async () => {
    const program = `exec "$0" "$@" > /dev/full`;
    const { status, stderr } = spawnSync(
      'sh',
      ['-c', program, process.execPath, command.path, 'stats', demo],
      { encoding: 'utf8' },
    );
    expect(status).toBe(2);
    expect(stderr).toMatch(/^otel-audit: the output cannot be written: ENOSPC/m);
  });

  it('tells its version', async () => {
    expect(await ran(['--version'])).toEqual({ code: 0, shown: '1.2.3\n', err: '' });
  });
});
