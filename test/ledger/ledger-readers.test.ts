import { describe, expect, it } from '@jest/globals';
import { createEvent } from '../../src/event/event.js';
import { HotRecord, HotRecords } from '../../src/ledger/hot-records.js';
import { LedgerReaders } from '../../src/ledger/ledger-readers.js';
import { fakeClock } from '../support/fake-clock.js';

const ALL = { count: 1000, bytes: 2 ** 20 };
const event = createEvent({ type: 'flag', action: 'created', payload: { key: 'a' } });

/** Readers over records that are in memory only: what is not there any more cannot be read at all. */
function rig() {
  const clock = fakeClock();
  const hot = new HotRecords(1);
  const ledger = { deliverable: 0, directory: '/nowhere', segments: [1] };
  const readers = new LedgerReaders(ledger, hot, clock);
  return {
    clock,
    readers,
    hot,
    append(count: number) {
      for (let n = 0; n < count; n += 1) {
        ledger.deliverable += 1;
        const record = new HotRecord(ledger.deliverable, { id: event.id, event }, '');
        record.bytes = 1000;
        hot.push(record);
      }
      readers.release();
    },
  };
}

describe('records in memory', () => {
  it('wait for the lane that is furthest behind', () => {
    const { readers, hot, append } = rig();
    const [fast, slow] = [readers.open(), readers.open()];
    append(10);
    fast.release(10);
    slow.release(4);
    expect(hot.from).toBe(5);
    expect(slow.read(5, ALL)).toHaveLength(6);
    slow.release(10);
    expect(hot.from).toBe(11);
  });

  it('do not wait for a lane that stands still, and do again once it moves', () => {
    const { clock, readers, hot, append } = rig();
    const [fast, hung] = [readers.open(), readers.open()];
    append(10);
    clock.advance(1999);
    fast.release(10);
    expect(hot.from).toBe(1);
    clock.advance(1);
    append(1);
    expect(hot.from).toBe(11); // only what the fast lane needs
    fast.release(11);
    hung.release(11);
    append(5);
    fast.release(16);
    expect(hot.from).toBe(12);
  });

  it('wait for a lane that had nothing to do for long', () => {
    const { clock, readers, hot, append } = rig();
    const lane = readers.open();
    append(1);
    lane.release(1);
    clock.advance(3_600_000);
    append(3);
    expect(hot.from).toBe(2);
    expect(lane.read(2, ALL)).toHaveLength(3);
  });

  it('do not wait for a lane that is closed, nor past 8 MiB for any', async () => {
    const { readers, hot, append } = rig();
    const [one, other] = [readers.open(), readers.open()];
    append(9000);
    expect(hot.bytes).toBeLessThanOrEqual(8 * 2 ** 20);
    expect(hot.bytes).toBeGreaterThan(8 * 2 ** 20 - 1001);
    one.release(9000);
    await other.close();
    expect(hot.bytes).toBe(0);
  });
});
