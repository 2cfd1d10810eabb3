import {
  appendFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { type FileHandle, open as openFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { deadLetterFile } from '../../src/delivery/dead-letter.js';
import type { LedgerRecord } from '../../src/ledger/record.js';
import { fakeClock } from '../support/fake-clock.js';
import { numbered } from './lane-rig.js';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'dead-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const record = (sequence: number): LedgerRecord => ({
  sequence,
  previousHash: '',
  hash: '',
  recordedAt: '',
  content: numbered(sequence),
  bytes: 1,
});

const open = () =>
  deadLetterFile({
    directory,
    sink: 'siem',
    lineOf: ({ sequence }) => `{"seq":${sequence}}`,
    clock: fakeClock(),
  });

const path = () => join(directory, 'dead', 'siem.jsonl');
const lines = () => readFileSync(path(), 'utf8').split('\n');

describe('dead letters', () => {
  it('are lines with time, reason, attempts and the record as it stands in the ledger', async () => {
    const letters = open();
    await letters.add(record(7), 'too long', 3);
    await letters.add(record(9), 'no such field', 1);
    expect(lines()).toEqual([
      '{"at":"2026-01-31T12:00:00.000Z","reason":"too long","attempts":3,"record":{"seq":7}}',
      '{"at":"2026-01-31T12:00:00.000Z","reason":"no such field","attempts":1,"record":{"seq":9}}',
      '',
    ]);
  });

  it('are for their owner alone', async () => {
    await open().add(record(1), 'no', 1);
    expect(statSync(join(directory, 'dead')).mode & 0o777).toBe(0o700);
    expect(statSync(path()).mode & 0o777).toBe(0o600);
  });

  it('do not mix when they come at the same time', async () => {
    const letters = open();
    await Promise.all(Array.from({ length: 50 }, (_, i) => letters.add(record(i + 1), 'no', 1)));
    const sequences = lines()
      .slice(0, -1)
      .map((line) => (JSON.parse(line) as { record: { seq: number } }).record.seq);
    expect(sequences).toEqual(Array.from({ length: 50 }, (_, i) => i + 1));
  });

  it('survive a line that a crash tore', async () => {
    await open().add(record(1), 'no', 1);
    appendFileSync(path(), '{"at":"2026-01-31T12:0');
    await open().add(record(2), 'no', 1);
    expect(lines()).toHaveLength(4);
    expect(lines()[1]).toBe('{"at":"2026-01-31T12:0');
    expect(JSON.parse(lines()[2]!)).toMatchObject({ record: { seq: 2 } });
  });

  it('bound their reason, and nothing in it forges a line', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: 'binary', maxLength: 20 }),
        fc.nat(3),
        async (text, zeros) => {
          rmSync(join(directory, 'dead'), { recursive: true, force: true });
          const reason = `${'\n"}{é\u{1F600}'.repeat(10 ** zeros)}${text}`;
          await open().add(record(1), reason, 1);
          expect(lines()).toHaveLength(2);
          const letter = JSON.parse(lines()[0]!) as { reason: string };
          if (Buffer.byteLength(reason) <= 4096) {
            expect(letter.reason).toBe(reason);
          } else {
            expect(Buffer.byteLength(letter.reason)).toBeLessThanOrEqual(4096 + 3);
            expect(reason.startsWith(letter.reason.slice(0, -1))).toBe(true);
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it('that cannot be synced reject and leave nothing behind', async () => {
    await open().add(record(1), 'no', 1);
    const handle = await openFile(path());
    const sync = jest.spyOn(Object.getPrototypeOf(handle) as FileHandle, 'datasync');
    await handle.close();
    sync.mockRejectedValueOnce(new Error('EIO'));
    const letters = open();
    await expect(letters.add(record(2), 'no', 1)).rejects.toThrow('EIO');
    expect(lines()).toHaveLength(2);
    await letters.add(record(2), 'no', 1);
    expect(lines()).toHaveLength(3);
    sync.mockRestore();
  });

  it('that cannot be written reject, and are whole at the next try', async () => {
    writeFileSync(join(directory, 'dead'), 'in the way');
    const letters = open();
    await expect(letters.add(record(1), 'no', 1)).rejects.toThrow(/EEXIST|ENOTDIR/);
    rmSync(join(directory, 'dead'));
    await letters.add(record(1), 'no', 2);
    expect(lines()).toHaveLength(2);
  });
});
