import fs from 'node:fs';
import { describe, expect, it, jest } from '@jest/globals';
import { contentNamed, keep, ledgerFolder } from '../support/ledger-folder.js';

const folder = ledgerFolder();
const saved = () => JSON.parse(fs.readFileSync(folder.file('cursors', 'siem.json'), 'utf8'));

describe('a cursor', () => {
  it('is on disk as soon as it is opened', () => {
    const cursor = folder.open().ledger.cursor('siem', 'end');
    expect(saved()).toEqual({ acknowledged: 0 });
    expect([cursor.isNew, cursor.position]).toEqual([true, { acknowledged: 0, waiting: [] }]);
  });

  it('begins at the end only where the ledger held records when it was opened', async () => {
    const first = folder.open().ledger;
    await keep(first, 'a', 'b');
    expect(first.cursor('early', 'end').position.acknowledged).toBe(0);
    await first.close();
    const { ledger } = folder.open();
    expect(ledger.cursor('late', 'end').position.acknowledged).toBe(2);
    expect(ledger.cursor('whole', 'beginning').position.acknowledged).toBe(0);
  });

  it('never begins behind what is durable, or a crash would leave it ahead of the ledger', async () => {
    const first = folder.open().ledger;
    await keep(first, 'a');
    await first.close();
    const { ledger } = folder.open();
    ledger.append(contentNamed('b'));
    expect(ledger.cursor('siem', 'end').position.acknowledged).toBe(1);
  });

  it('comes back as it was saved', async () => {
    const { ledger } = folder.open();
    await keep(ledger, 'a', 'b', 'c');
    await ledger.cursor('siem', 'beginning').save({ acknowledged: 3, waiting: [2] });
    await ledger.close();
    const cursor = folder.open().ledger.cursor('siem', 'end');
    expect([cursor.isNew, cursor.position]).toEqual([false, { acknowledged: 3, waiting: [2] }]);
  });

  it('is refused when it is ahead of the ledger', async () => {
    const { ledger } = folder.open();
    await keep(ledger, 'a');
    ledger.cursor('siem', 'beginning');
    fs.writeFileSync(folder.file('cursors', 'siem.json'), '{"acknowledged":2}');
    expect(() => ledger.cursor('siem', 'beginning')).toThrow(
      /siem\.json says that record 2 was delivered, but the ledger ends with 1/,
    );
  });

  it('resolves each save once that position, or a later one, is on disk', async () => {
    const cursor = folder.open().ledger.cursor('siem', 'beginning');
    const rename = jest.spyOn(fs.promises, 'rename');
    const order: number[] = [];
    let last: Promise<void> = Promise.resolve();
    for (let n = 1; n <= 50; n += 1) {
      last = cursor.save({ acknowledged: n, waiting: [] }).then(() => {
        order.push(n);
        expect(saved().acknowledged).toBeGreaterThanOrEqual(n);
      });
    }
    await last;
    expect(order).toHaveLength(50);
    expect(rename.mock.calls.length).toBeLessThan(10); // they are written in groups
    rename.mockRestore();
  });

  it('is not lost when it is saved at the very moment an earlier save ends', async () => {
    const cursor = folder.open().ledger.cursor('siem', 'beginning');
    const first = cursor.save({ acknowledged: 1, waiting: [] });
    let second: Promise<void> | undefined;
    // Looks at every microtask whether the first save is through, and saves right then.
    while (second === undefined) {
      await new Promise((resolve) => setImmediate(resolve));
      for (let n = 0; n < 20 && second === undefined; n += 1) {
        if (cursor.position.acknowledged === 1)
          second = cursor.save({ acknowledged: 2, waiting: [] });
        await undefined;
      }
    }
    await Promise.all([first, second]);
    expect(saved()).toEqual({ acknowledged: 2 });
  });

  it('rejects a save that failed, and takes the next', async () => {
    const cursor = folder.open().ledger.cursor('siem', 'beginning');
    const rename = jest.spyOn(fs.promises, 'rename').mockRejectedValue(new Error('ENOSPC'));
    const failed = [1, 2].map((acknowledged) => cursor.save({ acknowledged, waiting: [] }));
    for (const promise of failed) await expect(promise).rejects.toThrow('ENOSPC');
    rename.mockRestore();
    expect(saved()).toEqual({ acknowledged: 0 });
    await cursor.save({ acknowledged: 3, waiting: [] });
    expect(saved()).toEqual({ acknowledged: 3 });
  });
});
