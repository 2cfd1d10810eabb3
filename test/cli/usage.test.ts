import fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { COMMANDS } from '../../src/cli/commands/index.js';
import { parseOptions } from '../../src/cli/options.js';
import { ledgerFolder } from '../support/ledger-folder.js';
import { makeDemoLedger } from './support/demo-ledger.js';
import { otelAudit } from './support/otel-audit.js';

const folder = ledgerFolder();

describe('otel-audit', () => {
  it('explains itself, and each command', async () => {
    const { code, out } = await otelAudit(['--help']);
    expect(code).toBe(0);
    for (const { name, summary } of COMMANDS) {
      expect(out).toContainEqual(expect.stringMatching(new RegExp(`^ {2}${name} +`)));
      for (const args of [
        [name, '--help'],
        [name, '-h'],
        ['help', name],
      ]) {
        const help = await otelAudit(args);
        expect(help.code).toBe(0);
        expect(help.out[0]).toMatch(new RegExp(`^Usage: otel-audit ${name} DIR`));
        expect(help.out.join('\n').toLowerCase()).toContain(summary);
        expect(help.out.filter((line) => line.length > 120)).toEqual([]);
      }
    }
  });

  it('gives examples whose options there are', () => {
    for (const { name, example, options } of COMMANDS) {
      const [first, ...args] = example.split(' > ')[0]!.replaceAll("'", '').split(' ');
      expect(first).toBe(name);
      expect(parseOptions(args, options).positionals[0]).toBe('audit');
    }
  });

  it('names each option of a command in its help', () => {
    for (const { name, help, options } of COMMANDS) {
      const missing = Object.keys(options).filter((option) => !help.includes(`--${option}`));
      expect({ name, missing }).toEqual({ name, missing: [] });
    }
  });

  it.each<[string[], RegExp]>([
    [[], /^Usage: otel-audit COMMAND DIR/],
    [['verfy', 'x'], /there is no command "verfy": did you mean verify\?/],
    [['verify'], /verify takes DIR/],
    [['verify', 'a', 'b'], /verify takes DIR/],
    [['tail', 'none'], /none cannot be read: .*ENOENT/],
    [['search', 'none', '--frobnicate'], /Unknown option '--frobnicate'; there are --type, /],
    [['search', 'none', '--actr', 'x'], /Unknown option '--actr': did you mean --actor\?$/m],
    [['search', 'none', '--since', 'yesterday'], /--since must be a time .* not "yesterday"/],
    [['search', 'none', '--where', 'payload.key'], /--where takes a path and a value/],
    [['search', 'none', '--limit', '0'], /--limit must be a whole number from 1 on, not "0"/],
    [['tail', 'none', '-n', '-1'], /-n/],
    [['tail', 'none', 'flag'], /flag/],
    [['show', 'none'], /show takes DIR ID\|SEQ/],
    [['help', 'none'], /there is no command "none"/],
  ])('%j is wrong usage: exit code 2, nothing on stdout', async (args, message) => {
    const { code, out, err } = await otelAudit(args);
    expect({ code, out }).toEqual({ code: 2, out: [] });
    expect(err).toMatch(message);
    expect(err).not.toMatch(/\n\s+at /);
  });

  it('prints JSON with --json, a value a line, whatever the command', async () => {
    await makeDemoLedger(folder.path);
    const words: Record<string, string[]> = {
      show: ['7'],
      prove: ['7'],
      consistency: ['30'],
    };
    for (const { name } of COMMANDS) {
      if (name === 'replay') continue; // has its own test: it needs a sink
      const { code, json } = await otelAudit([name, folder.path, ...(words[name] ?? []), '--json']);
      expect({ name, code }).toEqual({ name, code: 0 });
      expect(json.length).toBeGreaterThan(0);
    }
  });

  it('shows a name that is no text for a terminal as escapes', async () => {
    const { err } = await otelAudit(['verify', join(folder.path, '\u001b[2J')]);
    expect(err).toContain('\\u001b[2J');
  });

  it('says which file is the matter where one cannot be read', async () => {
    await makeDemoLedger(folder.path);
    const file = folder.file('00000000000000000018.jsonl');
    fs.rmSync(file);
    fs.mkdirSync(file);
    const { code, err } = await otelAudit(['search', folder.path]);
    expect(code).toBe(1);
    expect(err).toContain(`${file} is no file`);
  });
});
