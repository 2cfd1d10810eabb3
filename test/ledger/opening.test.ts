import fs from 'node:fs';
import { describe, expect, it, jest } from '@jest/globals';
import { IdIndex } from '../../src/ledger/id-index.js';
import { openLedgerSync } from '../../src/ledger/opening.js';
import { readLineSync } from '../../src/ledger/reader.js';
import { segmentPath } from '../../src/ledger/segment.js';
import { diskFaults } from '../support/disk-faults.js';
import { contentNamed, keep, ledgerFolder } from '../support/ledger-folder.js';
import { verifyChain } from '../support/verify-chain.js';

const SEGMENT = '00000000000000000001.jsonl';
diskFaults(); // none here: what is synced is not the question, and takes long
const folder = ledgerFolder();

/** A closed ledger with these records; its only segment's bytes. */
async function closedLedger(...ids: string[]): Promise<Buffer> {
  const { ledger } = folder.open();
  await keep(ledger, ...ids);
  await ledger.close();
  return fs.readFileSync(folder.file(SEGMENT));
}

const idsOf = () => verifyChain(folder.path).map(({ id }) => id);

/** Opening refuses, says why and where, and changes nothing. */
function expectRefusal(message: RegExp | string, code = 'ledger-corrupt'): void {
  const before = folder.content();
  let refusal: unknown;
  try {
    folder.open();
  } catch (error) {
    refusal = error;
  }
  expect(refusal).toMatchObject({ code });
  expect((refusal as Error).message).toMatch(message);
  expect(folder.content()).toEqual(before);
}

describe('opening an empty folder', () => {
  it('begins a ledger that only its owner can read', async () => {
    const { ledger } = folder.open();
    ledger.cursor('siem', 'beginning');
    await keep(ledger, 'a');
    const modes = ['', 'cursors', 'ledger.json', SEGMENT, 'cursors/siem.json', 'lock'].map((name) =>
      (fs.statSync(folder.file(name)).mode & 0o777).toString(8),
    );
    if (process.platform !== 'win32') {
      expect(modes).toEqual(['700', '700', '600', '600', '600', '600']);
    }
    expect(idsOf()).toEqual(['a']);
    expect([ledger.first, ledger.newest, ledger.heldRecords]).toEqual([1, 1, false]);
  });

  it('makes the folders above it', async () => {
    const { ledger } = folder.open({ directory: folder.file('x', 'y') });
    await keep(ledger, 'a');
    expect(verifyChain(folder.file('x', 'y'))).toHaveLength(1);
  });

  it('names a folder that is a file', () => {
    fs.writeFileSync(folder.path, '');
    expect(() => folder.open()).toThrow(
      expect.objectContaining({
        code: 'ledger-unavailable',
        message: expect.stringContaining(folder.path),
      }),
    );
  });
});

describe('opening again', () => {
  it('goes on where the chain ended', async () => {
    await closedLedger('a', 'b');
    const { ledger, told } = folder.open();
    expect([ledger.newest, ledger.heldRecords, told.noted]).toEqual([2, true, []]);
    await keep(ledger, 'c');
    expect(idsOf()).toEqual(['a', 'b', 'c']);
    expect(folder.segments()).toEqual([SEGMENT]);
  });

  it('resumes after a tail torn at any byte, and keeps the torn bytes', async () => {
    const bytes = await closedLedger('a', 'b', 'c');
    const lastAt = bytes.lastIndexOf(10, bytes.length - 2) + 1;
    for (let end = lastAt + 1; end < bytes.length; end += 1) {
      fs.rmSync(folder.file('torn'), { recursive: true, force: true });
      fs.writeFileSync(folder.file(SEGMENT), bytes.subarray(0, end));
      const { ledger, told } = folder.open();
      expect(ledger.newest).toBe(2);
      expect(told.noted).toEqual([
        expect.stringContaining(`${end - lastAt} bytes behind record 2`),
      ]);
      expect(fs.readFileSync(folder.file('torn', `${SEGMENT}.${lastAt}`))).toEqual(
        bytes.subarray(lastAt, end),
      );
      await keep(ledger, 'd');
      await ledger.close();
      expect(idsOf()).toEqual(['a', 'b', 'd']);
    }
  });

  it('takes zeros behind the last record for a torn tail, with line ends among them or not', async () => {
    for (const tail of [Buffer.alloc(9000), Buffer.from('\0\0\n\0\n'), Buffer.from('\n')]) {
      fs.rmSync(folder.path, { recursive: true, force: true });
      const bytes = await closedLedger('a', 'b');
      fs.appendFileSync(folder.file(SEGMENT), tail);
      const { ledger } = folder.open();
      expect(ledger.newest).toBe(2);
      await keep(ledger, 'c');
      await ledger.close();
      expect(idsOf()).toEqual(['a', 'b', 'c']);
      expect(fs.readFileSync(folder.file('torn', `${SEGMENT}.${bytes.length}`))).toEqual(tail);
    }
  });

  it('cuts a whole last line off that holds zeros where its page was lost', async () => {
    const bytes = await closedLedger('a', 'b');
    const lastAt = bytes.indexOf(10) + 1;
    for (const [from, to] of [
      [bytes.indexOf('"type":"flag"', lastAt) + 8, bytes.length - 1],
      [bytes.indexOf('"flag"', lastAt) + 1, bytes.indexOf('"flag"', lastAt) + 5],
    ]) {
      fs.writeFileSync(folder.file(SEGMENT), Buffer.from(bytes).fill(0, from, to));
      const { ledger } = folder.open();
      expect(ledger.newest).toBe(1);
      await ledger.close();
    }
  });

  it('never overwrites what an earlier repair kept', async () => {
    const bytes = await closedLedger('a');
    for (const tail of ['one', 'two']) {
      fs.writeFileSync(folder.file(SEGMENT), `${bytes}${tail}`);
      await folder.open().ledger.close();
    }
    const kept = fs
      .readdirSync(folder.file('torn'))
      .map((name) => fs.readFileSync(folder.file('torn', name), 'utf8'));
    expect(kept.sort()).toEqual(['one', 'two']);
  });

  it('refuses a flipped bit at any place before the last record', async () => {
    const bytes = await closedLedger('a', 'b', 'c', 'd', 'e');
    const lastAt = bytes.lastIndexOf(10, bytes.length - 2) + 1;
    for (let at = 0; at < lastAt; at += 1) {
      const damaged = Buffer.from(bytes);
      damaged[at]! ^= 1 << (at % 8);
      fs.writeFileSync(folder.file(SEGMENT), damaged);
      expectRefusal(new RegExp(`${SEGMENT} line [1-5] .*restore the folder`));
    }
  });

  it('refuses a line that is missing, doubled or in another place', async () => {
    const lines = (await closedLedger('a', 'b', 'c', 'd')).toString().split('\n').slice(0, 4);
    const [a, b, c, d] = lines as [string, string, string, string];
    for (const [order, line] of [
      [[a, c, d], 2],
      [[a, b, b, c, d], 3],
      [[b, a, c, d], 1],
      [[a, b, d], 3],
    ] as const) {
      fs.writeFileSync(folder.file(SEGMENT), `${order.join('\n')}\n`);
      expectRefusal(new RegExp(`line ${line} is not record ${line}`));
    }
  });

  it('refuses an end that a cursor shows was acknowledged', async () => {
    const bytes = await closedLedger('a', 'b');
    fs.mkdirSync(folder.file('cursors'));
    fs.writeFileSync(folder.file('cursors', 'siem.json'), '{"acknowledged":2}');
    await folder.open().ledger.close();
    fs.writeFileSync(folder.file(SEGMENT), bytes.subarray(0, -1));
    expectRefusal(/ends with record 1, but sink siem has acknowledged record 2/);
    fs.rmSync(folder.file(SEGMENT));
    expectRefusal(/ends with record 0, but sink siem/);
    fs.rmSync(folder.file('ledger.json'));
    expectRefusal(/ends with record 0, but sink siem/);
  });

  it.each([
    '',
    'x',
    '{}',
    'null',
    '{"acknowledged":-1}',
    '{"acknowledged":"1"}',
    '{"acknowledged":1.5}',
    '{"acknowledged":1,"waiting":[-1]}',
  ])('refuses a cursor that holds %j', async (text) => {
    await closedLedger('a');
    fs.mkdirSync(folder.file('cursors'));
    fs.writeFileSync(folder.file('cursors', 'siem.json'), text);
    expectRefusal(/cursors.siem\.json cannot be understood/);
  });

  it.each([
    '',
    '{',
    'null',
    '{"format":2}',
    '{"format":1,"stream":"s","createdAt":"t","first":{"sequence":0,"previousHash":""}}',
  ])('refuses a ledger.json that holds %j', async (text) => {
    await closedLedger('a');
    fs.writeFileSync(folder.file('ledger.json'), text);
    expectRefusal(/ledger\.json is not a ledger's description/);
  });

  it('refuses segments without a ledger.json', async () => {
    await closedLedger('a');
    fs.rmSync(folder.file('ledger.json'));
    expectRefusal('has segments but no ledger.json');
  });

  it('does not mind what a crash in the middle of a replacement leaves', async () => {
    await closedLedger('a');
    const { ledger } = folder.open();
    ledger.cursor('siem', 'beginning');
    await ledger.close();
    for (const name of ['ledger.json.tmp', 'cursors/siem.json.tmp', 'lock.0000']) {
      fs.writeFileSync(folder.file(name), 'hal');
    }
    const again = folder.open().ledger;
    expect(again.cursor('siem', 'end').position).toEqual({ acknowledged: 0, waiting: [] });
    await keep(again, 'b');
    expect(idsOf()).toEqual(['a', 'b']);
  });

  it('syncs what it finds before it counts as durable', async () => {
    await closedLedger('a');
    const sync = jest.spyOn(fs, 'fdatasyncSync');
    try {
      folder.open();
      expect(sync).toHaveBeenCalled();
      sync.mockImplementation(() => {
        throw Object.assign(new Error('EIO: injected'), { code: 'EIO' });
      });
      await expect(async () => folder.open({ directory: folder.file('b') })).rejects.toMatchObject({
        code: 'ledger-unavailable',
      });
    } finally {
      sync.mockRestore();
    }
  });

  it('leaves no file open when it refuses', async () => {
    const bytes = await closedLedger('a', 'b');
    bytes[9]! ^= 1;
    fs.writeFileSync(folder.file(SEGMENT), bytes);
    const probe = () => {
      const fd = fs.openSync(folder.file(SEGMENT), 'r');
      fs.closeSync(fd);
      return fd;
    };
    expect(() => folder.open()).toThrow('line 1');
    const before = probe();
    for (let n = 0; n < 20; n += 1) expect(() => folder.open()).toThrow('line 1');
    expect(probe()).toBe(before);
  });
});

describe('opening several segments', () => {
  /** One record a segment. */
  async function manySegments(...ids: string[]): Promise<void> {
    const { ledger } = folder.open({ maxSegmentBytes: 1 });
    await keep(ledger, ...ids);
    await ledger.close();
    expect(folder.segments()).toHaveLength(ids.length);
  }
  const segment = (n: number) => folder.file(`${String(n).padStart(20, '0')}.jsonl`);

  it('refuses when the first is missing', async () => {
    await manySegments('a', 'b', 'c');
    fs.rmSync(segment(1));
    expectRefusal(/0001\.jsonl is missing, and with it record 1/);
  });

  it('refuses when the one before the last is missing, or its last record altered', async () => {
    await manySegments('a', 'b', 'c');
    const bytes = fs.readFileSync(segment(2));
    fs.writeFileSync(segment(2), Buffer.from(bytes.toString().replace('flag', 'flog')));
    expectRefusal(/0003\.jsonl line 1 does not carry the hash of record 2/);
    fs.rmSync(segment(2));
    expectRefusal(/0001\.jsonl lacks record 2/);
  });

  it('falls back to the one before when the last holds no whole record', async () => {
    for (const rest of ['', '{"seq":3,"prev":"']) {
      fs.rmSync(folder.path, { recursive: true, force: true });
      await manySegments('a', 'b');
      fs.writeFileSync(segment(3), rest);
      const { ledger } = folder.open();
      expect([ledger.newest, ledger.segments]).toEqual([2, [1, 2]]);
      if (rest !== '')
        expect(fs.readFileSync(folder.file('torn', segment(3).slice(-26)), 'utf8')).toBe(rest);
      await keep(ledger, 'c');
      await ledger.close();
      expect(idsOf()).toEqual(['a', 'b', 'c']);
    }
  });

  it('falls back two segments when a power cut left the last one’s name alone', async () => {
    await manySegments('a', 'b');
    const bytes = fs.readFileSync(segment(2));
    fs.writeFileSync(segment(2), bytes.subarray(0, 50));
    fs.writeFileSync(segment(3), '');
    const { ledger } = folder.open();
    expect(ledger.newest).toBe(1);
    await keep(ledger, 'c');
    expect(idsOf()).toEqual(['a', 'c']);
  });

  it('finds the last record of a segment behind superseded and very long lines', async () => {
    const { ledger } = folder.open({ maxSegmentBytes: 1 });
    await keep(ledger, 'a');
    ledger.append(contentNamed('b', 'x'.repeat(200_000)));
    await keep(ledger, 'c');
    await ledger.close();
    fs.appendFileSync(segment(2), `${'y'.repeat(300_000)}\n`);
    const again = folder.open().ledger;
    await keep(again, 'd');
    expect(verifyChain(folder.path)).toHaveLength(4);
  });
});

describe('the ids that an opening knows', () => {
  it.each([1, 7, 60, 199, 200, 500])(
    'are the newest %i, of however many segments',
    async (capacity) => {
      const { ledger } = folder.open({ maxSegmentBytes: 20_000 });
      const names = Array.from({ length: 200 }, (_, n) => (n % 9 === 0 ? `"ü\\${n}` : `id-${n}`));
      for (const [n, name] of names.entries()) {
        // Of uneven length, the long ones together, so that no line stands where an even split has it.
        ledger.append(contentNamed(name, 'x'.repeat(n % 50 < 10 ? 900 : 9)));
      }
      await ledger.close();
      expect(ledger.segments.length).toBeGreaterThan(3);
      const ids = new IdIndex(capacity);
      const { segments } = openLedgerSync(folder.path, '2026-01-31T12:00:00.000Z', ids);
      expect(ids.size).toBe(Math.min(capacity, names.length));
      for (const [n, name] of names.entries()) {
        const isKnown = n >= names.length - capacity;
        expect(ids.find(name)).toEqual(isKnown ? [n + 1] : []);
        if (!isKnown) continue;
        const segment = segments.filter((first) => first <= n + 1).at(-1)!;
        const line = readLineSync(segmentPath(folder.path, segment), ids.offsetOf(n + 1)!);
        expect(JSON.parse(String(line))).toMatchObject({ seq: n + 1, id: name });
      }
    },
  );
});
