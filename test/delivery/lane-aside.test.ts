import { describe, expect, it } from '@jest/globals';
import { SinkError } from '../../src/sink.js';
import { laneRig } from './lane-rig.js';

const HOUR_MS = 60 * 60 * 1000;

describe('an event that was set aside', () => {
  it('and is refused for good in the end shows that the sink is there again', async () => {
    let fault: 'transient' | 'event' = 'transient';
    const rig = laneRig({
      farSide: ({ numbers }) => {
        if (numbers.includes(1)) throw new SinkError(fault, 'no');
      },
      delivery: { maxBatch: 1 },
    });
    rig.add(2);
    await rig.pass(HOUR_MS);
    expect(rig.lane.waiting).toEqual([1]);
    expect(rig.lane.health()).toMatchObject({ kind: 'transient' });
    fault = 'event';
    await rig.pass(HOUR_MS);
    expect(rig.dead).toMatchObject([{ sequence: 1, reason: 'no' }]);
    expect(rig.lane.health()).toBeUndefined();
  });
});
