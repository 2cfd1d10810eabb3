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

  it('stands in no position that comes before it: after a kill it would come twice', async () => {
    let isDown = true;
    const rig = laneRig({
      farSide: () => {
        if (isDown) throw new Error('down');
      },
      delivery: { maxBatch: 1 },
    });
    const wrong: unknown[] = [];
    rig.positions.watch = (position) => {
      const { acknowledged, waiting } = position;
      if (waiting.some((sequence) => sequence > acknowledged)) wrong.push(position);
    };
    rig.add(3);
    await rig.pass(HOUR_MS);
    expect(rig.told.setAside).toEqual([1, 2, 3]);
    isDown = false;
    await rig.pass(HOUR_MS);
    expect(wrong).toEqual([]);
    expect(rig.positions.position).toEqual({ acknowledged: 3, waiting: [] });
  });

  it('waits too where the far side asks for it because of a batch', async () => {
    const rig = laneRig({
      farSide: ({ numbers }) => {
        if (numbers.includes(1)) throw new Error('try later');
        if (numbers.includes(3)) throw new SinkError('transient', '429', { retryAfterMs: HOUR_MS });
      },
      delivery: { maxBatch: 1 },
    });
    rig.add(2);
    await rig.pass(HOUR_MS);
    rig.add(1);
    await rig.idle();
    expect(rig.batches.at(-1)).toEqual([3]);
    const before = rig.calls.length;
    await rig.pass(HOUR_MS - 1);
    expect(rig.batches.slice(before)).toEqual([]);
    await rig.pass(HOUR_MS);
    expect(new Set(rig.batches.slice(before).map(String))).toEqual(new Set(['1', '3']));
  });
});
