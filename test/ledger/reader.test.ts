import fs from 'node:fs';
import { describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import type { Ledger } from '../../src/ledger/ledger.js';
import { RecordReader } from '../../src/ledger/reader.js';
import type { LedgerRecord } from '../../src/ledger/record.js';
import { diskFaults, ioError } from '../support/disk-faults.js';
import { contentNamed, keep, ledgerFolder } from '../support/ledger-folder.js';
import { verifyChain } from '../support/verify-chain.js';

const faults = diskFaults();
const folder = ledgerFolder();
const names = (records: readonly LedgerRecord[]) => records.map(({ content }) => content.id);
const ids = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, n) => `r-${from + n}`);
const ALL = { count: 1000, bytes: 2 ** 30 };
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Reads from the disk whatever memory holds. */
async function withReader<T>(
  ledger: Ledger,
  use: (reader: RecordReader) => Promise<T>,
): Promise<T> {
  const reader = new RecordReader(ledger);
  try {
    return await use(reader);
  } finally {
    await reader.close();
  }
}

describe('reading the segments', () => {
  it('gives every record in order, whatever the limits, across segments', async () => {
    const { ledger } = folder.open({ maxSegmentBytes: 1500 });
    await keep(ledger, ...ids(1, 40));
    expect(ledger.segments.length).toBeGreaterThan(5);
    const bytes = verifyChain(folder.path).map((line) => Buffer.byteLength(JSON.stringify(line)));
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 10 }),
        fc.integer({ min: 0, max: 2000 }),
        (first, count, limit) =>
          withReader(ledger, async (reader) => {
            for (let from = first; from <= 40; ) {
              const records = await reader.read(from, 40, { count, bytes: limit });
              expect(names(records)).toEqual(ids(from, from + records.length - 1));
              expect(records.length).toBeGreaterThan(0);
              expect(records.length).toBeLessThanOrEqual(count);
              const size = records.reduce((sum, record) => sum + record.bytes, 0);
              if (records.length > 1) expect(size).toBeLessThanOrEqual(limit);
              expect(records.map((record) => record.bytes)).toEqual(
                bytes.slice(from - 1, from - 1 + records.length),
              );
              from += records.length;
            }
          }),
      ),
      { numRuns: 30 },
    );
  });

  it('goes back to an earlier record', async () => {
    const { ledger } = folder.open({ maxSegmentBytes: 1500 });
    await keep(ledger, ...ids(1, 20));
    await withReader(ledger, async (reader) => {
      expect(names(await reader.read(15, 20, ALL))).toEqual(ids(15, 20));
      expect(names(await reader.read(3, 20, { count: 2, bytes: 1e6 }))).toEqual(ids(3, 4));
      expect(await reader.read(21, 20, ALL)).toEqual([]);
    });
  });

  it('agrees with what memory holds, hash and all', async () => {
    const { ledger } = folder.open();
    const lane = ledger.reader(); // keeps the records in memory
    await keep(ledger, ...ids(1, 5));
    const hot = await lane.read(1, ALL);
    const cold = await withReader(ledger, (reader) => reader.read(1, 5, ALL));
    const shape = ({ content, ...rest }: LedgerRecord) => ({ ...rest, id: content.id });
    expect(cold.map(shape)).toEqual(hot.map(shape));
    await lane.close();
  });

  it('follows the writer while it rolls, and while a failed sync inserts a segment', async () => {
    const open = folder.open({ maxSegmentBytes: 1200 });
    const { ledger, clock } = open;
    const read: string[] = [];
    let written = 0;
    await withReader(ledger, async (reader) => {
      for (let round = 0; round < 30; round += 1) {
        if (round % 5 === 3) faults.sync = ioError('EIO');
        if (round % 7 === 4) faults.space = 700;
        for (let n = 0; n < 3; n += 1) {
          written += 1;
          ledger.onDurable(ledger.append(contentNamed(`r-${written}`)), { settle() {} });
        }
        await turn();
        if (round % 2 === 0) {
          faults.heal();
          clock.advance(5000);
          await turn();
        }
        const records = await reader.read(read.length + 1, ledger.deliverable, {
          count: 4,
          bytes: 1e6,
        });
        read.push(...names(records));
      }
      faults.heal();
      clock.advance(5000);
      for (let n = 0; n < 10; n += 1) await turn();
      expect(ledger.deliverable).toBe(written);
      while (read.length < written) {
        read.push(...names(await reader.read(read.length + 1, written, { count: 4, bytes: 1e6 })));
      }
    });
    expect(read).toEqual(ids(1, written));
    expect(verifyChain(folder.path).map(({ id }) => id)).toEqual(read);
  });

  it('names file and record of a damaged line, and gives what stands before it', async () => {
    const { ledger } = folder.open({ maxSegmentBytes: 1 });
    await keep(ledger, ...ids(1, 5));
    const path = folder.file(folder.segments()[2]!);
    const text = fs.readFileSync(path, 'utf8');
    fs.writeFileSync(path, text.replace('flag', 'flog'));
    await withReader(ledger, async (reader) => {
      expect(names(await reader.read(1, 5, ALL))).toEqual(ids(1, 2));
      await expect(reader.read(3, 5, ALL)).rejects.toMatchObject({
        code: 'ledger-corrupt',
        message: expect.stringMatching(/0004\.jsonl: record 4: .*hash of record 3/),
      });
      fs.writeFileSync(path, text.slice(0, 100));
      await expect(reader.read(3, 5, ALL)).rejects.toMatchObject({
        message: expect.stringMatching(/0003\.jsonl: record 3 is missing: the file ends; restore/),
      });
      fs.rmSync(path);
      await expect(reader.read(3, 5, ALL)).rejects.toMatchObject({ code: 'ledger-unavailable' });
      fs.writeFileSync(path, text); // mended
      expect(names(await reader.read(3, 5, ALL))).toEqual(ids(3, 5));
    });
  });

  it('bears being closed, or asked again, while it reads, and leaves no file open', async () => {
    const { ledger } = folder.open({ maxSegmentBytes: 1 });
    await keep(ledger, ...ids(1, 5));
    const open = jest.spyOn(fs.promises, 'open');
    const reader = new RecordReader(ledger);
    const reads = [reader.read(1, 5, ALL), reader.read(2, 3, ALL), reader.read(5, 5, ALL)];
    await reader.close();
    expect((await Promise.all(reads)).map(names)).toEqual([ids(1, 5), ids(2, 3), ids(5, 5)]);
    const files = (await Promise.all(
      open.mock.results.map(({ value }) => value),
    )) as fs.promises.FileHandle[];
    expect(files.map(({ fd }) => fd)).toEqual(files.map(() => -1));
  });

  it('reads lines far larger than its buffer', async () => {
    const { ledger } = folder.open();
    ledger.append(contentNamed('r-1', '€'.repeat(700_000)));
    await keep(ledger, ...ids(2, 3));
    await withReader(ledger, async (reader) => {
      expect(names(await reader.read(1, 3, ALL))).toEqual(ids(1, 3));
    });
  });
});

describe('a lane’s reader', () => {
  it('gives records from memory until it has passed them, and from the disk afterwards', async () => {
    const { ledger } = folder.open();
    const reader = ledger.reader();
    await keep(ledger, ...ids(1, 5));
    const hot = reader.read(2, ALL);
    expect(Array.isArray(hot)).toBe(true);
    expect(names(hot as LedgerRecord[])).toEqual(ids(2, 5));
    reader.release(3);
    const cold = reader.read(3, ALL);
    expect(cold).toBeInstanceOf(Promise);
    expect(names(await cold)).toEqual(ids(3, 5));
    expect(await reader.read(6, ALL)).toEqual([]);
    await reader.close();
  });

  it('never sees what is not durable', async () => {
    const { ledger } = folder.open();
    const reader = ledger.reader();
    await keep(ledger, 'r-1');
    faults.sync = ioError('EIO');
    ledger.onDurable(ledger.append(contentNamed('r-2')), { settle() {} });
    ledger.flush();
    await turn();
    expect(names(await reader.read(1, ALL))).toEqual(['r-1']);
    expect(await reader.read(2, ALL)).toEqual([]);
    await reader.close();
  });

  it('that never moves cannot fill the memory', async () => {
    const { ledger } = folder.open();
    const reader = ledger.reader();
    for (let n = 0; n < 20; n += 1) {
      ledger.append(contentNamed(`r-${n}`, 'x'.repeat(2 ** 20)));
      await keep(ledger, `s-${n}`);
    }
    expect(await reader.read(1, { count: 1, bytes: 0 })).toHaveLength(1);
    expect(reader.read(1, ALL)).toBeInstanceOf(Promise);
    expect(Array.isArray(reader.read(35, ALL))).toBe(true);
    await reader.close();
  });
});
