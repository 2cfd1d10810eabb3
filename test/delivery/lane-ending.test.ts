import { describe, expect, it } from '@jest/globals';
import { ArraySource, laneRig, numbered, range } from './lane-rig.js';

describe('a lane that stops without a ledger', () => {
  it('tells as lost what its sink should have got, and nothing else', async () => {
    const rig = laneRig({
      memory: true,
      checker: { check: (pair) => pair === 'flag:created', events: () => [] },
      farSide: () => {
        throw new Error('down');
      },
      delivery: { maxBatch: 2 },
    });
    for (const number of range(1, 9)) {
      rig.source.add(numbered(number, number % 3 === 0 ? 'rule' : 'flag'));
    }
    rig.source.add({ id: 'x', trace: undefined, reason: 'no action', attributesText: '{}' });
    rig.source.announce();
    await rig.idle();
    await rig.lane.stop(1000);
    const lost = rig.told.lost.flatMap(({ sequences }) => sequences);
    expect(lost).toEqual([1, 2, 4, 5, 7, 8]);
    expect(rig.lane.counters.lost).toBe(6);
  });
});

describe('a lane that stops while it passes over a backlog', () => {
  it('reads no further, and keeps how far it is', async () => {
    const rig = laneRig({ checker: { check: () => false, events: () => [] } });
    let stopped: Promise<void> | undefined;
    rig.source.onRead = () => {
      if (rig.source.reads === 20) stopped = rig.lane.stop(1000);
    };
    rig.add(512 * 80);
    await rig.idle();
    await stopped;
    expect(rig.source.reads).toBeLessThan(30);
    expect(rig.positions.position.acknowledged).toBeGreaterThanOrEqual(512 * 19);
  });
});

describe('a lane that has stopped', () => {
  it('tells nothing of a read that fails then', async () => {
    const source = new ArraySource();
    let fail: ((error: Error) => void) | undefined;
    source.reader = () => ({
      read: () => new Promise((_, reject) => (fail = reject)),
      release: () => {},
      close: async () => {},
    });
    const rig = laneRig({ source });
    rig.add(1);
    await rig.idle();
    const stopped = rig.lane.stop(100);
    await rig.pass(100);
    await stopped;
    fail?.(new Error('the ledger is closed'));
    await rig.idle();
    expect(fail).toBeDefined();
    expect(rig.told.troubles).toEqual([]);
    expect(rig.lane.health()).toBeUndefined();
  });

  it('does not begin again, and hears of nothing more', async () => {
    let listeners = 0;
    class HeardSource extends ArraySource {
      override onGrowth(callback: () => void): () => void {
        const end = super.onGrowth(callback);
        listeners += 1;
        return () => {
          listeners -= 1;
          end();
        };
      }
    }
    const rig = laneRig({ source: new HeardSource() });
    rig.lane.start(); // nor does one that runs
    expect(listeners).toBe(1);
    await rig.lane.stop(0);
    rig.lane.start();
    rig.add(1);
    rig.lane.hurry(1);
    await rig.idle();
    expect([listeners, rig.calls]).toEqual([0, []]);
  });
});
