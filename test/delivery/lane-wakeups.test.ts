import { describe, expect, it } from '@jest/globals';
import { laneRig, range } from './lane-rig.js';
import { type Timeline, timeline } from './timeline.js';

/** Acts so many microtasks from now. */
function afterMicrotasks(count: number, act: () => void): void {
  if (count === 0) act();
  else queueMicrotask(() => afterMicrotasks(count - 1, act));
}

// From the sink's answer to its next sleep a lane takes some ten microtasks. Whatever falls between two of
// them, no timer is there to make up for what it did not hear.
const MOMENTS = range(0, 25);

describe('a lane on its way to sleep', () => {
  it('hears of a record, at whatever moment it comes', async () => {
    for (const moment of MOMENTS) {
      const rig = laneRig({
        delivery: { maxBatch: 1 },
        farSide: ({ numbers }) => {
          if (numbers.includes(1)) afterMicrotasks(moment, () => rig.add(1));
        },
      });
      rig.add(1);
      await rig.idle();
      expect([moment, rig.batches]).toEqual([moment, [[1], [2]]]);
    }
  });

  it('hears that somebody waits, at whatever moment', async () => {
    for (const moment of MOMENTS) {
      const rig = laneRig({
        delivery: { maxBatch: 2 },
        farSide: ({ numbers }) => {
          if (numbers.includes(1)) afterMicrotasks(moment, () => rig.lane.hurry(3));
        },
      });
      rig.add(3);
      await rig.idle();
      expect([moment, rig.batches]).toEqual([moment, [[1, 2], [3]]]);
    }
  });

  it('hears that its source is to be read again, at whatever moment', async () => {
    for (const moment of MOMENTS) {
      const rig = laneRig({
        delivery: { maxBatch: 1 },
        observer: {
          trouble() {
            rig.source.fault = undefined;
            afterMicrotasks(moment, () => rig.lane.retryNow());
          },
        },
      });
      rig.source.fault = new Error('EIO');
      rig.add(1);
      await rig.idle();
      expect([moment, rig.batches]).toEqual([moment, [[1]]]);
    }
  });
});

describe('a lane that waits', () => {
  it.each(['to send again', 'to read again'])('%s is not woken by what comes', async (what) => {
    const clock = timeline();
    let sleeps = 0;
    const counting: Timeline = {
      ...clock,
      schedule: (callback, ms) => {
        sleeps += 1;
        return clock.schedule(callback, ms);
      },
    };
    const rig = laneRig({
      clock: counting,
      delivery: { maxBatch: 1 },
      farSide: () => {
        throw new Error('down');
      },
    });
    if (what === 'to read again') rig.source.fault = new Error('EIO');
    rig.add(1);
    await rig.idle();
    const before = sleeps;
    rig.add(1);
    rig.lane.hurry(2);
    await rig.idle();
    expect(before).toBeGreaterThan(0);
    expect(sleeps).toBe(before);
  });
});
