import { describe, expect, it } from '@jest/globals';
import { Gatherer } from '../../src/delivery/gatherer.js';
import { Intake } from '../../src/delivery/intake.js';
import { Reading } from '../../src/delivery/reading.js';
import { laneParts } from './lane-parts.js';
import { ArraySource, numbered, range } from './lane-rig.js';

/** Takes in batches of four flags; rules are not for its sink. */
function intake() {
  const { clock, outside, report, pacing, told } = laneParts();
  const source = new ArraySource();
  const gatherer = new Gatherer({
    name: 'siem',
    source,
    reader: source.reader(),
    checker: { check: (pair) => pair === 'flag:created', events: () => [] },
    limits: { count: 4, bytes: 10_000 },
    clock,
    from: 1,
  });
  const reading = new Reading(outside, report, pacing);
  const taking = new Intake({ gatherer, reading, report, maxDelayMs: 200 });
  return {
    clock,
    source,
    report,
    told,
    intake: taking,
    add: (...types: readonly string[]) => {
      for (const type of types) source.add(numbered(source.deliverable + 1, type));
    },
    /** What it would do now. */
    get next() {
      const now = clock.monotonic();
      return { hasMore: taking.hasMore(now), nextAt: taking.nextAt(now) };
    },
    take: () => taking.take(clock.monotonic()).map(({ records }) => records.map(sequenceOf)),
  };
}

const sequenceOf = ({ sequence }: { readonly sequence: number }) => sequence;

describe('the intake of a lane', () => {
  it('has nothing to do while there is nothing to read', () => {
    const { next, take } = intake();
    expect([next, take()]).toEqual([{ hasMore: false, nextAt: Number.POSITIVE_INFINITY }, []]);
  });

  it('gives a full batch at once, and others after their wait for company', async () => {
    const rig = intake();
    rig.add('flag', 'flag', 'flag', 'flag', 'flag');
    expect(rig.next.hasMore).toBe(true);
    await rig.intake.read();
    expect(rig.take()).toEqual([[1, 2, 3, 4]]);
    await rig.intake.read();
    expect([rig.take(), rig.next]).toEqual([[], { hasMore: false, nextAt: 200 }]);
    rig.clock.advance(200);
    expect(rig.take()).toEqual([[5]]);
  });

  it('lets nothing wait that somebody waits for', async () => {
    const rig = intake();
    rig.add('flag', 'flag');
    await rig.intake.read();
    expect(rig.intake.hurry(1)).toBe(true);
    expect(rig.intake.hurry(1)).toBe(false);
    expect(rig.take()).toEqual([[1, 2]]);
  });

  it('says when it passed over something, and where it stands', async () => {
    const rig = intake();
    rig.add('flag');
    expect(await rig.intake.read()).toBe(false);
    rig.add('rule', 'rule', 'flag');
    expect(await rig.intake.read()).toBe(true);
    expect(rig.intake.first).toBe(1);
    expect(rig.report.counters.rejected).toBe(2);
  });

  it('gives what it has where it cannot read on, and reads again after a wait', async () => {
    const rig = intake();
    rig.add('flag');
    await rig.intake.read();
    rig.add('flag');
    rig.source.fault = new Error('EIO');
    await rig.intake.read();
    expect([rig.take(), rig.next]).toEqual([[[1]], { hasMore: false, nextAt: 1000 }]);
    expect(rig.told).toEqual(['trouble sink siem: records could not be read: EIO']);
    rig.source.fault = undefined;
    rig.clock.advance(1000);
    expect(rig.next.hasMore).toBe(true);
    await rig.intake.read();
    expect(rig.report.worstTrouble).toBeUndefined();
  });

  it('reads the rest once more, from the first that is not taken, without what it passes over', async () => {
    const rig = intake();
    rig.add(...range(1, 4).map(() => 'flag'), 'rule', 'flag', 'rule', 'flag');
    await rig.intake.read();
    rig.take();
    await rig.intake.read();
    const rest: number[] = [];
    for await (const records of rig.intake.rest()) rest.push(...records.map(sequenceOf));
    expect(rest).toEqual([6, 8]);
    expect(rig.intake.first).toBe(6);
  });
});
