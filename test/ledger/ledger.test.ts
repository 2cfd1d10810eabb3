import fs from 'node:fs';
import { describe, expect, it, jest } from '@jest/globals';
import { createEvent } from '../../src/event/event.js';
import type { RecordContent } from '../../src/ledger/record.js';
import { diskFaults, ioError } from '../support/disk-faults.js';
import { contentNamed, durable, keep, ledgerFolder } from '../support/ledger-folder.js';
import { verifyChain } from '../support/verify-chain.js';

const faults = diskFaults();
const folder = ledgerFolder();
const idsOf = () => verifyChain(folder.path).map(({ id }) => id);
const turn = () => new Promise((resolve) => setImmediate(resolve));
const written = () => fs.readFileSync(folder.file(folder.segments().at(-1)!), 'utf8');

describe('recording', () => {
  it('writes what a turn recorded at the end of that turn, promises heard, in one write', async () => {
    const { ledger } = folder.open();
    await keep(ledger, 'a');
    const write = jest.mocked(fs.writeSync);
    write.mockClear();
    ledger.append(contentNamed('b'));
    void Promise.resolve().then(async () => {
      await undefined;
      ledger.append(contentNamed('c'));
    });
    expect(write).not.toHaveBeenCalled();
    await turn();
    expect(idsOf()).toEqual(['a', 'b', 'c']);
    expect(write).toHaveBeenCalledTimes(1);
  });

  it('writes a long turn in parts', async () => {
    const { ledger } = folder.open();
    await keep(ledger, 'a');
    ledger.append(contentNamed('b', 'x'.repeat(131_000)));
    expect(idsOf()).toEqual(['a', 'b']);
    await turn();
  });

  it('syncs soon though nobody waits, and at once when somebody does', async () => {
    const { ledger, clock } = folder.open();
    const before = faults.syncs;
    ledger.append(contentNamed('a'));
    await turn();
    expect([ledger.deliverable, faults.syncs]).toEqual([0, before]);
    clock.advance(10);
    await turn();
    await turn();
    expect(ledger.deliverable).toBe(1);
    await keep(ledger, 'b');
    expect(ledger.deliverable).toBe(2);
    expect(clock.waiting).toBe(0);
  });

  it('syncs in groups', async () => {
    const { ledger } = folder.open();
    await keep(ledger, ...Array.from({ length: 500 }, (_, n) => `a-${n}`));
    expect(faults.syncs).toBeLessThan(5);
    expect(idsOf()).toHaveLength(500);
  });

  it('settles those who wait in the order of their records, each once', async () => {
    const { ledger } = folder.open();
    const settled: number[] = [];
    for (const id of ['a', 'b', 'c']) {
      const sequence = ledger.append(contentNamed(id));
      ledger.onDurable(sequence, { settle: () => settled.push(sequence) });
    }
    ledger.onDurable(1, { settle: () => settled.push(1) });
    await durable(ledger, 3);
    await turn();
    expect(settled).toEqual([1, 2, 3, 1]);
  });

  it('tells of growth once it is durable', async () => {
    const { ledger } = folder.open();
    const seen: number[] = [];
    const end = ledger.onGrowth(() => seen.push(ledger.deliverable));
    await keep(ledger, 'a', 'b');
    end();
    await keep(ledger, 'c');
    expect(seen).toEqual([2]);
  });

  it('bears one who records when told of a fault, of a full segment or of growth', async () => {
    const open = folder.open({ maxSegmentBytes: 1 });
    const { ledger, clock, told } = open;
    let more = 0;
    const record = () => {
      if (more >= 40) return;
      more += 1;
      ledger.append(contentNamed(`more-${more}`, 'x'.repeat(140_000)));
    };
    ledger.onRoll = record;
    ledger.onGrowth(record);
    told.failed.push = (...errors) => {
      record();
      return errors.length;
    };
    for (let n = 0; n < 6; n += 1) {
      ledger.append(contentNamed(`a-${n}`, 'x'.repeat(70_000)));
      ledger.onDurable(ledger.append(contentNamed(`b-${n}`)), { settle() {} });
      faults.sync = n % 2 === 0 ? ioError('EIO') : undefined;
      await turn();
      faults.heal();
      clock.advance(5000);
      await turn();
    }
    await ledger.close();
    const kept = idsOf();
    expect(kept).toHaveLength(ledger.newest);
    expect(new Set(kept).size).toBe(12 + more);
  });
});

describe('the same id', () => {
  const conflicting = (id: string) => contentNamed(id, 'other');

  it('with the same content is the same record, and nothing is written', async () => {
    const { ledger } = folder.open();
    const content = contentNamed('a');
    const same: RecordContent = { id: 'a', event: { ...content.event } };
    expect([ledger.append(content), ledger.append(same)]).toEqual([1, 1]); // not even a line yet
    await durable(ledger, 1);
    const before = written();
    expect(ledger.append(same)).toBe(1); // read back: memory has forgotten it
    await keep(ledger, 'b');
    expect(written().slice(0, before.length)).toBe(before);
    expect(idsOf()).toEqual(['a', 'b']);
  });

  it('with other content is a conflict, wherever the first stands, and nothing is written', async () => {
    const { ledger } = folder.open({ maxSegmentBytes: 1 });
    ledger.append(contentNamed('a'));
    expect(() => ledger.append(conflicting('a'))).toThrow(
      expect.objectContaining({ code: 'conflict', message: expect.stringContaining('record 1') }),
    );
    await durable(ledger, 1);
    await keep(ledger, 'b', 'c');
    expect(() => ledger.append(conflicting('a'))).toThrow(/already recorded, in record 1,/);
    const odd = { id: 'b', trace: undefined, reason: 'r', attributesText: '{}' };
    expect(() => ledger.append(odd)).toThrow(/in record 2,/);
    ledger.append({ ...odd, id: 'd' });
    expect(ledger.append({ ...odd, id: 'd' })).toBe(4);
    expect(() => ledger.append({ ...odd, id: 'd', reason: 's' })).toThrow(/in record 4,/);
    await durable(ledger, 4);
    expect(idsOf()).toEqual(['a', 'b', 'c', 'd']);
  });

  it('is known after reopening too, in every segment', async () => {
    const event = (id: string) =>
      createEvent({
        type: 'flag',
        action: 'created',
        id,
        payload: { id },
        timestamp: '2026-01-31T12:00:00Z',
      });
    const first = folder.open({ maxSegmentBytes: 1 }).ledger;
    const odd = 'a "quoted" \\ id';
    for (const id of ['a', odd, 'c']) first.append({ id, event: event(id) });
    await first.close();
    const { ledger, told } = folder.open();
    for (const [index, id] of ['a', odd, 'c'].entries()) {
      expect(ledger.append({ id, event: event(id) })).toBe(index + 1);
      expect(() => ledger.append(conflicting(id))).toThrow(`in record ${index + 1},`);
    }
    expect([ledger.newest, told.failed]).toEqual([3, []]);
  });

  it('is free again when its record was cut off by a repair', async () => {
    const first = folder.open().ledger;
    await keep(first, 'a', 'b');
    await first.close();
    const path = folder.file(folder.segments()[0]!);
    fs.truncateSync(path, fs.statSync(path).size - 3);
    const { ledger } = folder.open();
    expect(ledger.append(conflicting('b'))).toBe(2);
    await durable(ledger, 2);
    expect(idsOf()).toEqual(['a', 'b']);
  });

  it('is free again when its record was retired', async () => {
    const { ledger, told } = folder.open({ maxSegmentBytes: 1, retain: { maxBytes: 0 } });
    await keep(ledger, 'a', 'b', 'c');
    ledger.retire(2);
    expect(ledger.append(conflicting('a'))).toBe(4);
    expect(ledger.record(1)).toBeUndefined();
    expect(told.failed).toEqual([]);
  });

  it('is forgotten after 100,000 newer ones, also by an opening', async () => {
    const small = (id: string): RecordContent => ({
      id,
      trace: undefined,
      reason: '',
      attributesText: '{}',
    });
    const other = (id: string) => ({ ...small(id), reason: 'other' }) as RecordContent;
    const first = folder.open({ maxSegmentBytes: 2 ** 22 }).ledger;
    for (let n = 1; n <= 100_001; n += 1) first.append(small(`i-${n}`));
    expect(() => first.append(other('i-2'))).toThrow('in record 2,');
    await first.close();
    const { ledger } = folder.open();
    expect(ledger.segments.length).toBeGreaterThan(3);
    expect(() => ledger.append(other('i-2'))).toThrow('in record 2,');
    expect(() => ledger.append(other('i-100001'))).toThrow('in record 100001,');
    expect(ledger.append(other('i-1'))).toBe(100_002);
    // Records whose id is forgotten can still be read.
    expect(ledger.record(1)?.content.id).toBe('i-1');
    expect(ledger.record(100_001)?.content.id).toBe('i-100001');
    expect(ledger.record(100_003)).toBeUndefined();
  });

  it('says so when the record cannot be read back', async () => {
    const { ledger, told } = folder.open();
    await keep(ledger, 'a');
    fs.writeFileSync(folder.file(folder.segments()[0]!), 'x\n');
    expect(ledger.record(1)).toBeUndefined();
    expect(told.failed).toEqual([expect.objectContaining({ code: 'ledger-unavailable' })]);
  });
});

describe('closing', () => {
  it('keeps everything, also what is recorded while it closes, and takes nothing more', async () => {
    const { ledger } = folder.open();
    ledger.append(contentNamed('a'));
    faults.holdSyncs = true;
    const closing = ledger.close();
    ledger.append(contentNamed('b'));
    await turn();
    ledger.append(contentNamed('c'));
    faults.holdSyncs = false;
    faults.finishSyncs();
    await closing;
    expect(idsOf()).toEqual(['a', 'b', 'c']);
    expect(() => ledger.append(contentNamed('d'))).toThrow(
      expect.objectContaining({ code: 'shutdown' }),
    );
    await expect(durable(ledger, 3)).resolves.toBeUndefined();
    await expect(durable(ledger, 4)).rejects.toMatchObject({ code: 'shutdown' });
  });

  it('twice is the same promise', async () => {
    const { ledger } = folder.open();
    ledger.append(contentNamed('a'));
    const first = ledger.close();
    expect(ledger.close()).toBe(first);
    await first;
    await ledger.close();
  });

  it('leaves no timer, no exit listener and no file', async () => {
    const probe = () => {
      const fd = fs.openSync('/dev/null', 'r');
      fs.closeSync(fd);
      return fd;
    };
    const before = [probe(), process.listenerCount('exit')];
    for (let n = 0; n < 5; n += 1) {
      const { ledger, clock } = folder.open({ maxSegmentBytes: 1 });
      ledger.append(contentNamed(`a-${n}`));
      ledger.append(contentNamed(`b-${n}`));
      await turn();
      await ledger.close();
      expect(clock.waiting).toBe(0);
    }
    expect([probe(), process.listenerCount('exit')]).toEqual(before);
  });
});
