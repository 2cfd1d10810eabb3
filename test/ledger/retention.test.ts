import fs from 'node:fs';
import { describe, expect, it, jest } from '@jest/globals';
import { fakeClock } from '../support/fake-clock.js';
import { keep, ledgerFolder } from '../support/ledger-folder.js';
import { verifyChain } from '../support/verify-chain.js';

const folder = ledgerFolder();
const DAY = 86_400_000;
const segment = (n: number) => folder.file(`${String(n).padStart(20, '0')}.jsonl`);

/** One record a segment, one a day. */
async function daily(retain: { maxAgeMs?: number; maxBytes?: number }, days = 5) {
  const open = folder.open({ maxSegmentBytes: 1, retain });
  for (let day = 1; day <= days; day += 1) {
    await keep(open.ledger, `r-${day}`);
    open.clock.advance(DAY);
  }
  return open;
}
const idsOf = () => verifyChain(folder.path).map(({ id }) => id);

describe('retention', () => {
  it('keeps everything unless it is told otherwise', async () => {
    const { ledger } = await daily({});
    ledger.retire(5);
    expect(ledger.segments).toEqual([1, 2, 3, 4, 5]);
  });

  it('removes segments whose every record is too old', async () => {
    const { ledger, told } = await daily({ maxAgeMs: 2.5 * DAY });
    ledger.retire(5);
    // Record 3 is 3 days old; that its segment is, shows in the first record of the next one.
    expect([ledger.segments, ledger.first]).toEqual([[3, 4, 5], 3]);
    expect(told.noted).toEqual([expect.stringContaining('2 segment(s)')]);
    expect(idsOf()).toEqual(['r-3', 'r-4', 'r-5']);
    await keep(ledger, 'r-6');
    expect(idsOf()).toHaveLength(4);
  });

  it('removes the oldest segments while all take too much room, but never the last', async () => {
    const { ledger } = await daily({ maxBytes: 0 });
    ledger.retire(5);
    expect(ledger.segments).toEqual([5]);
    expect(idsOf()).toEqual(['r-5']);
  });

  it('keeps within the bytes, not below them', async () => {
    const { ledger } = await daily({ maxBytes: 0 }, 1);
    await ledger.close();
    const size = fs.statSync(segment(1)).size;
    const again = folder.open({ maxSegmentBytes: 1, retain: { maxBytes: size * 3 } }).ledger;
    await keep(again, 'r-2', 'r-3', 'r-4', 'r-5');
    again.retire(5);
    expect(again.segments).toEqual([3, 4, 5]);
  });

  it.each([0, 1, 3])('removes nothing past what is needed: %d', async (needed) => {
    const { ledger } = await daily({ maxAgeMs: 0, maxBytes: 0 });
    ledger.retire(needed);
    expect(ledger.first).toBe(needed + 1);
    expect(idsOf()[0]).toBe(`r-${needed + 1}`);
  });

  it('survives reopening: the chain begins where the manifest says', async () => {
    const { ledger } = await daily({ maxBytes: 0 });
    ledger.retire(3);
    await ledger.close();
    const again = folder.open().ledger;
    expect([again.first, again.newest]).toEqual([4, 5]);
    await keep(again, 'r-6');
    expect(idsOf()).toEqual(['r-4', 'r-5', 'r-6']);
    expect(again.cursor('new', 'beginning').position.acknowledged).toBe(3);
  });

  it('is finished by the next opening when a crash came between manifest and removal', async () => {
    const { ledger, told } = await daily({ maxBytes: 0 });
    const unlink = jest.spyOn(fs, 'unlinkSync').mockImplementation(() => {
      throw new Error('EPERM: somebody reads it');
    });
    ledger.retire(3);
    unlink.mockRestore();
    expect([ledger.first, ledger.segments, told.failed]).toEqual([4, [4, 5], []]);
    expect(folder.segments()).toHaveLength(5);
    ledger.retire(4); // and does not stand in the way of the next
    expect(ledger.first).toBe(5);
    await ledger.close();
    const again = folder.open().ledger;
    expect([again.first, folder.segments().length]).toEqual([5, 1]);
    expect(idsOf()).toEqual(['r-5']);
  });

  it('removes nothing when the manifest cannot be written', async () => {
    const { ledger, told } = await daily({ maxBytes: 0 });
    const rename = jest.spyOn(fs, 'renameSync').mockImplementation(() => {
      throw Object.assign(new Error('ENOSPC: injected'), { code: 'ENOSPC' });
    });
    ledger.retire(5);
    rename.mockRestore();
    expect(told.failed).toEqual([expect.objectContaining({ code: 'ledger-unavailable' })]);
    expect([ledger.first, folder.segments().length]).toEqual([1, 5]);
    await ledger.close();
    expect(folder.open({}, fakeClock()).ledger.first).toBe(1);
  });

  it('leaves the folder to the next writer once the lock is gone', async () => {
    const { ledger } = await daily({ maxBytes: 0 });
    fs.rmSync(folder.file('lock'));
    ledger.retire(5);
    expect(folder.segments()).toHaveLength(5);
  });

  it('moves a cursor on that waited for what is gone', async () => {
    const { ledger } = await daily({ maxBytes: 0 });
    ledger.cursor('old', 'beginning');
    await ledger.cursor('old', 'beginning').save({ acknowledged: 4, waiting: [1, 4] });
    ledger.retire(3);
    expect(ledger.cursor('old', 'end').position).toEqual({ acknowledged: 4, waiting: [4] });
    ledger.cursor('older', 'beginning');
    fs.writeFileSync(folder.file('cursors', 'older.json'), '{"acknowledged":1}');
    expect(ledger.cursor('older', 'end').position).toEqual({ acknowledged: 3, waiting: [] });
  });
});
