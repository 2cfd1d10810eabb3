import fs from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { createEvent } from '../../src/event/event.js';
import { SinkSpanExporter } from '../../src/exporter/exporter.js';
import { NO_HASH } from '../../src/ledger/record.js';
import { ledgerFolder } from '../support/ledger-folder.js';
import { signingKey } from '../support/signing-key.js';
import { DEMO_KEY, makeDemoLedger } from './support/demo-ledger.js';
import { otelAudit } from './support/otel-audit.js';

const folder = ledgerFolder();
const verify = (...args: string[]) => otelAudit(['verify', folder.path, ...args]);

beforeEach(() => makeDemoLedger(folder.path));

function written(name: string, text: string): string {
  const path = join(folder.path, '..', name);
  fs.writeFileSync(path, text);
  return path;
}

/** Cuts off the last record, and all that shows that it was there but the cursor of nobody. */
function truncate(): void {
  const file = folder.file('00000000000000000035.jsonl');
  const lines = fs.readFileSync(file, 'utf8').split('\n');
  fs.writeFileSync(file, `${lines.slice(0, -2).join('\n')}\n`);
  fs.rmSync(folder.file('checkpoints'), { recursive: true });
  fs.writeFileSync(folder.file('cursors/webhook.json'), '{"acknowledged":39}\n');
}

describe('otel-audit verify', () => {
  it('says that all is whole, with head, checkpoints and sinks', async () => {
    const { code, out, err } = await verify('--key', written('audit.pub', DEMO_KEY.public));
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toEqual([
      `✔ whole   ${folder.path}`,
      '  40 records, 1 to 40, 18.5 KiB',
      expect.stringMatching(/^ {2}head {2}[0-9a-f]{64}$/),
      expect.stringContaining(
        'checkpoint of 30 records by audit.example.com/shop, signature valid',
      ),
      expect.stringContaining(
        'checkpoint of 40 records by audit.example.com/shop, signature valid',
      ),
      '  sink warehouse has all up to 30',
      '  sink webhook has all up to 40',
    ]);
  });

  it('builds the tree with --full, whose root is that of the checkpoint', async () => {
    const [report] = (await verify('--full', '--json')).json;
    expect(report.root).toBe(report.checkpoints[1].root);
  });

  it('names the first record that is wrong, and how, with exit code 1', async () => {
    const file = folder.file('00000000000000000018.jsonl');
    const lines = fs.readFileSync(file, 'utf8').split('\n');
    fs.writeFileSync(file, lines.filter((_, n) => n !== 4).join('\n'));
    const { code, out } = await verify();
    expect(code).toBe(1);
    expect(out.slice(0, 3)).toEqual([
      `✘ broken  ${folder.path}`,
      expect.stringMatching(/^ {2}missing record 22 {2}/),
      `  in ${file}:5`,
    ]);
    const json = await verify('--json');
    expect(json.code).toBe(1);
    expect(json.json).toMatchObject([
      { ok: false, fault: { kind: 'missing', sequence: 22, line: 5 }, records: 21 },
    ]);
  });

  it('finds a cut-off end by a checkpoint that was kept elsewhere', async () => {
    const kept = fs.readFileSync(
      folder.file('checkpoints/00000000000000000040.checkpoint'),
      'utf8',
    );
    truncate();
    expect((await verify()).code).toBe(0); // the bare chain cannot show it
    const { code, out } = await verify('--checkpoint', written('kept', kept));
    expect(code).toBe(1);
    expect(out[1]).toMatch(/^ {2}truncated record 40 /);
  });

  it('says that a key has shown nothing where there is no checkpoint', async () => {
    const key = written('audit.pub', DEMO_KEY.public);
    fs.rmSync(folder.file('checkpoints'), { recursive: true });
    const { code, err } = await verify('--key', key);
    expect(code).toBe(0);
    expect(err).toContain(`${folder.path} has no checkpoint that the key has signed`);
  });

  it('finds a checkpoint that another key has signed', async () => {
    const { code, out } = await verify('--key', written('other.pub', signingKey().public));
    expect(code).toBe(1);
    expect(out[1]).toMatch(/^ {2}signature /);
  });

  it('looks at every slot, also at one that has lost its description', async () => {
    const parent = join(folder.path, '..', 'slots');
    for (const slot of ['0', '1']) await makeDemoLedger(join(parent, slot));
    expect((await otelAudit(['verify', parent, '--json'])).json).toMatchObject([
      { ok: true, directory: join(parent, '0') },
      { ok: true, directory: join(parent, '1') },
    ]);
    fs.rmSync(join(parent, '1', 'ledger.json'));
    const { code, json } = await otelAudit(['verify', parent, '--json']);
    expect(code).toBe(1);
    expect(json.map(({ ok }) => ok)).toEqual([true, false]);
    const kept = folder.file('checkpoints/00000000000000000040.checkpoint');
    const several = await otelAudit(['verify', parent, '--checkpoint', kept]);
    expect(several.code).toBe(2);
    expect(several.err).toContain('name the slot, as in DIR/0');
  });

  it('tells of a slot in whose place another one’s ledger is', async () => {
    const parent = join(folder.path, '..', 'slots');
    for (const [slot, origin] of [
      ['0', 'a.example/shop/0'],
      ['1', 'a.example/shop/0'],
    ] as const) {
      const checkpoint = { origin, key: DEMO_KEY.secret };
      const ledger = { directory: join(parent, slot), checkpoint };
      const exporter = new SinkSpanExporter({ ledger, sinks: {} });
      await exporter.sendAudits([createEvent({ type: 'flag', action: 'created' })]);
      await exporter.shutdown();
    }
    const { err } = await otelAudit(['verify', parent]);
    expect(err).toBe(
      `${join(parent, '1')} has checkpoints of a.example/shop/0: is it the ledger of another slot?\n`,
    );
  });

  it('tells of a slot that has gone', async () => {
    const parent = join(folder.path, '..', 'slots');
    for (const slot of ['0', '2']) await makeDemoLedger(join(parent, slot));
    const { code, err } = await otelAudit(['verify', parent]);
    expect(code).toBe(0);
    expect(err).toBe('not there: slot 1, though it was; was it moved away on purpose?\n');
  });

  it('looks at slots though somebody has put a ledger beside them', async () => {
    const parent = join(folder.path, '..', 'slots');
    await makeDemoLedger(join(parent, '0'));
    const first = { sequence: 1, previousHash: NO_HASH };
    const manifest = { format: 1, stream: 'x', createdAt: '2026-11-24T00:00:00Z', first };
    fs.writeFileSync(join(parent, 'ledger.json'), JSON.stringify(manifest));
    const { json } = await otelAudit(['verify', parent, '--json']);
    expect(json.map(({ directory, records }) => [directory, records])).toEqual([
      [parent, 0],
      [join(parent, '0'), 40],
    ]);
    const found = await otelAudit(['search', parent, 'payment:*']);
    expect(found.out).toEqual([expect.stringMatching(/^0\/18 /)]);
  });

  it('tells of one that was emptied, and does not pass over one that cannot be read', async () => {
    const parent = join(folder.path, '..', 'slots');
    await makeDemoLedger(join(parent, '0'));
    fs.mkdirSync(join(parent, '1'));
    expect((await otelAudit(['verify', parent])).err).toContain('not there: slot 1, though it was');
    fs.rmdirSync(join(parent, '1'));
    fs.symlinkSync('1', join(parent, '1')); // a link to itself
    const { code, err } = await otelAudit(['verify', parent]);
    expect(code).toBe(2);
    expect(err).toContain(`${join(parent, '1')} cannot be read: `);
    expect(err).toContain('ELOOP');
  });

  it('refuses what is no checkpoint, no key, no ledger', async () => {
    const none = written('none', 'nothing');
    for (const args of [
      ['--checkpoint', none],
      ['--key', none],
      ['--key', join(none, 'x')],
    ]) {
      const { code, out, err } = await verify(...args);
      expect({ code, out }).toEqual({ code: 2, out: [] });
      expect(err).toMatch(/^otel-audit: .*(none|key)/);
    }
    const { code, err } = await otelAudit(['verify', join(folder.path, '..')]);
    expect(code).toBe(2);
    expect(err).toMatch(/is no ledger: it holds neither ledger.json nor slots that do/);
  });
});
