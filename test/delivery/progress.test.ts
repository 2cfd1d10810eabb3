import { describe, expect, it } from '@jest/globals';
import { LaneReport } from '../../src/delivery/lane-report.js';
import { Progress } from '../../src/delivery/progress.js';
import { SetAside } from '../../src/delivery/set-aside.js';
import type { Position } from '../../src/delivery/source.js';
import { fakeClock } from '../support/fake-clock.js';
import { setRecordAside } from './lane-parts.js';
import { ArrayPositions } from './lane-rig.js';

function progressFrom(position: Position) {
  const clock = fakeClock();
  const backoff = { initialMs: 1000, maxMs: 30_000, factor: 2 };
  const pacing = { backoff, clock, random: () => 1 };
  const positions = new ArrayPositions(position);
  const aside = new SetAside(position.waiting, pacing);
  const told: number[] = [];
  const released: number[] = [];
  const state = { firstOpen: position.acknowledged + 1 };
  const progress = new Progress({
    positions,
    aside,
    firstOpen: () => state.firstOpen,
    reader: { release: (upTo) => released.push(upTo) },
    report: new LaneReport('siem', { settled: (upTo) => told.push(upTo) }, clock.monotonic),
    pacing,
  });
  const setAside = (sequence: number) => setRecordAside(aside, pacing, sequence);
  /** Every record before this one is settled or set aside. */
  const moveTo = (firstOpen: number) => {
    state.firstOpen = firstOpen;
    progress.update();
  };
  return { progress, positions, aside, setAside, moveTo, told, released };
}

describe('the progress of a lane', () => {
  it('is kept, told, and frees memory, once for each step', async () => {
    const { progress, positions, moveTo, told, released } = progressFrom({
      acknowledged: 3,
      waiting: [2],
    });
    moveTo(4);
    expect([progress.settled, told]).toEqual([3, []]);
    moveTo(9);
    await progress.close();
    expect(progress.settled).toBe(8);
    expect([told, released]).toEqual([[8], [8]]);
    expect(positions.saves).toEqual([{ acknowledged: 8, waiting: [2] }]);
  });

  it('stops before what is set aside until there is proof that others get through', () => {
    const { progress, aside, setAside, moveTo } = progressFrom({ acknowledged: 0, waiting: [] });
    setAside(5);
    moveTo(9);
    expect(progress.settled).toBe(4);
    aside.prove();
    progress.update();
    expect(progress.settled).toBe(8);
  });

  it('tells of a record that is set aside no more, though nothing else has moved', async () => {
    const { progress, positions, aside, moveTo, told } = progressFrom({
      acknowledged: 3,
      waiting: [2],
    });
    aside.remove(aside.due(0)!);
    progress.updateAside();
    moveTo(4);
    await progress.close();
    expect(told).toEqual([3]);
    expect(positions.saves).toEqual([{ acknowledged: 3, waiting: [] }]);
  });

  it('is kept so that no record is set aside and still to come', async () => {
    const { progress, positions, aside, setAside, moveTo } = progressFrom({
      acknowledged: 0,
      waiting: [],
    });
    const first = setAside(5);
    setAside(6);
    moveTo(4);
    moveTo(9);
    // The first one gets through, which is proof against the other; the lane has not moved yet.
    aside.prove();
    expect(progress.waiting).toEqual([]);
    aside.remove(first);
    progress.updateAside();
    expect(progress.waiting).toEqual([6]);
    await progress.close();
    for (const { acknowledged, waiting } of positions.saves) {
      expect(waiting.filter((sequence) => sequence > acknowledged)).toEqual([]);
    }
    expect(positions.saves.at(-1)).toEqual({ acknowledged: 8, waiting: [6] });
  });

  it('that cannot be kept in the end is told', async () => {
    const { progress, positions, moveTo } = progressFrom({ acknowledged: 0, waiting: [] });
    positions.fault = new Error('disk full');
    moveTo(3);
    await expect(progress.close()).rejects.toMatchObject({
      code: 'ledger-unavailable',
      message: 'sink siem: its position could not be saved: disk full',
    });
  });
});
