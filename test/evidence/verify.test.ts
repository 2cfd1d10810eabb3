import fs from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { verifyLedger } from '../../src/evidence/verify.js';
import { keep, ledgerFolder } from '../support/ledger-folder.js';
import { verifyChain } from '../support/verify-chain.js';

const folder = ledgerFolder();

/** A closed ledger of ten records in several segments. */
async function tenRecords(): Promise<void> {
  const { ledger } = folder.open({ maxSegmentBytes: 1024 });
  await keep(ledger, ...Array.from({ length: 10 }, (_, n) => `id-${n}`));
  await ledger.close();
}

function edit(segment: number, change: (lines: string[]) => string[]): void {
  const path = folder.file(folder.segments()[segment]!);
  const lines = fs.readFileSync(path, 'latin1').split('\n').slice(0, -1);
  const text = change(lines).map((line) => `${line}\n`);
  fs.writeFileSync(path, text.join(''), 'latin1');
}

const swap = (lines: string[], a: number, b: number) =>
  lines.map((line, n) => (n === a ? lines[b]! : n === b ? lines[a]! : line));

describe('verifyLedger without checkpoints', () => {
  it('finds nothing wrong with a whole ledger', async () => {
    await tenRecords();
    const report = await verifyLedger(folder.path);
    const [last] = verifyChain(folder.path).slice(-1);
    expect(report).toMatchObject({ ok: true, first: 1, records: 10, superseded: 0 });
    expect(report.fault).toBeUndefined();
    expect(report.head?.sequence).toBe(last!.seq);
  });

  it.each<[string, (lines: string[]) => string[], object]>([
    ['altered', (l) => l.map((s, n) => (n === 1 ? s.replace('flag', 'flog') : s)), { sequence: 2 }],
    ['missing', (l) => l.filter((_, n) => n !== 1), { sequence: 2 }],
    ['doubled', (l) => [...l.slice(0, 2), l[1]!, ...l.slice(2)], { sequence: 2, line: 3 }],
    ['reordered', (l) => swap(l, 0, 1), { sequence: 1, line: 2 }],
  ])('names a record that is %s', async (kind, change, where) => {
    await tenRecords();
    edit(0, change);
    const report = await verifyLedger(folder.path);
    expect(report.fault).toMatchObject({
      kind,
      ...where,
      file: folder.file(folder.segments()[0]!),
    });
    expect(report.ok).toBe(false);
  });
});
