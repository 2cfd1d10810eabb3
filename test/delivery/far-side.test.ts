import { describe, expect, it } from '@jest/globals';
import { laneParts } from './lane-parts.js';

/** A far side, with one record set aside that failed first at 0. */
function farSideWithAside(hasLedger: boolean) {
  const parts = laneParts({ hasLedger });
  const entry = {
    sequence: 1,
    record: undefined,
    retryTime: parts.retryTime.fork(0),
    attempts: 5,
    firstFailedAt: 0,
    gotThrough: 0,
    proven: false,
    doom: undefined,
  };
  parts.aside.add(entry);
  return { ...parts, entry };
}

describe('a far side', () => {
  it('that stores something is well, and every wait begins anew', () => {
    const { aside, clock, entry, farSide, report, retryTime, told } = farSideWithAside(true);
    retryTime.fail();
    aside.retryTime.fail();
    farSide.fails('transient', 'down');
    expect(report.worstTrouble).toMatchObject({ kind: 'transient', message: 'down' });
    clock.advance(50);
    farSide.stored(3, 20);
    expect(report.worstTrouble).toBeUndefined();
    expect([retryTime.isFailing, aside.retryTime.isFailing]).toEqual([false, false]);
    expect([farSide.gotThrough, entry.proven, told]).toEqual([1, true, ['delivered 3']]);
  });

  it('that refuses an event works, but proves nothing against others', () => {
    const { entry, farSide, report } = farSideWithAside(true);
    farSide.fails('sink', 'bad token');
    farSide.works();
    expect(report.worstTrouble).toBeUndefined();
    expect([farSide.gotThrough, entry.proven]).toEqual([0, false]);
  });

  it.each([
    { hasLedger: true, firstFailedAt: 700 },
    { hasLedger: false, firstFailedAt: 0 },
  ])('has its outages held against no record, but for the bound on memory: %j', (expected) => {
    const { clock, entry, farSide } = farSideWithAside(expected.hasLedger);
    clock.advance(100);
    farSide.fails('transient', 'down');
    clock.advance(300);
    farSide.fails('transient', 'down'); // the same outage
    clock.advance(400);
    farSide.works();
    farSide.works(); // over once
    expect(entry.firstFailedAt).toBe(expected.firstFailedAt);
  });
});
