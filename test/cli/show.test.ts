import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { createEvent } from '../../src/event/event.js';
import { leafHash } from '../../src/evidence/merkle.js';
import { SinkSpanExporter } from '../../src/exporter/exporter.js';
import { ledgerFolder } from '../support/ledger-folder.js';
import { makeDemoLedger } from './support/demo-ledger.js';
import { otelAudit } from './support/otel-audit.js';

const folder = ledgerFolder();
const show = (...args: string[]) => otelAudit(['show', folder.path, ...args]);
const row = (out: readonly string[], name: string) =>
  out.find((line) => line.startsWith(`${name} `))?.slice(10);

describe('otel-audit show', () => {
  it('shows a record by its number and by its id, with hash, proof and what changed', async () => {
    await makeDemoLedger(folder.path);
    const { code, out } = await show('17');
    expect(code).toBe(0);
    const lines = fs.readFileSync(folder.file('00000000000000000001.jsonl'), 'utf8').split('\n');
    const hash = createHash('sha256').update(lines[16]!).digest('hex');
    expect(out[0]).toBe('flag:updated');
    expect(row(out, 'record')).toBe('17');
    expect(row(out, 'hash')).toBe(hash);
    expect(row(out, 'chain')).toBe('the next record holds this hash');
    expect(row(out, 'proof')).toMatch(/^in the checkpoint of 40 records, by \d hashes$/);
    expect(row(out, 'file')).toBe(folder.file('00000000000000000001.jsonl'));
    const at = out.indexOf('changes');
    expect(out.slice(at, at + 3)).toEqual([
      'changes',
      '  ~ /enabled: false → true',
      '  ~ /rollout: 10 → 26',
    ]);
    expect((await show(row(out, 'id')!)).out).toEqual(out);
    const [json] = (await show('17', '--json')).json;
    expect(json).toMatchObject({
      record: JSON.parse(lines[16]!),
      hash,
      chained: true,
      proof: { kind: 'proof', holds: true, proof: { sequence: 17, size: 40 } },
    });
  });

  it('says what covers the newest record, and that a ledger has no checkpoints', async () => {
    const exporter = new SinkSpanExporter({ ledger: folder.path, sinks: {} });
    await exporter.sendAudits([createEvent({ type: 'flag', action: 'created' })]);
    await exporter.shutdown();
    const { out } = await show('1');
    expect(row(out, 'chain')).toBe('the newest record: only its receipt and checkpoints cover it');
    expect(row(out, 'proof')).toBe('the ledger has no checkpoints');
    expect((await show('1', '--json')).json).toMatchObject([
      { chained: null, proof: { kind: 'none' } },
    ]);
  });

  it('does not take the hashes in the folder for what was signed', async () => {
    await makeDemoLedger(folder.path);
    const file = folder.file('00000000000000000035.jsonl');
    const text = fs.readFileSync(file, 'utf8').replace('new39@', 'eve39@'); // record 40, the newest
    fs.writeFileSync(file, text);
    const hashes = folder.file('checkpoints/hashes/0-0000000000');
    const leaves = fs.readFileSync(hashes);
    Buffer.from(leafHash(Buffer.from(text.trimEnd().split('\n').at(-1)!)), 'latin1').copy(
      leaves,
      39 * 32,
    );
    fs.writeFileSync(hashes, leaves);
    expect(row((await show('40')).out, 'proof')).toMatch(/^not what is in the checkpoint of 40/);
  });

  it('shows numbers as they were recorded, however large', async () => {
    const exporter = new SinkSpanExporter({ ledger: folder.path, sinks: {} });
    await exporter.sendAudits([
      createEvent({ type: 'flag', action: 'created', payload: { n: 1 } }),
    ]);
    await exporter.shutdown();
    // A payload that came as text, from a span, stays as it came.
    const file = folder.file('00000000000000000001.jsonl');
    const text = fs.readFileSync(file, 'utf8').replace('{"n":1}', '{"n":12345678901234567890}');
    fs.writeFileSync(file, text);
    const { out } = await show('1');
    expect(out.join('\n')).toContain('12345678901234567890');
  });

  it('names slots where several have the number', async () => {
    for (const slot of ['0', '1']) await makeDemoLedger(join(folder.path, slot));
    const both = await show('5');
    expect(both.out.filter((line) => line.startsWith('record '))).toEqual([
      'record    0/5',
      'record    1/5',
    ]);
    expect(row((await show('1/5')).out, 'record')).toBe('1/5');
  });

  it.each(['41', '1/5', 'no-such-id'])('has no record %s', async (name) => {
    await makeDemoLedger(folder.path);
    const { code, out, err } = await show(name);
    expect({ code, out }).toEqual({ code: 2, out: [] });
    expect(err).toBe(`otel-audit: ${folder.path} has no record "${name}"\n`);
  });
});

describe('otel-audit stats', () => {
  beforeEach(() => makeDemoLedger(folder.path));

  it('counts by pair, actor and outcome over time, with lanes, dead letters and disk', async () => {
    const [stats] = (await otelAudit(['stats', folder.path, '--json'])).json;
    expect(stats).toMatchObject({
      records: 40,
      malformed: 0,
      first: '2026-11-23T08:00:00.000Z',
      last: '2026-11-25T00:57:00.000Z',
      statuses: [
        { key: 'success', count: 34 },
        { key: 'denied', count: 5 },
        { key: 'failed', count: 1 },
      ],
      lanes: [
        { sink: 'warehouse', acknowledged: 30, backlog: 10, setAside: 0, deadLetters: 0 },
        { sink: 'webhook', acknowledged: 40, backlog: 0, setAside: 0, deadLetters: 1 },
      ],
    });
    const { timeline, pairs } = stats;
    expect(timeline).toMatchObject({
      from: '2026-11-23T06:00:00.000Z',
      stepMs: 21_600_000,
      steps: 8,
    });
    const sum = (counts: number[]) => counts.reduce((a, b) => a + b, 0);
    expect(sum(timeline.records)).toBe(40);
    for (const { count, over } of pairs) expect(sum(over)).toBe(count);
    const sizes = fs
      .readdirSync(folder.path, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => fs.statSync(join(entry.parentPath, entry.name)).size);
    expect(stats.diskBytes).toBe(sum(sizes));
  });

  it('counts a part of the time', async () => {
    const args = ['stats', folder.path, '--since', '2026-11-25', '--json'];
    expect((await otelAudit(args)).json).toMatchObject([
      { records: 1, first: '2026-11-25T00:57:00.000Z' },
    ]);
    const none = await otelAudit(['stats', folder.path, '--since', '2027-01-01']);
    expect(none.code).toBe(0);
    expect(none.out[0]).toMatch(/^0 record\(s\), /);
  });
});

describe('otel-audit dead', () => {
  beforeEach(() => makeDemoLedger(folder.path));

  it('lists what a sink refused, with the reason', async () => {
    const { code, out } = await otelAudit(['dead', folder.path]);
    expect(code).toBe(0);
    expect(out).toEqual([
      expect.stringMatching(/^18 .*payment:refunded +failed +linus@example.com/),
      '  webhook  HTTP 422: "amount" must be positive',
      '  2026-11-24T01:51:00.000Z, 1 attempt(s)',
    ]);
    expect((await otelAudit(['dead', folder.path, 'webhook', '--json'])).json).toMatchObject([
      { sink: 'webhook', attempts: 1, record: { seq: 18 } },
    ]);
  });

  it('says which sinks have some where the one that is named has none', async () => {
    const { code, out, err } = await otelAudit(['dead', folder.path, 'warehouse']);
    expect({ code, out }).toEqual({ code: 0, out: [] });
    expect(err).toBe('sink warehouse has no dead letters; sinks that have: webhook\n');
  });
});
