import fs from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Ledger } from '../../src/ledger/ledger.js';
import { diskFaults, ioError } from '../support/disk-faults.js';
import { fakeClock } from '../support/fake-clock.js';
import { contentNamed, keep, ledgerFolder, type OpenLedger } from '../support/ledger-folder.js';
import { verifyChain } from '../support/verify-chain.js';

const faults = diskFaults();
const folder = ledgerFolder();
const idsOf = () => verifyChain(folder.path).map(({ id }) => id);

/** Appends and notes what becomes of each. */
function tracked({ ledger }: OpenLedger) {
  const acknowledged: string[] = [];
  const refused: string[] = [];
  return {
    acknowledged,
    refused,
    append(...ids: string[]) {
      for (const id of ids) {
        ledger.onDurable(ledger.append(contentNamed(id)), {
          settle: (error) => (error === undefined ? acknowledged : refused).push(id),
        });
      }
    },
  };
}

async function until(condition: () => boolean): Promise<void> {
  for (let n = 0; n < 200 && !condition(); n += 1)
    await new Promise((resolve) => setImmediate(resolve));
  expect(condition()).toBe(true);
}

async function reopenedIds(): Promise<string[]> {
  const { ledger } = folder.open();
  const reader = ledger.reader();
  const ids: string[] = [];
  for (let from = ledger.first; from <= ledger.deliverable; ) {
    const records = await reader.read(from, { count: 7, bytes: 2 ** 20 });
    for (const { content } of records) ids.push(content.id);
    from += records.length;
  }
  await reader.close();
  await ledger.close();
  return ids;
}

describe('a full disk', () => {
  it('is waited for, and nothing is lost or acknowledged before there is space', async () => {
    const open = folder.open();
    const { ledger, clock, told } = open;
    await keep(ledger, 'a');
    const events = tracked(open);
    faults.space = 100;
    events.append('b', 'c');
    await until(() => told.failed.length > 0);
    expect(events.acknowledged).toEqual([]);
    expect(ledger.trouble).toMatchObject({ message: expect.stringContaining('ENOSPC') });
    expect(idsOf()).toEqual(['a']); // no torn line stays behind
    for (let n = 0; n < 20; n += 1) {
      clock.advance(5000);
      events.append(`more-${n}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(told.failed).toHaveLength(1); // once a burst
    expect(events.acknowledged).toEqual([]);
    faults.heal();
    clock.advance(5000);
    await until(() => events.acknowledged.length === 22);
    expect(ledger.trouble).toBeUndefined();
    expect([events.refused, told.lost]).toEqual([[], []]);
    expect(idsOf()).toEqual(['a', 'b', 'c', ...[...Array(20).keys()].map((n) => `more-${n}`)]);
    expect(folder.segments()).toHaveLength(1);
    await ledger.close();
    expect(await reopenedIds()).toHaveLength(23);
  });

  it('is tried again after 250 ms, then ever more rarely, at least every 5 s', async () => {
    const open = folder.open();
    const { ledger, clock } = open;
    await keep(ledger, 'a');
    faults.space = 0;
    const events = tracked(open);
    events.append('b');
    await until(() => ledger.trouble !== undefined);
    clock.advance(249);
    faults.heal();
    expect(idsOf()).toEqual(['a']);
    clock.advance(1);
    await until(() => events.acknowledged.length === 1);
  });

  it('fills memory to a bound and no further; what was taken is kept', async () => {
    const open = folder.open({ maxWaitingBytes: 10_000 });
    const { ledger, clock } = open;
    await keep(ledger, 'a');
    faults.space = 0;
    const events = tracked(open);
    let refusal: unknown;
    let taken = 0;
    try {
      for (; taken < 1000; taken += 1) events.append(`b-${taken}`);
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toMatchObject({
      code: 'queue-full',
      message: expect.stringContaining('ENOSPC'),
    });
    expect(ledger.waitingBytes).toBeLessThanOrEqual(10_000);
    expect(ledger.waitingBytes).toBeGreaterThan(9000);
    faults.heal();
    clock.advance(5000);
    await until(() => events.acknowledged.length === taken);
    expect(ledger.waitingBytes).toBe(0);
    events.append('after');
    await until(() => events.acknowledged.length === taken + 1);
    expect(idsOf()).toEqual(['a', ...[...Array(taken).keys()].map((n) => `b-${n}`), 'after']);
  });

  it('does not stop a fast turn while the disk is well', async () => {
    const open = folder.open({ maxWaitingBytes: 2000 });
    const events = tracked(open);
    for (let n = 0; n < 15; n += 1) events.append(`a-${n}`);
    await until(() => events.acknowledged.length === 15);
    expect(idsOf()).toHaveLength(15);
  });

  it('that stays full makes closing say what could not be kept', async () => {
    const open = folder.open();
    await keep(open.ledger, 'a');
    faults.space = 10;
    const events = tracked(open);
    events.append('b', 'c');
    await expect(open.ledger.close()).rejects.toMatchObject({
      code: 'ledger-unavailable',
      message: expect.stringMatching(/^2 record\(s\) could not be written .*ENOSPC/),
    });
    expect(open.told.lost.map(({ id }) => id)).toEqual(['b', 'c']);
    expect(events.refused).toEqual(['b', 'c']);
    faults.heal();
    expect(await reopenedIds()).toEqual(['a']);
  });

  it('whose torn line cannot be cut off either is written over later', async () => {
    const open = folder.open();
    await keep(open.ledger, 'a');
    faults.space = 300;
    faults.truncate = ioError('EIO');
    const events = tracked(open);
    events.append('b', 'c');
    await until(() => open.told.failed.length > 0);
    faults.heal();
    open.clock.advance(250);
    await until(() => events.acknowledged.length === 2);
    expect(idsOf()).toEqual(['a', 'b', 'c']);
  });

  it('while a segment begins is waited for', async () => {
    const open = folder.open({ maxSegmentBytes: 1 });
    await keep(open.ledger, 'a');
    const events = tracked(open);
    for (const code of ['ENOSPC', 'EMFILE']) {
      faults.begin = ioError(code);
      events.append(`b-${code}`, `c-${code}`);
      await until(() => open.ledger.trouble !== undefined);
      open.clock.advance(5000);
      open.clock.advance(5000);
      faults.heal();
      open.clock.advance(5000);
      await until(() => open.ledger.trouble === undefined);
    }
    expect(events.acknowledged).toEqual(['b-ENOSPC', 'c-ENOSPC', 'b-EMFILE', 'c-EMFILE']);
    expect(idsOf()).toHaveLength(5);
    await open.ledger.close();
    expect(await reopenedIds()).toHaveLength(5);
  });
});

describe('a write', () => {
  it('that takes only a part is gone on with', async () => {
    faults.writeAtMost = (length) => Math.ceil(length / 3);
    const { ledger } = folder.open();
    await keep(ledger, ...[...Array(50).keys()].map((n) => `a-${n}`));
    expect(idsOf()).toHaveLength(50);
  });

  it('that fails makes a new segment begin at the first record not acknowledged', async () => {
    const open = folder.open();
    await keep(open.ledger, 'a', 'b');
    const events = tracked(open);
    faults.write = ioError('EIO');
    events.append('c', 'd');
    await until(() => open.told.failed.length > 0);
    faults.heal();
    open.clock.advance(250);
    await until(() => events.acknowledged.length === 2);
    expect(open.ledger.segments).toEqual([1, 3]);
    expect(idsOf()).toEqual(['a', 'b', 'c', 'd']);
    await open.ledger.close();
    expect(await reopenedIds()).toEqual(['a', 'b', 'c', 'd']);
  });
});

describe('a failed sync', () => {
  it.each(['in the background', 'blocking'])(
    '%s is never believed later: a new segment supersedes what it covered',
    async (kind) => {
      const open = folder.open();
      const { ledger, clock, told } = open;
      await keep(ledger, 'a');
      if (kind === 'blocking') await keep(ledger, 'b0'); // now that a sync was known to be fast
      const events = tracked(open);
      faults.sync = ioError('EIO');
      events.append('b', 'c');
      await until(() => told.failed.length > 0);
      expect(events.acknowledged).toEqual([]);
      events.append('d');
      const before = ledger.deliverable;
      faults.heal();
      clock.advance(5000);
      await until(() => events.acknowledged.length === 3);
      expect(ledger.segments).toEqual([1, before + 1]);
      // The old lines are still in the first segment, and no reader takes them twice.
      expect(fs.readFileSync(folder.file(folder.segments()[0]!), 'utf8')).toContain('"id":"b"');
      expect(idsOf().slice(-4)).toEqual([kind === 'blocking' ? 'b0' : 'a', 'b', 'c', 'd']);
      await ledger.close();
      expect((await reopenedIds()).slice(-3)).toEqual(['b', 'c', 'd']);
    },
  );

  it('does not acknowledge what was written while it ran', async () => {
    const open = folder.open();
    await keep(open.ledger, 'a');
    const events = tracked(open);
    faults.holdSyncs = true;
    open.ledger.append(contentNamed('big', 'x'.repeat(100_000))); // too large to sync blocking
    events.append('b');
    await until(() => faults.syncs > 1);
    events.append('c');
    await new Promise((resolve) => setImmediate(resolve));
    expect(events.acknowledged).toEqual([]);
    faults.finishSyncs(ioError('EIO'));
    expect(events.acknowledged).toEqual([]);
    faults.heal();
    open.clock.advance(5000);
    await until(() => events.acknowledged.length === 2);
    expect(open.ledger.segments).toEqual([1, 2]);
    expect(idsOf()).toEqual(['a', 'big', 'b', 'c']);
  });

  it('that succeeds acknowledges what was written before it began, and no more', async () => {
    const open = folder.open();
    await keep(open.ledger, 'a');
    const events = tracked(open);
    faults.holdSyncs = true;
    open.ledger.append(contentNamed('big', 'x'.repeat(100_000))); // too large to sync blocking
    events.append('b');
    await new Promise((resolve) => setImmediate(resolve));
    open.ledger.append(contentNamed('bigger', 'x'.repeat(100_000)));
    events.append('c');
    await new Promise((resolve) => setImmediate(resolve));
    faults.finishSyncs();
    expect(events.acknowledged).toEqual(['b']);
    expect(open.ledger.deliverable).toBe(3);
    faults.finishSyncs();
    expect(events.acknowledged).toEqual(['b', 'c']);
  });

  it('over several segments removes those whose every line is written again', async () => {
    const open = folder.open({ maxSegmentBytes: 1 });
    await keep(open.ledger, 'a');
    const events = tracked(open);
    faults.sync = ioError('EIO');
    events.append('b', 'c', 'd');
    await until(() => open.told.failed.length > 0);
    faults.heal();
    open.clock.advance(5000);
    await until(() => events.acknowledged.length === 3);
    expect(open.ledger.segments).toEqual([1, 2, 3, 4]);
    expect(idsOf()).toEqual(['a', 'b', 'c', 'd']);
  });

  it('leaves no file open', async () => {
    const open = folder.open({ maxSegmentBytes: 1 });
    const events = tracked(open);
    const probe = () => {
      const fd = fs.openSync(folder.file('ledger.json'), 'r');
      fs.closeSync(fd);
      return fd;
    };
    let least = 0;
    for (let round = 1; round <= 10; round += 1) {
      faults.sync = ioError('EIO');
      events.append(`a-${round}`, `b-${round}`);
      await until(() => open.ledger.trouble !== undefined);
      faults.heal();
      open.clock.advance(5000);
      await until(() => events.acknowledged.length === round * 2);
      if (round === 1) least = probe();
    }
    expect(probe()).toBe(least);
  });
});

describe('a segment that somebody else', () => {
  const newestSegment = () => `${folder.path}/${'1'.padStart(20, '0')}.jsonl`;

  it.each([
    ['removes', (path: string) => fs.rmSync(path)],
    ['moves away', (path: string) => fs.renameSync(path, `${path}.1`)],
  ])('%s is left, and what is acknowledged from then on is in the next one', async (_, harm) => {
    const open = folder.open();
    await keep(open.ledger, 'a');
    const events = tracked(open);
    harm(newestSegment());
    events.append('b');
    await until(() => open.told.failed.length > 0);
    expect(events.acknowledged).toEqual([]);
    expect(open.told.failed[0]?.message).toContain('removed or replaced');
    open.clock.advance(5000);
    events.append('c');
    await until(() => events.acknowledged.length === 2);
    const next = fs.readFileSync(`${folder.path}/${'2'.padStart(20, '0')}.jsonl`, 'utf8');
    expect(
      next
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).id),
    ).toEqual(['b', 'c']);
    await open.ledger.close();
    expect(() => folder.open()).toThrow('is missing, and with it record 1');
  });
});

describe('large lines', () => {
  it('keep their bytes where the segment rolls at a small line behind them', async () => {
    const open = folder.open({ maxSegmentBytes: 100_500 });
    const events = tracked(open);
    // One flush: the buffer grows for the large line, and the small one behind it begins a segment.
    open.ledger.append(contentNamed('large', 'x'.repeat(100_000)));
    events.append('b', 'c');
    await until(() => events.acknowledged.length === 2);
    expect(open.ledger.segments).toEqual([1, 2]);
    expect(idsOf()).toEqual(['large', 'b', 'c']);
  });

  it('larger than a segment stand alone in one', async () => {
    const open = folder.open({ maxSegmentBytes: 2000 });
    await keep(open.ledger, 'a');
    open.ledger.append(contentNamed('b', '€'.repeat(5000)));
    await keep(open.ledger, 'c');
    expect(open.ledger.segments).toEqual([1, 2, 3]);
    expect(idsOf()).toEqual(['a', 'b', 'c']);
  });
});

describe('any row of faults', () => {
  const step = fc.oneof(
    fc.record({
      kind: fc.constant('append' as const),
      count: fc.integer({ min: 1, max: 5 }),
      bytes: fc.nat(3000),
    }),
    fc.record({ kind: fc.constant('space' as const), bytes: fc.nat(3000) }),
    fc.record({
      kind: fc.constantFrom(
        'write' as const,
        'sync' as const,
        'begin' as const,
        'truncate' as const,
      ),
      code: fc.constantFrom('EIO', 'ENOSPC', 'EMFILE'),
    }),
    fc.record({
      kind: fc.constantFrom(
        'hold' as const,
        'finish' as const,
        'fail' as const,
        'heal' as const,
        'turn' as const,
        'flush' as const,
      ),
    }),
    fc.record({ kind: fc.constant('advance' as const), ms: fc.constantFrom(10, 250, 5000) }),
    fc.record({ kind: fc.constant('short' as const), part: fc.integer({ min: 1, max: 700 }) }),
  );

  it('loses nothing that was acknowledged, and nothing at all once the disk is well', async () => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 40 }),
        fc.constantFrom(1, 3000, 2 ** 26),
        fc.boolean(),
        async (steps, maxSegmentBytes, healsAtLast) => {
          run += 1;
          faults.heal();
          const open = folder.open(
            { directory: folder.file(String(run)), maxSegmentBytes },
            fakeClock(),
          );
          const { ledger, clock } = open;
          const taken: string[] = [];
          const acknowledged: string[] = [];
          const append = (to: Ledger, bytes: number) => {
            const id = `r-${taken.length}`;
            taken.push(id);
            const sequence = to.append(contentNamed(id, 'x'.repeat(bytes)));
            expect(sequence).toBe(taken.length);
            to.onDurable(sequence, {
              settle: (error) => {
                if (error === undefined) acknowledged.push(id);
              },
            });
          };
          for (const given of steps) {
            if (given.kind === 'append')
              for (let n = 0; n < given.count; n += 1) append(ledger, given.bytes);
            else if (given.kind === 'space') faults.space = given.bytes;
            else if (given.kind === 'short') faults.writeAtMost = () => given.part;
            else if (given.kind === 'advance') clock.advance(given.ms);
            else if (given.kind === 'hold') faults.holdSyncs = true;
            else if (given.kind === 'finish') faults.finishSyncs();
            else if (given.kind === 'fail') faults.finishSyncs(ioError('EIO'));
            else if (given.kind === 'heal') faults.heal();
            else if (given.kind === 'flush') ledger.flush();
            else if (given.kind === 'turn') await new Promise((resolve) => setImmediate(resolve));
            else if ('code' in given) faults[given.kind] = ioError(given.code);
          }
          if (healsAtLast) {
            faults.heal();
            for (let n = 0; n < 200 && acknowledged.length < taken.length; n += 1) {
              faults.finishSyncs();
              clock.advance(5000);
              await new Promise((resolve) => setImmediate(resolve));
            }
            expect(acknowledged).toEqual(taken);
            expect(verifyChain(ledger.directory).map(({ id }) => id)).toEqual(taken);
            expect(ledger.waitingBytes).toBe(0);
          }
          faults.holdSyncs = false;
          faults.finishSyncs();
          await ledger.close().catch(() => {});
          expect(acknowledged).toEqual(taken.slice(0, acknowledged.length));
          faults.heal();
          const again = folder.open({ directory: ledger.directory }).ledger;
          await again.close();
          const kept = verifyChain(ledger.directory).map(({ id }) => id);
          expect(kept).toEqual(taken.slice(0, kept.length));
          expect(kept.length).toBeGreaterThanOrEqual(acknowledged.length);
          fs.rmSync(ledger.directory, { recursive: true });
        },
      ),
      { numRuns: 150 },
    );
  });
});
