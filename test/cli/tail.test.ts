import fs from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { createEvent } from '../../src/event/event.js';
import { SinkSpanExporter } from '../../src/exporter/exporter.js';
import { headOf } from '../../src/ledger/record.js';
import { keep, ledgerFolder } from '../support/ledger-folder.js';
import { makeDemoLedger } from './support/demo-ledger.js';
import { otelAudit, type Ran } from './support/otel-audit.js';

const folder = ledgerFolder();
const following = new Set<AbortController>();
afterEach(() => {
  for (const controller of following) controller.abort();
  following.clear();
});

const numbersOf = ({ json }: Ran) => json.map(({ seq }) => seq);
const idsOf = ({ json }: Ran) => json.map(({ id }) => id);

/** Follows until it has shown a record of this id. */
function follow(...args: string[]) {
  const controller = new AbortController();
  following.add(controller);
  const seen: string[] = [];
  const waiting = new Map<string, () => void>();
  const ran = otelAudit(['tail', '-f', folder.path, '--json', ...args], {
    signal: controller.signal,
    onLine(line) {
      const { id } = JSON.parse(line) as { id: string };
      seen.push(id);
      waiting.get(id)?.();
    },
  });
  return {
    seen,
    shown: (id: string) =>
      new Promise<void>((resolve) => {
        if (seen.includes(id)) resolve();
        else waiting.set(id, resolve);
      }),
    async end() {
      controller.abort();
      const { code } = await ran;
      expect(code).toBe(0);
    },
  };
}

describe('otel-audit tail', () => {
  it('shows the newest records, ten where nothing else is said, across segments', async () => {
    await makeDemoLedger(folder.path);
    expect(numbersOf(await otelAudit(['tail', folder.path, '--json']))).toEqual([
      31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
    ]);
    expect(numbersOf(await otelAudit(['tail', folder.path, '--json', '-n', '1000']))).toHaveLength(
      40,
    );
    expect(numbersOf(await otelAudit(['tail', folder.path, '--json', '-n0']))).toEqual([]);
  });

  it('takes pairs and what search takes', async () => {
    await makeDemoLedger(folder.path);
    const numbers = async (...args: string[]) =>
      numbersOf(await otelAudit(['tail', folder.path, '--json', ...args]));
    expect(await numbers('-n3', 'flag:deleted')).toEqual([25, 32, 39]);
    expect(await numbers('payment:*')).toEqual([18]);
    expect(await numbers('-n2', '--until', '2026-11-24')).toEqual([15, 16]);
    expect(await numbers('-n2', '--since', '2026-11-25')).toEqual([40]);
    expect(await numbers('--since', '2027-01-01')).toEqual([]);
  });

  it('shows no line in the making, and lines of any length', async () => {
    const { ledger } = folder.open();
    ledger.append({
      id: 'long',
      event: createEvent({ type: 'a', action: 'b', id: 'long', payload: 'x'.repeat(3_000_000) }),
    });
    await keep(ledger, 'short');
    await ledger.close();
    fs.appendFileSync(folder.file(folder.segments()[0]!), headOf(3, '0'.repeat(64), '2026'));
    expect(idsOf(await otelAudit(['tail', folder.path, '--json']))).toEqual(['long', 'short']);
    expect(idsOf(await otelAudit(['tail', folder.path, '--json', '-n1']))).toEqual(['short']);
  });

  it('shows the records of all slots by time', async () => {
    const parent = folder.path;
    for (const slot of ['0', '1']) await makeDemoLedger(join(parent, slot));
    const { out } = await otelAudit(['tail', parent, '-n', '4']);
    expect(out.map((line) => line.split(' ')[0])).toEqual(['0/39', '1/39', '0/40', '1/40']);
  });
});

describe('otel-audit tail -f', () => {
  it('goes on across rolls of the segment, and shows each record once', async () => {
    const { ledger } = folder.open({ maxSegmentBytes: 1024 });
    await keep(ledger, 'a', 'b');
    const tail = follow('-n1');
    await tail.shown('b');
    const ids = Array.from({ length: 30 }, (_, n) => `id-${n}`);
    for (const id of ids) await keep(ledger, id);
    await tail.shown('id-29');
    expect(folder.segments().length).toBeGreaterThan(5);
    expect(tail.seen).toEqual(['b', ...ids]);
    await tail.end();
  });

  it('goes on across a restart of the writer', async () => {
    const first = folder.open();
    await keep(first.ledger, 'a');
    const tail = follow();
    await tail.shown('a');
    await first.ledger.close();
    const second = folder.open();
    await keep(second.ledger, 'b');
    await tail.shown('b');
    await second.ledger.close();
    expect(tail.seen).toEqual(['a', 'b']);
    await tail.end();
  });

  it('shows what supersedes a record that it has shown, and nothing twice', async () => {
    const { ledger } = folder.open();
    await keep(ledger, 'a', 'b', 'old');
    await ledger.close();
    const [a, b] = fs.readFileSync(folder.file(folder.segments()[0]!), 'utf8').split('\n');
    const tail = follow('-n0');
    const again = folder.open().ledger; // the same segment goes on
    await keep(again, 'c');
    await tail.shown('c');
    await again.close();
    // As after a failed sync: a new segment begins at a record that stood there already.
    const { createHash } = await import('node:crypto');
    const line = fs
      .readFileSync(folder.file(folder.segments()[0]!), 'utf8')
      .split('\n')[3]!
      .replaceAll('"c"', '"new"');
    expect([a, b]).not.toContain(line);
    const hash = createHash('sha256').update(line).digest('hex');
    const next = line
      .replace(/"seq":4,"prev":"[0-9a-f]{64}"/, `"seq":5,"prev":"${hash}"`)
      .replaceAll('"new"', '"next"');
    fs.writeFileSync(folder.file('00000000000000000004.jsonl'), `${line}\n${next}\n`);
    await tail.shown('next');
    expect(tail.seen).toEqual(['c', 'new', 'next']);
    await tail.end();
  });

  it('finds the slot of a worker that starts later', async () => {
    const open = () =>
      new SinkSpanExporter({ ledger: { directory: folder.path, slots: true }, sinks: {} });
    const send = (exporter: SinkSpanExporter, id: string) =>
      exporter.sendAudits([createEvent({ type: 'flag', action: 'created', id })]);
    const first = open();
    await send(first, 'a');
    const tail = follow();
    await tail.shown('a');
    const second = open();
    await send(second, 'b');
    await tail.shown('b');
    await Promise.all([first.shutdown(), second.shutdown()]);
    await tail.end();
  });

  it('takes filters', async () => {
    const { ledger } = folder.open();
    const tail = follow('--where', 'payload.id=b');
    await keep(ledger, 'a', 'b', 'c');
    await tail.shown('b');
    expect(tail.seen).toEqual(['b']);
    await tail.end();
  });
});
