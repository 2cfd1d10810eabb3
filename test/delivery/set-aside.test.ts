import { describe, expect, it } from '@jest/globals';
import { SetAside, type SetAsideRecord } from '../../src/delivery/set-aside.js';
import { fakeClock } from '../support/fake-clock.js';
import { setRecordAside } from './lane-parts.js';
import { range } from './lane-rig.js';

function setAside(waiting: readonly number[] = []) {
  const clock = fakeClock();
  const backoff = { initialMs: 1000, maxMs: 30_000, factor: 2 };
  const pacing = { backoff, clock, random: () => 1 };
  const aside = new SetAside(waiting, pacing);
  const add = (sequence: number, given?: Partial<SetAsideRecord>) =>
    setRecordAside(aside, pacing, sequence, given);
  return { aside, add, clock };
}

describe('what is set aside', () => {
  it('by an earlier run is proven, and due at once', () => {
    const { aside } = setAside([3, 8]);
    expect([aside.size, aside.waiting, aside.firstUnproven]).toEqual([2, [3, 8], undefined]);
    expect(aside.due(0)?.sequence).toBe(3);
  });

  it('holds the position until something else got through', () => {
    const { aside, add } = setAside([3]);
    add(5);
    add(7);
    expect([aside.waiting, aside.firstUnproven]).toEqual([[3], 5]);
    aside.prove();
    expect([aside.waiting, aside.firstUnproven]).toEqual([[3, 5, 7], undefined]);
  });

  it('is tried one at a time, the one that is due the longest first', () => {
    const { aside, add } = setAside();
    add(5).retryTime.fail({ pauseMs: 4000 });
    const sooner = add(6);
    sooner.retryTime.fail();
    expect([aside.nextAt, aside.due(999)]).toEqual([1000, undefined]);
    expect(aside.due(9000)).toBe(sooner);
    aside.remove(sooner);
    expect([aside.nextAt, aside.due(9000)?.sequence]).toEqual([4000, 5]);
  });

  it('waits as a whole where one of them took long', () => {
    const { aside, add } = setAside();
    add(5);
    aside.retryTime.fail({ pauseMs: 270_000 });
    expect([aside.nextAt, aside.due(269_999)]).toEqual([270_000, undefined]);
    expect(aside.due(270_000)?.sequence).toBe(5);
  });

  it('in a hurry waits for nothing but what the far side asked for', () => {
    const { aside, add } = setAside();
    add(5).retryTime.fail({ askedMs: 90_000 });
    const entry = add(6);
    entry.retryTime.fail({ askedMs: 0 });
    aside.retryTime.fail({ pauseMs: 270_000 });
    aside.hurry();
    expect(aside.due(0)).toBe(entry);
    aside.remove(entry);
    expect([aside.due(0), aside.nextAt]).toEqual([undefined, 90_000]);
  });

  it('has nothing held against it for a time in which nothing got through', () => {
    const { aside, add } = setAside();
    const [before, during, never] = [
      add(5, { firstFailedAt: 100 }),
      add(6, { firstFailedAt: 600 }),
      add(7, { firstFailedAt: undefined }),
    ];
    aside.discount(500, 1000);
    // As long as they have failed while others got through: 400, nothing, nothing.
    expect([before.firstFailedAt, during.firstFailedAt]).toEqual([600, 1000]);
    expect(never.firstFailedAt).toBeUndefined();
  });

  it('is 64 records at most, and nothing is due where there is none', () => {
    const { aside, add } = setAside();
    expect([aside.due(0), aside.nextAt]).toEqual([undefined, Number.POSITIVE_INFINITY]);
    for (const sequence of range(1, 63)) add(sequence);
    expect(aside.isFull).toBe(false);
    add(64);
    expect(aside.isFull).toBe(true);
  });
});
