import { describe, expect, it } from '@jest/globals';
import { laneRig, range } from './lane-rig.js';

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
